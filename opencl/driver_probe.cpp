// The child's side of checking drivers. Lines written, in order; i counts the registrations:
//   begin <i>                 from here on this driver is at work
//   path <i> <file>           the library's file
//   failed <i> <reason>       it cannot be used, and says so
//   fine <i>
//   loader <platforms>        the ICD loader itself works
#include <CL/cl_icd.h>
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "opencl/driver_check.hpp"
#include "opencl/status.hpp"
#include "platform/system_file.hpp"

namespace shoal::opencl {
namespace {

constexpr cl_uint kMostPlatforms = 16;

// How every object of an ICD begins (cl_khr_icd).
struct WithDispatch {
    const cl_icd_dispatch* dispatch;
};

using FindFunction = void*(CL_API_CALL*)(const char*);

void say(int output, const std::string& line) {
    std::string_view rest = line;
    while (!rest.empty()) {
        const ssize_t count = ::write(output, rest.data(), rest.size());
        if (count <= 0) return;
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
}

template <class Function>
Function symbol(void* library, const char* name) {
    return reinterpret_cast<Function>(::dlsym(library, name));
}

std::string file_of(void* address) {
    Dl_info info{};
    return ::dladdr(address, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

// Asks as the loader does; an empty answer is good.
std::string trouble_with_platforms(void* library) {
    const auto find = symbol<FindFunction>(library, "clGetExtensionFunctionAddress");
    if (find == nullptr) return "its library has no clGetExtensionFunctionAddress: it is not an OpenCL driver";
    const auto list = reinterpret_cast<decltype(&clGetPlatformIDs)>(find("clIcdGetPlatformIDsKHR"));
    if (list == nullptr) return "its library has no clIcdGetPlatformIDsKHR: it is not an installable OpenCL driver";
    std::array<cl_platform_id, kMostPlatforms> platforms{};
    cl_uint count = 0;
    const cl_int status = list(kMostPlatforms, platforms.data(), &count);
    if (status != CL_SUCCESS) return status_text(status, "clIcdGetPlatformIDsKHR");
    if (count == 0) return "it offers no platform";
    for (cl_uint i = 0; i < std::min(count, kMostPlatforms); ++i) {
        const auto* platform = reinterpret_cast<const WithDispatch*>(platforms[i]);
        if (platform == nullptr || platform->dispatch == nullptr || platform->dispatch->clGetDeviceIDs == nullptr)
            return "its platform has no dispatch table";
        cl_uint devices = 0;
        platform->dispatch->clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 0, nullptr, &devices);
    }
    return {};
}

std::string trouble_with(const Icd& icd, int output, const std::string& index) {
    if (icd.library.empty()) return "the file names no library";
    void* library = ::dlopen(icd.library.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays open: the next must live beside it
    if (library == nullptr) {
        const char* reason = ::dlerror();
        return reason != nullptr ? reason : "dlopen failed";
    }
    const auto address = ::dlsym(library, "clGetExtensionFunctionAddress");
    if (address != nullptr) say(output, "path " + index + " " + file_of(address) + "\n");
    return trouble_with_platforms(library);
}

}  // namespace

void serve_driver_check(int output, const std::string& skipped, const std::filesystem::path& vendors) {
    const auto icds = registered_icds();
    const auto skip = platform::parse_list(skipped);
    for (std::size_t i = 0; i < icds.size(); ++i) {
        if (std::find(skip.begin(), skip.end(), static_cast<int>(i)) != skip.end()) continue;
        const std::string index = std::to_string(i);
        say(output, "begin " + index + "\n");
        std::string trouble = trouble_with(icds[i], output, index);
        std::replace(trouble.begin(), trouble.end(), '\n', ' ');
        say(output, trouble.empty() ? "fine " + index + "\n" : "failed " + index + " " + trouble + "\n");
    }
    if (!vendors.empty()) use_vendor_folder(vendors);
    cl_uint platforms = 0;
    if (clGetPlatformIDs(0, nullptr, &platforms) != CL_SUCCESS) platforms = 0;
    say(output, "loader " + std::to_string(platforms) + "\n");
}

int serve_driver_check(int argc, char** argv) {
    if (argc < 3) return 2;
    serve_driver_check(STDOUT_FILENO, argv[argc - 2], argv[argc - 1]);
    return 0;
}

}  // namespace shoal::opencl
