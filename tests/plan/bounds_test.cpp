#include "plan/bounds.hpp"

#include <doctest/doctest.h>

#include "plan/flow.hpp"
#include "plan/instances.hpp"
#include "support/random.hpp"

using namespace shoal;
using plan::Pipeline;
using plan::Problem;

TEST_CASE("no pipeline is faster than the latency bound, none answers more than the rate bound") {
    auto random = test::generator();
    for (int round = 0; round < 60; ++round) {
        CAPTURE(round);
        test::RandomCluster cluster{1 + round % 4, 0, round % 2 == 0};
        cluster.bytes_per_s = round % 3 == 0 ? 1e4 : 1e6;
        const Problem problem = test::random_problem(random, {1 + round % 6}, cluster);
        const auto chains = make_chains(problem);
        const double latency = latency_bound_s(problem, chains), rate = rate_bound(problem, chains);
        CHECK(latency > 0);
        CHECK(rate > 0);
        test::every_pipeline(chains[0], allowed_boards(problem), [&](const Pipeline& pipeline) {
            const auto& costs = problem.models[0].costs;
            CHECK(pipeline_latency_s(chains[0], problem.cluster, costs, pipeline) >= latency * (1 - 1e-9));
            CHECK(1 / pipeline_period_s(chains[0], problem.cluster, costs, pipeline, 4) <= rate * (1 + 1e-9));
        });
    }
}

TEST_CASE("equal boards: the bounds are the known ones") {
    auto random = test::generator();
    test::RandomCluster cluster{4, 1};
    cluster.latency_s = 0;
    cluster.bytes_per_s = 1e12;
    const Problem problem = test::random_problem(random, {9}, cluster);
    const auto chains = make_chains(problem);
    const double whole = plan::stage_seconds(problem.models[0].costs[0], 0, chains[0].size());
    CHECK(latency_bound_s(problem, chains) == doctest::Approx(whole / 4).epsilon(1e-6));
    CHECK(compute_rate_bound(problem, chains) == doctest::Approx(4 / whole).epsilon(1e-6));
}

TEST_CASE("boards that are good at different kernels: the rate bound is near the linear program's value") {
    auto random = test::generator();
    Problem problem = test::random_problem(random, {2, false, false, 1}, {2});
    auto& costs = problem.models[0].costs;
    costs[0][0].seconds = 1, costs[0][1].seconds = 4;
    costs[1][0].seconds = 4, costs[1][1].seconds = 1;
    const auto chains = make_chains(problem);
    // Each board takes the kernel it is good at: one request a second, and no more by any mix.
    const double bound = compute_rate_bound(problem, chains);
    CHECK(bound >= 1 - 1e-9);
    CHECK(bound <= 1.02);
}

TEST_CASE("the hub's wires bound the rate") {
    auto random = test::generator();
    Problem problem = test::random_problem(random, {3}, {2, 1});
    const auto chains = make_chains(problem);
    const auto in = static_cast<double>(chains[0].cut_bytes(0));
    const auto out = static_cast<double>(chains[0].cut_bytes(chains[0].size()));
    problem.cluster.default_link = {0, 1000, -1};
    CHECK(ingest_rate_bound(problem, chains) == doctest::Approx(1000 / std::max(in, out)));
    problem.cluster.default_link.medium = 0;
    CHECK(ingest_rate_bound(problem, chains) == doctest::Approx(1000 / (in + out)));
}
