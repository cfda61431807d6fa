// What no plan on a cluster can beat, whatever its splits: printed beside every prediction, so that a reader sees what
// is left to win. Formulas and their validity: docs/planner.md, "Bounds".
#pragma once

#include <vector>

#include "plan/chain.hpp"
#include "plan/problem.hpp"

namespace shoal::plan {

/// One request cannot be answered faster: every kernel spread perfectly over all allowed boards, wires of the hub at
/// full speed.
[[nodiscard]] double latency_bound_s(const Problem& problem, const std::vector<Chain>& chains);

/// No more requests per second can be computed: kernels given to boards in any parts (a linear program, bounded by
/// prices on the boards' time).
[[nodiscard]] double compute_rate_bound(const Problem& problem, const std::vector<Chain>& chains);

/// No more requests per second can go into and answers come out of the hub.
[[nodiscard]] double ingest_rate_bound(const Problem& problem, const std::vector<Chain>& chains);

/// The lower of the two.
[[nodiscard]] double rate_bound(const Problem& problem, const std::vector<Chain>& chains);

}  // namespace shoal::plan
