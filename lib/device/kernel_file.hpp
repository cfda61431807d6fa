// A device's kernel table on disk: a text file, a line a kernel. Who measures writes it (a node, 'shoal tune'), who
// compiles and who plans reads it. It may travel with a product: then it must be of the same device, driver and
// versions.
//
//   kernels 2 <version of Shoal>|<how many equal devices come before it>|<device's speed identity>
//   <seconds> <weight bytes> <workspace bytes> <variant, or -> <signature>
#pragma once

#include <filesystem>
#include <string>

#include "device/device.hpp"
#include "device/kernel_table.hpp"

namespace shoal::device {

class KernelFile {
public:
    /// The file of that device in a folder, which is made when something is saved.
    KernelFile(const std::filesystem::path& folder, const DeviceInfo& device);

    /// What is there; nothing when it is missing, of another device, or damaged.
    [[nodiscard]] KernelTable load() const;
    /// Throws io.
    void save(const KernelTable& table) const;
    /// Takes more into what is there; what others add meanwhile is kept. Throws io or busy.
    void add(const KernelTable& table) const;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    [[nodiscard]] KernelTable parsed(const std::string& text) const;

    std::filesystem::path path_;
    std::string identity_;
};

/// The folder, below the cache folder, of what 'shoal tune' has measured on this machine: where nodes and runs look.
inline constexpr const char* kMachineKernels = "kernels";

/// A table that was brought along. Throws not_found, io, invalid_argument for a file that is none, and, when a device
/// is given, refused with both identities when it was measured on another one; where a device was found makes no
/// difference.
[[nodiscard]] KernelTable load_kernel_table(const std::filesystem::path& file, const DeviceInfo* device = nullptr);
/// Throws io.
void save_kernel_table(const std::filesystem::path& file, const DeviceInfo& device, const KernelTable& table);

}  // namespace shoal::device
