// Tests that need an OpenCL device: on a machine without one they say so and are counted as skipped.
#pragma once

#include <optional>

#include "opencl/discovery.hpp"

namespace shoal::test {

/// The first device with a compiler; absent, with a message in the test's output, when there is none.
[[nodiscard]] std::optional<opencl::FoundDevice> device_or_skip();

}  // namespace shoal::test
