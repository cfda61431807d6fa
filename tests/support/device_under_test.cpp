#include "support/device_under_test.hpp"

#include <cstdlib>

#include "opencl/backend.hpp"

namespace shoal::test {

std::shared_ptr<runtime::Backend> device_under_test() {
    // Never destroyed: a driver may have torn itself down before our statics go.
    static const auto* const backend = [] {
        const auto found = opencl::discover();
        const char* wish = std::getenv("SHOAL_TEST_DEVICE");
        if (found.devices.empty()) return new std::shared_ptr<runtime::Backend>();
        return new std::shared_ptr(
            opencl::make_backend(opencl::choose(found.devices, wish != nullptr ? wish : "best")));
    }();
    return *backend;
}

}  // namespace shoal::test
