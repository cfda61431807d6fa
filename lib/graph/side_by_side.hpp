// Kernels side by side in one graph, so that one compilation serves many: for measuring.
#pragma once

#include <vector>

#include "graph/graph.hpp"

namespace shoal::graph {

/// Kernels of a graph, each for itself and side by side in one: all they read are its inputs, all that leaves them its
/// outputs. Constants hold zeros. The i-th kernel has group i.
[[nodiscard]] Graph side_by_side(const Graph& graph, const std::vector<GroupRange>& kernels);
/// What a device needs at least for running that kernel alone: weights, inputs and outputs.
[[nodiscard]] std::uint64_t least_bytes(const Graph& graph, const GroupRange& kernel);

}  // namespace shoal::graph
