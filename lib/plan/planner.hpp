// The planner: a pure function from models, cluster and objective to a plan. No clock, no randomness, no input or
// output; the same problem gives the same plan everywhere. What it decides and what it can prove: docs/planner.md.
#pragma once

#include <vector>

#include "plan/chain.hpp"
#include "plan/pipeline.hpp"
#include "plan/plan.hpp"
#include "plan/problem.hpp"

namespace shoal::plan {

/// Throws invalid_argument (see validate), unavailable when no board is left, does_not_fit naming by how much and on
/// which board (plan/misfit.hpp), or internal when the result would exceed a board's memory.
[[nodiscard]] Plan make_plan(const Problem& problem);

/// A pipeline as a node of a plan; a leaf when it is a single stage.
[[nodiscard]] Node pipeline_node(const Pipeline& pipeline, std::uint32_t model);

/// Fills in the prediction. Throws internal when a board's memory would be exceeded: no plan leaves the planner so.
void complete(const Problem& problem, const std::vector<Chain>& chains, double gap, Plan& plan);

}  // namespace shoal::plan
