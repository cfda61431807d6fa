#include "support/device_under_test.hpp"

#include <cstdlib>
#include <map>

namespace shoal::test {

std::shared_ptr<runtime::Backend> device_under_test(opencl::Dispatch dispatch) {
    // Never destroyed: a driver may have torn itself down before our statics go.
    static auto* const backends = new std::map<opencl::Dispatch, std::shared_ptr<runtime::Backend>>;
    static auto* const found = new opencl::Discovery(opencl::discover());
    if (found->devices.empty()) return nullptr;
    const auto [at, fresh] = backends->try_emplace(dispatch);
    if (fresh) {
        const char* wish = std::getenv("SHOAL_TEST_DEVICE");
        at->second =
            opencl::make_backend(opencl::choose(found->devices, wish != nullptr ? wish : "best"), {{}, dispatch});
    }
    return at->second;
}

}  // namespace shoal::test
