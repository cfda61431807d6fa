// The OpenCL device that tests run on: $SHOAL_TEST_DEVICE, else the best there is, with kernels of the class
// $SHOAL_TEST_KERNELS (simd, gpu, plain) where it is set; nothing where there is none, and the test says that it was
// skipped.
#pragma once

#include <memory>
#include <optional>

#include "opencl/backend.hpp"

namespace shoal::test {

/// One a dispatch and class of kernels (absent: $SHOAL_TEST_KERNELS, else the device's own), shared by the whole test
/// program; nullptr when no device can be used.
[[nodiscard]] std::shared_ptr<runtime::Backend> device_under_test(
    opencl::Dispatch dispatch = opencl::Dispatch::automatic, std::optional<device::KernelClass> kernels = std::nullopt);

}  // namespace shoal::test

/// Leaves the test case, counted as skipped, when there is no device.
#define SHOAL_NEEDS_DEVICE(backend)                        \
    const auto backend = shoal::test::device_under_test(); \
    if (backend == nullptr) {                              \
        MESSAGE("skipped: no OpenCL device");              \
        return;                                            \
    }
