#include "plan/ensemble.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "base/error.hpp"
#include "plan/instances.hpp"
#include "plan/planner.hpp"
#include "plan/predict.hpp"
#include "support/random.hpp"

using namespace shoal;
using plan::Objective;
using plan::Plan;
using plan::Problem;

namespace {

// Several models on one cluster; memory as a part of what the first takes as a whole.
Problem several(std::mt19937& random, int models, int boards, double memory) {
    test::RandomCluster cluster{boards};
    cluster.memory_low = memory;
    cluster.memory_high = memory * 1.5;
    Problem out = test::random_problem(random, {6, true, true, 1}, cluster);
    for (int m = 1; m < models; ++m)
        out.models.push_back(test::random_problem(random, {6, true, true, 1}, cluster).models[0]);
    return out;
}

// The least load of the busiest board over all placements of whole models that fit; infinity: none.
double best_placement(const Problem& problem, std::uint32_t credits) {
    const auto chains = make_chains(problem);
    const std::size_t boards = problem.cluster.boards.size();
    std::vector<double> load(boards, 0);
    std::vector<std::uint64_t> used(boards, 0);
    double best = 1e9;
    const std::function<void(std::uint32_t)> go = [&](std::uint32_t m) {
        if (m == chains.size()) {
            best = std::min(best, *std::max_element(load.begin(), load.end()));
            return;
        }
        for (std::uint32_t b = 0; b < boards; ++b) {
            const auto& costs = problem.models[m].costs;
            const auto bytes = stage_memory(chains[m], costs[b], 0, chains[m].size(), credits).total();
            if (used[b] + bytes > problem.cluster.boards[b].memory_bytes) continue;
            const double seconds =
                problem.objective == Objective::latency
                    ? pipeline_latency_s(chains[m], problem.cluster, costs, {{b, 0, chains[m].size()}})
                    : plan::stage_seconds(costs[b], 0, chains[m].size());
            load[b] += seconds;
            used[b] += bytes;
            go(m + 1);
            load[b] -= seconds;
            used[b] -= bytes;
        }
    };
    go(0);
    return best;
}

}  // namespace

TEST_CASE("whole models are placed as well as any placement, sharing boards' memory") {
    auto random = test::generator();
    int shared = 0, solved = 0;
    for (int round = 0; round < 60; ++round) {
        CAPTURE(round);
        Problem problem = several(random, 2 + round % 3, 1 + round % 4, 1.3 + 0.4 * (round % 3));
        problem.options.max_credits = 1;
        const double want = best_placement(problem, 1);
        if (want > 1e8) continue;
        ++solved;
        const Plan plan = make_plan(problem);
        CHECK(plan.root.axis == plan::Axis::models);
        REQUIRE(plan.root.children.size() == problem.models.size());
        const auto chains = make_chains(problem);
        std::vector<double> load(problem.cluster.boards.size(), 0);
        std::vector<int> models(problem.cluster.boards.size(), 0);
        for (const auto& work : leaves(plan.root)) {
            load[work.board] +=
                pipeline_latency_s(chains[work.model], problem.cluster, problem.models[work.model].costs,
                                   {{work.board, 0, work.last_group}});
            if (++models[work.board] == 2) ++shared;
        }
        CHECK(*std::max_element(load.begin(), load.end()) == doctest::Approx(want).epsilon(1e-9));
        const auto memory = memory_by_board(flow_of(problem, chains, plan), problem.cluster);
        for (std::size_t b = 0; b < memory.size(); ++b)
            CHECK(memory[b] <= problem.cluster.boards[b].memory_bytes);
    }
    CHECK(solved > 30);
    CHECK(shared > 5);
}

TEST_CASE("weights and merge are the options', models keep their order") {
    auto random = test::generator();
    Problem problem = several(random, 2, 3, 3);
    problem.options.merge = plan::Merge::mean_of_softmax;
    problem.options.weights = {0.7, 0.3};
    const Plan plan = make_plan(problem);
    CHECK(plan.root.merge == plan::Merge::mean_of_softmax);
    CHECK(plan.root.weights == std::vector<double>{0.7, 0.3});
    CHECK(leaves(plan.root.children[0])[0].model == 0);
    CHECK(leaves(plan.root.children[1])[0].model == 1);
    CHECK(plan.prediction.latency_s >= plan.prediction.latency_bound_s);
    problem.options.merge = plan::Merge::hand_over;
    CHECK_THROWS_AS((void)make_plan(problem), base::Error);
}

TEST_CASE("a model too large for any board becomes a pipeline beside the others") {
    auto random = test::generator();
    int divided = 0;
    for (int round = 0; round < 40; ++round) {
        CAPTURE(round);
        Problem problem = several(random, 2, 4, 0.7);
        try {
            const Plan plan = make_plan(problem);
            if (leaves(plan.root).size() > 2) ++divided;
            const auto memory = memory_by_board(flow_of(problem, make_chains(problem), plan), problem.cluster);
            for (std::size_t b = 0; b < memory.size(); ++b)
                CHECK(memory[b] <= problem.cluster.boards[b].memory_bytes);
        } catch (const base::Error& error) {
            CHECK(error.code() == base::Code::does_not_fit);
            CHECK(std::string(error.what()).find("beside the others") != std::string::npos);
        }
    }
    CHECK(divided > 10);
}

TEST_CASE("throughput: boards without work become replicas of the model that holds the others up") {
    auto random = test::generator();
    Problem problem = several(random, 2, 4, 3);
    problem.objective = Objective::throughput;
    const Plan wide = make_plan(problem);
    Problem narrow = problem;
    narrow.options.excluded = {2, 3};
    const Plan two = make_plan(narrow);
    CHECK(wide.prediction.requests_per_s > two.prediction.requests_per_s * 1.2);
    CHECK(wide.prediction.requests_per_s <= wide.prediction.requests_per_s_bound);
    CHECK(leaves(wide.root).size() > 2);
}

TEST_CASE("what does not fit together is said with the model's place") {
    auto random = test::generator();
    Problem problem = several(random, 3, 2, 0.5);
    try {
        (void)make_plan(problem);
        FAIL("three models fit half of one");
    } catch (const base::Error& error) {
        CHECK(error.code() == base::Code::does_not_fit);
        CHECK(std::string(error.what()).find("of 3) does not fit beside the others") != std::string::npos);
    }
}
