// What a pipeline costs, by definition: the formulas that every search minimises and every test checks against.
// docs/planner.md has them in words.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/chain.hpp"
#include "plan/cluster.hpp"

namespace shoal::plan {

/// Kernels [first, last) on one board of the cluster.
struct Stage {
    std::uint32_t board = 0;
    std::uint32_t first = 0, last = 0;
    bool operator==(const Stage&) const = default;
};

/// Stages in the order of the chain, each on a board of its own, together all kernels.
using Pipeline = std::vector<Stage>;

struct StageMemory {
    std::uint64_t weights = 0;    ///< as the board stores them, a constant that several kernels share once
    std::uint64_t arena = 0;      ///< inner values, packed
    std::uint64_t workspace = 0;  ///< the largest of any kernel
    std::uint64_t messages = 0;   ///< inputs and outputs of as many requests as there are credits

    [[nodiscard]] std::uint64_t total() const noexcept { return weights + arena + workspace + messages; }
};

/// `costs`: the board's row of the cost table.
[[nodiscard]] StageMemory stage_memory(const Chain& chain, const std::vector<KernelCost>& costs, std::uint32_t first,
                                       std::uint32_t last, std::uint32_t credits);
/// The same with chain.arena_bytes(first, last) known.
[[nodiscard]] StageMemory stage_memory(const Chain& chain, const std::vector<KernelCost>& costs, std::uint32_t first,
                                       std::uint32_t last, std::uint32_t credits, std::uint64_t arena);

/// Bytes that a stage with `kernel` and an earlier kernel `shared.previous` need not keep twice on that board.
[[nodiscard]] std::uint64_t shared_bytes_saved(const Chain& chain, const std::vector<KernelCost>& costs,
                                               std::uint32_t kernel, const SharedConstant& shared);

/// Seconds that a message of `bytes` keeps the wire busy; latency is time on the way and keeps nothing busy.
[[nodiscard]] inline double wire_s(const Link& link, std::uint64_t bytes) noexcept {
    return link.bytes_per_s > 0 ? static_cast<double>(bytes) / link.bytes_per_s : 0;
}

/// How often a link can deliver without making its receiver wait: the wire's time, and the way of a message and of its
/// credit back, shared by the requests that may be under way. With one credit that is the whole way.
[[nodiscard]] double message_period_s(const Link& there, const Link& back, std::uint64_t bytes, std::uint32_t credits);

[[nodiscard]] double stage_seconds(const std::vector<KernelCost>& costs, std::uint32_t first, std::uint32_t last);

/// One request alone, hub to hub: every message and every stage after the other.
[[nodiscard]] double pipeline_latency_s(const Chain& chain, const Cluster& cluster, const CostTable& costs,
                                        const Pipeline& pipeline);

/// Seconds between two answers when many requests are under way. Media that links share are not in it.
[[nodiscard]] double pipeline_period_s(const Chain& chain, const Cluster& cluster, const CostTable& costs,
                                       const Pipeline& pipeline, std::uint32_t credits);

}  // namespace shoal::plan
