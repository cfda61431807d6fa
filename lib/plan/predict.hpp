// What a plan will do, by formula: latency, rate, what each board computes, moves and holds.
#pragma once

#include <vector>

#include "plan/flow.hpp"
#include "plan/plan.hpp"
#include "plan/traffic.hpp"

namespace shoal::plan {

/// Requests per second in the long run: the busiest board, wire or medium sets it, and no link has more requests under
/// way than it has credits. A simulation reaches at least this for a pipeline.
[[nodiscard]] double predicted_rate(const Traffic& traffic);

/// One request alone, hub to hub; of replicas the slowest.
[[nodiscard]] double predicted_latency_s(const Flow& flow, const Cluster& cluster);

/// All but the gap, which only a search knows.
[[nodiscard]] Prediction predict(const Problem& problem, const std::vector<Chain>& chains, const Plan& plan);

/// Bytes that the plan keeps on each board of the cluster.
[[nodiscard]] std::vector<std::uint64_t> memory_by_board(const Flow& flow, const Cluster& cluster);

}  // namespace shoal::plan
