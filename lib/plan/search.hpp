// The two searches for one pipeline: shortest period and shortest latency, over every choice and order of boards and
// every choice of cuts. docs/planner.md says for which clusters they are exact; what is not comes with a bound.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "plan/instance.hpp"
#include "plan/lattice.hpp"

namespace shoal::plan {

struct SearchOptions {
    std::uint32_t stages = 0;           ///< exactly so many; 0: any number
    std::uint64_t effort = 60'000'000;  ///< basic steps before the best so far is taken
};

struct SearchResult {
    std::vector<KindStage> stages;
    double value = 0;        ///< the period or the latency of these stages, in seconds
    double lower_bound = 0;  ///< no pipeline with these credits is below it
};

/// Nothing when no pipeline fits. Prefers fewer boards where the period is the same. May forbid stages in `instance`
/// that turn out not to fit once their memory is packed.
[[nodiscard]] std::optional<SearchResult> shortest_period(Instance& instance, const Lattice& lattice,
                                                          const SearchOptions& options = {});

[[nodiscard]] std::optional<SearchResult> shortest_latency(Instance& instance, const Lattice& lattice,
                                                           const SearchOptions& options = {});

}  // namespace shoal::plan
