// What a kernel does, whoever's model it comes from: the key under which its times and its best variant are remembered.
#pragma once

#include <string>

#include "graph/graph.hpp"

namespace shoal::graph {

/// Operators, attributes, types and how they hang together, without names and without the constants' contents. Kernels
/// of equal signature take the same time on the same device. One line.
[[nodiscard]] std::string kernel_signature(const Graph& graph, const GroupRange& kernel);

}  // namespace shoal::graph
