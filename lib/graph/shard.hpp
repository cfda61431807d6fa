// Cutting a whole graph along one axis: the shard that computes a range of every output, by the cards' split rules.
//
// This is what data parallelism (the batch axis), spatial parallelism (rows with their halo) and tensor parallelism
// (channels) share. The executor knows nothing of it: a shard is a graph like any other.
#pragma once

#include <optional>
#include <string>

#include "graph/graph.hpp"

namespace shoal::graph {

/// Where a shard of a graph reads one of the graph's inputs.
struct ShardInput {
    std::string name;
    InputSlice slice;
};

struct GraphShard {
    Graph graph;
    std::vector<ShardInput> inputs;  ///< in the order of graph.inputs
};

/// The part of `graph` that computes [begin, end) of axis `axis` of every output; its inputs are the slices that this
/// needs, halo included. Throws Code::unsupported naming the operator when some operator cannot be divided that way,
/// or when two readers need the same value along different axes.
[[nodiscard]] GraphShard shard(const Graph& graph, int axis, std::int64_t begin, std::int64_t end);

/// True when shard() works for that axis with the given granule.
[[nodiscard]] bool can_shard(const Graph& graph, int axis);

}  // namespace shoal::graph
