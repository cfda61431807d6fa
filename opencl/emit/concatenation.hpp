// Values that need no copy to become part of a concatenation: their kernels store them where it lies.
#pragma once

#include <map>

#include "graph/graph.hpp"

namespace shoal::opencl {

/// Where a kernel stores row r, column c of a value that has rows of its last axis: at element
/// r * row + first_column + c of `value`.
struct Destination {
    graph::ValueId value;
    std::int64_t first_column, row;
};

/// For every value whose only reader is a concatenation of f32 along the last axis, by itself in its kernel group, where
/// in that it lies. What the graph returns, or the concatenation reads twice, keeps its own place.
[[nodiscard]] std::map<graph::ValueId, Destination> destinations(const graph::Graph& graph);

}  // namespace shoal::opencl
