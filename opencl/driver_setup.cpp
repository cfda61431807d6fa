#include "opencl/driver_setup.hpp"

#include <CL/cl.h>
#include <dlfcn.h>

#include <string_view>

#include "platform/system_file.hpp"

namespace shoal::opencl {
namespace {

// A loader that is not one (Oclgrind stands in for it, a vendor's library has only its own driver) reads no .icd files.
bool loader_reads_icds() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<void*>(&clGetPlatformIDs), &info) == 0 || info.dli_fname == nullptr) return true;
    return std::string_view(info.dli_fname).find("oclgrind") == std::string_view::npos;
}

// Loaded already, by the host program or an earlier discovery: then there is nothing left to be afraid of, and nothing
// to be learnt from a fork, which lacks the driver's threads.
bool drivers_are_loaded() {
    for (const auto& icd : registered_icds()) {
        if (icd.library.empty()) continue;
        void* library = ::dlopen(icd.library.c_str(), RTLD_LAZY | RTLD_NOLOAD);
        if (library == nullptr) continue;
        const bool driver = ::dlsym(library, "clGetExtensionFunctionAddress") != nullptr;
        ::dlclose(library);
        if (driver) return true;
    }
    return false;
}

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#elif defined(__has_feature)
constexpr bool kThreadSanitizer = __has_feature(thread_sanitizer);
#else
constexpr bool kThreadSanitizer = false;
#endif

// ThreadSanitizer, which has one thread of its own, ends a child of a program with threads that starts one itself.
bool may_fork() {
    return !kThreadSanitizer || platform::list_folder("/proc/self/task").size() <= 2;
}

}  // namespace

const DriverVerdict& prepare_drivers(const DriverCheckOptions& options) {
    static const DriverVerdict verdict = [&] {
        auto wanted = options;
        if (!loader_reads_icds() || drivers_are_loaded() || (options.command.empty() && !may_fork()))
            wanted.check = DriverCheck::never;
        DriverVerdict out = check_drivers(wanted);
        if (!out.vendors.empty()) use_vendor_folder(out.vendors);
        return out;
    }();
    return verdict;
}

}  // namespace shoal::opencl
