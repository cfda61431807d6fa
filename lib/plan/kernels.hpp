// How kernels are named to people.
#pragma once

#include <string>

#include "graph/graph.hpp"

namespace shoal::plan {

/// The model's own name of the operator that a kernel begins with; its cards where it has none: "conv1", "matmul".
[[nodiscard]] std::string kernel_name(const graph::Graph& graph, const graph::GroupRange& kernel);

/// "'conv1' (conv + map + map, f32[1, 28, 28, 8])": name, what it is fused of, what it makes.
[[nodiscard]] std::string describe_kernel(const graph::Graph& graph, const graph::GroupRange& kernel);

}  // namespace shoal::plan
