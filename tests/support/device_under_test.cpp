#include "support/device_under_test.hpp"

#include <cstdlib>
#include <map>
#include <utility>

namespace shoal::test {
namespace {

device::KernelClass wished_class() {
    const char* wish = std::getenv("SHOAL_TEST_KERNELS");
    return wish != nullptr ? device::kernel_class_named(wish) : device::KernelClass::automatic;
}

}  // namespace

std::shared_ptr<runtime::Backend> device_under_test(opencl::Dispatch dispatch,
                                                    std::optional<device::KernelClass> kernels) {
    using Key = std::pair<opencl::Dispatch, device::KernelClass>;
    // Never destroyed: a driver may have torn itself down before our statics go.
    static auto* const backends = new std::map<Key, std::shared_ptr<runtime::Backend>>;
    static auto* const found = new opencl::Discovery(opencl::discover());
    if (found->devices.empty()) return nullptr;
    opencl::BackendOptions options;
    options.dispatch = dispatch;
    options.kernels = kernels ? *kernels : wished_class();
    const auto [at, fresh] = backends->try_emplace({dispatch, options.kernels});
    if (fresh) {
        const char* wish = std::getenv("SHOAL_TEST_DEVICE");
        at->second = opencl::make_backend(opencl::choose(found->devices, wish != nullptr ? wish : "best"), options);
    }
    return at->second;
}

}  // namespace shoal::test
