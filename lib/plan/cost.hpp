// The cost model: what a kernel takes on a device, measured where it was measured and estimated where not.
//
// Estimates are the roofline of the device's measured rates plus a launch, scaled by how far the device's measured
// kernels lie from their own estimates. Equal kernels have equal signatures, so each is measured once and networks of
// hundreds of operators need a few dozen measurements.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "graph/kernel_signature.hpp"
#include "plan/cluster.hpp"

namespace shoal::plan {

using graph::kernel_signature;

/// Measured kernels of one device, by signature.
using MeasuredKernels = std::map<std::string, KernelCost>;

/// Takes `newer` into `known`: new kernels are added; known ones move toward the newer time by `weight` (0 to 1; 1:
/// replaces), and take its bytes. Throws invalid_argument when the weight is outside of that.
void merge_measurements(MeasuredKernels& known, const MeasuredKernels& newer, double weight = 1);

/// One kernel of each signature that `known` lacks: what is left to measure, in the graph's order.
[[nodiscard]] std::vector<std::uint32_t> unmeasured_kernels(const graph::Graph& graph, const MeasuredKernels& known);

/// Floating-point operations and bytes of a kernel; values that stay inside do not count as traffic.
[[nodiscard]] graph::Cost kernel_work(const graph::Graph& graph, const graph::GroupRange& kernel);

/// The device's rates, or careful guesses by its kind where it has not been measured.
[[nodiscard]] device::Rates usable_rates(const device::DeviceInfo& device);

/// One entry a kernel of the graph.
[[nodiscard]] std::vector<KernelCost> kernel_costs(const graph::Graph& graph, const device::DeviceInfo& device,
                                                   const MeasuredKernels& measured = {});

/// One row a board; `measured` has one entry a board, or none at all.
[[nodiscard]] CostTable cost_table(const graph::Graph& graph, const Cluster& cluster,
                                   const std::vector<MeasuredKernels>& measured = {});

}  // namespace shoal::plan
