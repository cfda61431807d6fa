// When values live, and how their memory is shared: the arithmetic behind every arena, in planning and on devices.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.hpp"

namespace shoal::graph {

/// For every value the index of the last operator that reads it; the operator count when the graph returns it, and 0
/// for a value that nobody reads.
[[nodiscard]] std::vector<std::uint32_t> last_uses(const Graph& graph);

/// The most bytes of intermediate values (no constants, inputs or outputs of the graph) that live at the same time when
/// operators run in order and groups keep their inner values to themselves. No arena can be smaller.
[[nodiscard]] std::uint64_t peak_live_bytes(const Graph& graph);

/// True for values that leave their kernel: read by a later group or returned by the graph.
[[nodiscard]] std::vector<bool> materialised(const Graph& graph);

/// Memory wanted from step `first` to step `last`, both included.
struct Lifetime {
    std::uint64_t bytes = 0;
    std::uint32_t first = 0, last = 0;
};

struct Packing {
    std::vector<std::uint64_t> offsets;  ///< one a lifetime, multiples of the alignment
    std::uint64_t total = 0;             ///< bytes of the whole arena
};

/// Places lifetimes so that those that overlap in time do not overlap in memory: largest first, each into the smallest
/// gap that holds it. Not optimal (the problem is NP-hard), within a few per cent on real networks.
/// Source: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, "greedy by size".
[[nodiscard]] Packing pack(std::span<const Lifetime> lifetimes, std::uint64_t alignment);

}  // namespace shoal::graph
