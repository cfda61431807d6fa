// Choice by measurement: the ways in which kernels can be computed, timed against each other on the device.
#pragma once

#include <string>
#include <vector>

#include "device/kernel_table.hpp"
#include "graph/graph.hpp"
#include "runtime/backend.hpp"

namespace shoal::opencl {

/// One way of computing a kernel, and what it took.
struct Timed {
    std::string variant;  ///< as device::KernelTable names it
    device::KernelCost cost{};
};

/// The variants of kernel `kernel` of a graph on an OpenCL backend, the usual one first; none where there is only one.
[[nodiscard]] std::vector<std::string> variants(const runtime::Backend& backend, const graph::Graph& graph,
                                                graph::GroupRange kernel);

/// Times all of them, on made-up constants and zeros, `repeat` runs each in turns; costs are medians. Memory for the
/// weights of all of them must be there. What the device refuses is left out with a warning in the log. Throws device
/// when that is all of them.
[[nodiscard]] std::vector<Timed> time_variants(runtime::Backend& backend, const graph::Graph& graph,
                                               graph::GroupRange kernel, int repeat);

/// The one to take: the fastest, but the first, which is the usual one where that can be, unless another is faster by
/// more than measurements vary.
[[nodiscard]] const Timed& best_of(const std::vector<Timed>& timed);

}  // namespace shoal::opencl
