// Several models that answer every request together: which model runs where.
#pragma once

#include <vector>

#include "plan/chain.hpp"
#include "plan/plan.hpp"
#include "plan/problem.hpp"

namespace shoal::plan {

/// Whole models go to boards so that the board with the most to do has the least (exact up to a budget, memory shared
/// by models on one board); models too large for any board become pipelines over boards of their own first.
/// Throws does_not_fit.
[[nodiscard]] Plan ensemble_plan(const Problem& problem, const std::vector<Chain>& chains);

}  // namespace shoal::plan
