// A graph compiled for one OpenCL device: kernels with their arguments set, weights in place, one arena.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "opencl/open_device.hpp"
#include "runtime/backend.hpp"

namespace shoal::opencl {

/// `variants`: how each kernel group is to be computed (opencl/emit/emitter.hpp); without them, as was measured to be
/// best, and where the device refuses kernels of the GPU class then, with plain ones.
[[nodiscard]] std::unique_ptr<runtime::Executable> make_executable(
    std::shared_ptr<OpenDevice> device, runtime::Graph graph, std::optional<std::vector<std::string>> variants = {});

}  // namespace shoal::opencl
