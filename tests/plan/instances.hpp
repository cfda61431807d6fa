// Random planning problems, and the slow and obvious answers to them.
#pragma once

#include <functional>
#include <optional>
#include <random>

#include "plan/chain.hpp"
#include "plan/pipeline.hpp"
#include "plan/problem.hpp"

namespace shoal::test {

struct RandomGraph {
    int kernels = 8;
    bool skips = true;  ///< skip connections, a late second input, constants read twice, an early output
    bool fused = true;  ///< some kernels of several operators
    std::int64_t rows = 2;
};
[[nodiscard]] graph::Graph random_graph(std::mt19937& random, const RandomGraph& what);

struct RandomCluster {
    int boards = 4;
    int kinds = 0;              ///< 0: every board is one of its own
    bool unlike_links = false;  ///< between boards; links to the hub always differ
    double latency_s = 2e-4;
    /// Memory of a board as a part of what the whole model takes: drawn from low to high.
    double memory_low = 0.3, memory_high = 1.5;
    double bytes_per_s = 1e6;
};
/// One model; compute of a kernel around a millisecond, boards up to eight times apart and unlike in what they are good
/// at.
[[nodiscard]] plan::Problem random_problem(std::mt19937& random, const RandomGraph& graph,
                                           const RandomCluster& cluster);

/// Calls visit(pipeline) for every pipeline of the chain on these boards, whether it fits or not.
void every_pipeline(const plan::Chain& chain, const std::vector<std::uint32_t>& boards,
                    const std::function<void(const plan::Pipeline&)>& visit);

[[nodiscard]] bool fits(const plan::Chain& chain, const plan::Problem& problem, const plan::Pipeline& pipeline,
                        std::uint32_t credits);

/// The least value(pipeline) among those that fit.
[[nodiscard]] std::optional<double> least(const plan::Chain& chain, const plan::Problem& problem, std::uint32_t credits,
                                          const std::function<double(const plan::Pipeline&)>& value);

}  // namespace shoal::test
