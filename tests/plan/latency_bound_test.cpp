#include "plan/latency_bound.hpp"

#include <doctest/doctest.h>

#include "plan/instances.hpp"
#include "support/random.hpp"

using namespace shoal;
using plan::Chain;
using plan::Instance;
using plan::LatencyBound;
using plan::Lattice;
using plan::Moves;
using plan::Pipeline;

TEST_CASE("whatever a pipeline has done already, the rest is never below the bound, also after tightening") {
    auto random = test::generator();
    double before = 0, after = 0;
    int optimal = 0;
    for (int round = 0; round < 80; ++round) {
        CAPTURE(round);
        test::RandomCluster cluster{2 + round % 3, round % 5 == 0 ? 2 : 0, round % 2 == 0};
        cluster.memory_low = 0.3;
        const auto problem = test::random_problem(random, {2 + round % 6}, cluster);
        const auto& costs = problem.models[0].costs;
        const Chain chain(*problem.models[0].graph);
        const Instance instance(chain, problem.cluster, costs, allowed_boards(problem), 1);
        const Lattice lattice(instance.counts());
        std::vector<Moves> moves;
        for (std::uint32_t q = 0; q < instance.kinds(); ++q)
            moves.emplace_back(instance, q, nullptr, true);
        std::vector<std::uint32_t> kind_of(problem.cluster.boards.size());
        for (std::uint32_t q = 0; q < instance.kinds(); ++q) {
            for (const auto board : instance.boards(q))
                kind_of[board] = q;
        }
        const auto want = test::least(
            chain, problem, 1, [&](const Pipeline& p) { return pipeline_latency_s(chain, problem.cluster, costs, p); });
        LatencyBound bound(instance, lattice, moves);
        if (!want) continue;
        before += bound.whole() / *want;
        bound.tighten(*want * (1 + 0.1 * (round % 3)), 60);
        after += bound.whole() / *want;
        CHECK(bound.whole() <= *want * (1 + 1e-9));
        if (bound.whole() >= *want * (1 - 1e-6)) ++optimal;
        test::every_pipeline(chain, allowed_boards(problem), [&](const Pipeline& pipeline) {
            if (!test::fits(chain, problem, pipeline, 1)) return;
            double spent = 0;
            std::size_t end = 0;
            std::uint32_t state = 0;
            const double whole = pipeline_latency_s(chain, problem.cluster, costs, pipeline);
            for (const auto& stage : pipeline) {
                const auto& link = problem.cluster.link(end, stage.board + std::size_t{1});
                spent += link.seconds(static_cast<double>(chain.cut_bytes(stage.first)));
                const std::uint32_t kind = kind_of[stage.board];
                CHECK(bound.rest(state, instance.entry(kind), stage.first) <= (whole - spent) * (1 + 1e-9) + 1e-12);
                spent += plan::stage_seconds(costs[stage.board], stage.first, stage.last);
                state += lattice.stride(kind);
                end = stage.board + std::size_t{1};
            }
        });
    }
    CHECK(after > before);
    CHECK(optimal > 10);
}
