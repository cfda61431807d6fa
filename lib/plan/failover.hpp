// A new plan within some milliseconds when boards are lost, prepared while all is well.
//
// For throughput the table of plan/replicas.hpp already knows the best division of every choice of boards, so a loss is
// a look-up and one reach over the boards of each cell; for latency it is a search with everything at hand and a small
// budget. Such a plan fits and runs; a full make_plan on what is left, in the background, may find a better one.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "plan/plan.hpp"
#include "plan/problem.hpp"

namespace shoal::plan {

/// The problem with more boards excluded.
[[nodiscard]] Problem without_boards(Problem problem, const std::vector<std::uint32_t>& lost);

/// make_plan on the boards that are left. Throws what make_plan throws.
[[nodiscard]] Plan replan(const Problem& problem, const std::vector<std::uint32_t>& lost);

/// Immutable once made; may be asked from several threads.
class Failover {
public:
    /// Takes about as long as make_plan. `credits`: those of the plan that runs.
    Failover(Problem problem, std::uint32_t credits);
    ~Failover();
    Failover(Failover&&) noexcept;
    Failover& operator=(Failover&&) noexcept;

    /// A plan for the boards that are left. Nothing when none was found quickly: ensembles, clusters too large for one
    /// table, too little memory. Then replan() is the way.
    [[nodiscard]] std::optional<Plan> without(const std::vector<std::uint32_t>& lost) const;

private:
    struct Prepared;
    std::unique_ptr<const Prepared> prepared_;
};

}  // namespace shoal::plan
