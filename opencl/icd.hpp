// The registrations of OpenCL drivers ("installable client drivers") as the ICD loaders read them: one .icd file a
// driver in /etc/OpenCL/vendors whose first line names its shared library, or what OCL_ICD_FILENAMES, OCL_ICD_VENDORS
// and OPENCL_VENDOR_PATH say instead (ocl-icd's libOpenCL(7), Khronos' OpenCL-ICD-Loader README).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace shoal::opencl {

struct Icd {
    std::filesystem::path file;  ///< the .icd file; empty when the environment names the library itself
    std::string library;         ///< as registered: a path, or a name for the dynamic linker; empty in an empty file

    /// For messages: the .icd file, else the library.
    [[nodiscard]] std::string name() const { return file.empty() ? library : file.string(); }
    bool operator==(const Icd&) const = default;
};

/// In the order of their names. Reads the environment.
[[nodiscard]] std::vector<Icd> registered_icds();

/// A folder below `parent` with .icd files for exactly these drivers, made when it is not there. Its name says what is
/// in it, so processes may share it.
[[nodiscard]] std::filesystem::path vendor_folder(const std::filesystem::path& parent, const std::vector<Icd>& icds);

/// Lets the loader see `folder` and nothing else. Changes the process' environment: only before the first OpenCL call,
/// while no other thread reads the environment.
void use_vendor_folder(const std::filesystem::path& folder);

}  // namespace shoal::opencl
