// A graph compiled for one OpenCL device: kernels with their arguments set, weights in place, one arena.
#pragma once

#include <memory>

#include "opencl/open_device.hpp"
#include "runtime/backend.hpp"

namespace shoal::opencl {

[[nodiscard]] std::unique_ptr<runtime::Executable> make_executable(std::shared_ptr<OpenDevice> device,
                                                                   runtime::Graph graph);

}  // namespace shoal::opencl
