#include "plan/failover.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.hpp"
#include "plan/flow.hpp"
#include "plan/instances.hpp"
#include "plan/planner.hpp"
#include "plan/predict.hpp"
#include "support/random.hpp"

using namespace shoal;
using plan::Failover;
using plan::Objective;
using plan::Plan;
using plan::Problem;

TEST_CASE("every loss that leaves enough has a plan at once, which uses none of the lost and keeps to memory") {
    auto random = test::generator();
    int found = 0, same = 0;
    for (int round = 0; round < 30; ++round) {
        CAPTURE(round);
        test::RandomCluster cluster{5, round % 3 == 0 ? 2 : 0, round % 2 == 0};
        cluster.memory_low = 0.4;
        cluster.memory_high = 1.5;
        Problem problem = test::random_problem(random, {9, true, true, 1}, cluster);
        problem.objective = round % 4 == 3 ? Objective::latency : Objective::throughput;
        try {
            const Failover failover(problem, make_plan(problem).credits);
            for (std::uint32_t lost = 0; lost < 32; ++lost) {
                std::vector<std::uint32_t> boards;
                for (std::uint32_t b = 0; b < 5; ++b) {
                    if ((lost >> b & 1) != 0) boards.push_back(b);
                }
                const auto quick = failover.without(boards);
                if (!quick) continue;
                ++found;
                for (const auto& work : leaves(quick->root))
                    CHECK(std::find(boards.begin(), boards.end(), work.board) == boards.end());
                const auto memory = memory_by_board(flow_of(problem, make_chains(problem), *quick), problem.cluster);
                for (std::size_t b = 0; b < memory.size(); ++b)
                    CHECK(memory[b] <= problem.cluster.boards[b].memory_bytes);
                const Plan careful = replan(problem, boards);
                if (problem.objective == Objective::throughput && quick->credits == careful.credits) {
                    CHECK(quick->prediction.requests_per_s >= careful.prediction.requests_per_s * 0.9);
                    ++same;
                }
            }
        } catch (const base::Error& error) {
            REQUIRE(error.code() == base::Code::does_not_fit);
        }
    }
    CHECK(found > 200);
    CHECK(same > 100);
}

TEST_CASE("where nothing quick is known, nothing is claimed") {
    auto random = test::generator();
    Problem problem = test::random_problem(random, {5, true, true, 1}, {3});
    problem.cluster.boards[0].memory_bytes = problem.cluster.boards[1].memory_bytes = 1 << 20;
    const Failover failover(problem, 2);
    CHECK_FALSE(failover.without({0, 1, 2}).has_value());
    CHECK_THROWS_AS((void)replan(problem, {0, 1, 2}), base::Error);
    problem.models.push_back(problem.models[0]);
    CHECK_FALSE(Failover(problem, 2).without({0}).has_value());
    CHECK(leaves(replan(problem, {0}).root).size() >= 2);
}
