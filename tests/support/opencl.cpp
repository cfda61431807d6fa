#include "support/opencl.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace shoal::test {

std::optional<opencl::FoundDevice> device_or_skip() {
    static int skipped = 0;
    const auto found = opencl::discover().devices;
    const auto usable =
        std::find_if(found.begin(), found.end(), [](const auto& device) { return device.info.online_compiler; });
    if (usable != found.end()) return *usable;
    ++skipped;
    MESSAGE("skipped, no OpenCL device (", skipped, " so far)");
    return std::nullopt;
}

}  // namespace shoal::test
