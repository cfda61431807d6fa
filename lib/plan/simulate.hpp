// A discrete-event replay of a plan: requests, messages, credits, queues. The third opinion beside the formulas and
// the real cluster, and the way to look at clusters of thousands of boards.
//
// A board computes one stage at a time, in order of arrival. A message needs a credit of its receiver, keeps its link,
// both ends' network interfaces (each as fast as its fastest link) and its medium busy while it is sent, and arrives a
// latency later. Nothing is random but what a seed decides; the same call gives the same result on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/flow.hpp"

namespace shoal::plan {

struct BoardLoss {
    std::uint32_t board = 0;
    double at_s = 0;
};

struct SimulationOptions {
    std::uint64_t requests = 200;
    std::uint64_t in_flight = 0;  ///< requests under way at a time; 0: enough to keep every stage busy
    double arrivals_per_s = 0;    ///< above 0: requests arrive evenly at this rate whatever is under way
    double jitter = 0;            ///< every computation takes 1 - jitter to 1 + jitter of its time; below 1
    std::uint64_t seed = 1;
    std::vector<BoardLoss> losses{};  ///< boards that die
    double detection_s = 1;           ///< from a board's death until the hub repeats what was lost
};

struct SimulationResult {
    std::uint64_t answered = 0;
    std::uint64_t repeated = 0;  ///< requests sent again because a board died
    std::uint64_t failed = 0;    ///< no part of the plan was left that could answer
    double seconds = 0;          ///< until the last answer
    double requests_per_s = 0;   ///< over the middle half of the answers, where queues are settled
    double latency_mean_s = 0, latency_p50_s = 0, latency_p99_s = 0, latency_max_s = 0;
    std::uint64_t events = 0;
    std::vector<double> busy;  ///< by board: part of the time that it computed
};

/// Throws invalid_argument for options that make no sense.
[[nodiscard]] SimulationResult simulate(const Flow& flow, const Cluster& cluster, std::uint32_t credits,
                                        const SimulationOptions& options = {});
[[nodiscard]] SimulationResult simulate(const Problem& problem, const Plan& plan,
                                        const SimulationOptions& options = {});

/// One request alone.
[[nodiscard]] double simulated_latency_s(const Flow& flow, const Cluster& cluster);

}  // namespace shoal::plan
