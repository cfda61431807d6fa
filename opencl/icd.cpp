#include "opencl/icd.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "platform/system_file.hpp"

namespace shoal::opencl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVendors = "/etc/OpenCL/vendors";

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

Icd read_icd(const fs::path& file) {
    return {file, platform::read_system_line(file).value_or("")};
}

void add_folder(std::vector<Icd>& out, const fs::path& folder) {
    for (const auto& name : platform::list_folder(folder)) {
        if (fs::path(name).extension() == ".icd") out.push_back(read_icd(folder / name));
    }
}

void add_list(std::vector<Icd>& out, const std::string& list) {
    for (std::size_t at = 0; at < list.size();) {
        const auto end = std::min(list.find(':', at), list.size());
        if (end > at) out.push_back({{}, list.substr(at, end - at)});
        at = end + 1;
    }
}

// ocl-icd also takes one .icd file, by path or by its name in the usual folder, or a library.
void add_vendors(std::vector<Icd>& out, const std::string& value, const fs::path& usual) {
    std::error_code ignored;
    const fs::path path(value);
    if (fs::is_directory(path, ignored)) return add_folder(out, path);
    if (path.extension() != ".icd") {
        out.push_back({{}, value});
    } else if (!path.has_parent_path() && fs::exists(usual / path, ignored)) {
        out.push_back(read_icd(usual / path));
    } else {
        out.push_back(read_icd(path));
    }
}

}  // namespace

std::vector<Icd> registered_icds() {
    std::vector<Icd> out;
    add_list(out, variable("OCL_ICD_FILENAMES"));
    const std::string other = variable("OPENCL_VENDOR_PATH"), vendors = variable("OCL_ICD_VENDORS");
    const fs::path usual = other.empty() ? fs::path(kVendors) : fs::path(other);
    if (vendors.empty())
        add_folder(out, usual);
    else
        add_vendors(out, vendors, usual);
    return out;
}

fs::path vendor_folder(const fs::path& parent, const std::vector<Icd>& icds) {
    base::DigestBuilder digest;
    for (const auto& icd : icds)
        digest.add(icd.library + "\n");
    const fs::path folder = parent / ("vendors-" + digest.finish().brief());
    base::make_private_folder(folder);
    for (std::size_t i = 0; i < icds.size(); ++i) {
        const auto name = std::to_string(i) + "-" + fs::path(icds[i].name()).stem().string() + ".icd";
        base::replace_file(folder / name, icds[i].library + "\n");
    }
    return folder;
}

void use_vendor_folder(const fs::path& folder) {
    ::setenv("OCL_ICD_VENDORS", folder.c_str(), 1);
    ::unsetenv("OCL_ICD_FILENAMES");
}

}  // namespace shoal::opencl
