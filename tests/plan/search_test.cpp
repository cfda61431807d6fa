// The searches against every pipeline there is.
#include "plan/search.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "plan/instances.hpp"
#include "support/random.hpp"

using namespace shoal;
using plan::Chain;
using plan::Instance;
using plan::Lattice;
using plan::Pipeline;
using test::fits;
using test::least;
using test::RandomCluster;
using test::RandomGraph;

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

struct Tally {
    int solved = 0, infeasible = 0, several_boards = 0, left_out = 0;
};

// One random instance: both objectives against brute force. Returns what kind of instance it was.
void compare(std::mt19937& random, Tally& tally, bool unlike_links, int kinds) {
    const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    const int boards = draw(1, 4);
    RandomCluster cluster{boards, kinds == 0 ? 0 : std::min(boards, kinds), unlike_links};
    cluster.memory_low = draw(0, 1) == 0 ? 0.2 : 0.6;
    cluster.bytes_per_s = draw(0, 1) == 0 ? 1e5 : 1e6;
    const auto problem = random_problem(random, RandomGraph{draw(1, 8), draw(0, 3) != 0}, cluster);
    const auto& costs = problem.models[0].costs;
    const Chain chain(*problem.models[0].graph);
    const auto credits = static_cast<std::uint32_t>(draw(2, 4));
    const auto period = [&](const Pipeline& p) { return pipeline_period_s(chain, problem.cluster, costs, p, credits); };
    const auto latency = [&](const Pipeline& p) { return pipeline_latency_s(chain, problem.cluster, costs, p); };
    Instance instance(chain, problem.cluster, costs, allowed_boards(problem), credits);
    const Lattice lattice(instance.counts());
    for (const bool throughput : {true, false}) {
        const auto want = throughput ? least(chain, problem, credits, period) : least(chain, problem, credits, latency);
        const auto got = throughput ? shortest_period(instance, lattice) : shortest_latency(instance, lattice);
        REQUIRE(got.has_value() == want.has_value());
        if (!want) {
            ++tally.infeasible;
            continue;
        }
        ++tally.solved;
        const Pipeline pipeline = instance.assign(got->stages);
        if (pipeline.size() > 1) ++tally.several_boards;
        if (pipeline.size() < problem.cluster.boards.size()) ++tally.left_out;
        CHECK(got->value == doctest::Approx(*want).epsilon(1e-8));
        CHECK(got->lower_bound <= *want * (1 + 1e-8));
        CHECK(got->value <= got->lower_bound * (1 + 1e-8));
        CHECK(fits(chain, problem, pipeline, credits));
        CHECK((throughput ? period(pipeline) : latency(pipeline)) == doctest::Approx(got->value).epsilon(1e-12));
    }
}

void compare_many(int instances, bool unlike_links, int kinds) {
    auto random = test::generator();
    Tally tally;
    for (int i = 0; i < instances; ++i) {
        CAPTURE(i);
        compare(random, tally, unlike_links, kinds);
    }
    MESSAGE(instances, " instances: ", tally.solved, " solved, ", tally.infeasible, " without a plan, ",
            tally.several_boards, " on several boards, ", tally.left_out, " with a board left out");
    CHECK(tally.solved > instances / 2);
    CHECK(tally.infeasible > 0);
    CHECK(tally.several_boards > instances / 4);
    CHECK(tally.left_out > instances / 4);
}

// The same by dynamic programming over sets of boards, for sizes beyond brute force: sum or longest of the parts.
std::optional<double> by_sets(const Chain& chain, const plan::Problem& problem, std::uint32_t credits, bool longest) {
    const auto& cluster = problem.cluster;
    const std::size_t boards = cluster.boards.size(), size = chain.size();
    std::vector<std::vector<std::vector<double>>> stage(boards);  // [board][first][last]; infinity: does not fit
    for (std::uint32_t b = 0; b < boards; ++b) {
        stage[b].assign(size, std::vector<double>(size + 1, kNever));
        for (std::uint32_t first = 0; first < size; ++first) {
            for (std::uint32_t last = first + 1; last <= size; ++last) {
                const auto& costs = problem.models[0].costs[b];
                if (stage_memory(chain, costs, first, last, credits).total() <= cluster.boards[b].memory_bytes)
                    stage[b][first][last] = plan::stage_seconds(costs, first, last);
            }
        }
    }
    const auto joined = [&](double a, double b) { return longest ? std::max(a, b) : a + b; };
    const auto message = [&](std::size_t from, std::size_t to, std::uint32_t cut) {
        const auto &there = cluster.link(from, to), &back = cluster.link(to, from);
        if (!longest) return there.seconds(static_cast<double>(chain.cut_bytes(cut)));
        return to == 0 ? wire_s(there, chain.cut_bytes(cut))
                       : message_period_s(there, back, chain.cut_bytes(cut), credits);
    };
    // best[set][last][position]
    std::vector<std::vector<std::vector<double>>> best(
        std::size_t{1} << boards, std::vector<std::vector<double>>(boards, std::vector<double>(size + 1, kNever)));
    double out = kNever;
    for (std::size_t set = 1; set < best.size(); ++set) {
        for (std::size_t b = 0; b < boards; ++b) {
            if ((set >> b & 1) == 0) continue;
            const std::size_t before = set & ~(std::size_t{1} << b);
            for (std::uint32_t first = 0; first < size; ++first) {
                double arrived = before == 0 && first == 0 ? message(0, b + 1, 0) : kNever;
                for (std::size_t p = 0; p < boards && first > 0; ++p) {
                    if ((before >> p & 1) != 0 && best[before][p][first] < kNever)
                        arrived = std::min(arrived, joined(best[before][p][first], message(p + 1, b + 1, first)));
                }
                for (std::uint32_t last = first + 1; arrived < kNever && last <= size; ++last)
                    best[set][b][last] = std::min(best[set][b][last], joined(arrived, stage[b][first][last]));
            }
            out = std::min(out, joined(best[set][b][size], message(b + 1, 0, chain.size())));
        }
    }
    return out < kNever ? std::optional(out) : std::nullopt;
}

}  // namespace

TEST_CASE("nine boards, where layers outgrow the first beam: both searches equal a plain dynamic program") {
    auto random = test::generator();
    int solved = 0;
    for (int round = 0; round < 24; ++round) {
        CAPTURE(round);
        RandomCluster cluster{9, round % 4 == 3 ? 3 : 0, round % 2 == 0};
        cluster.memory_low = 0.12;
        cluster.memory_high = 0.5;
        cluster.bytes_per_s = 1e6;
        const auto problem = random_problem(random, RandomGraph{24, true, true, 1}, cluster);
        const Chain chain(*problem.models[0].graph);
        Instance instance(chain, problem.cluster, problem.models[0].costs, allowed_boards(problem), 2);
        const Lattice lattice(instance.counts());
        for (const bool longest : {true, false}) {
            const auto want = by_sets(chain, problem, 2, longest);
            const auto got = longest ? shortest_period(instance, lattice) : shortest_latency(instance, lattice);
            REQUIRE(got.has_value() == want.has_value());
            if (!got) continue;
            ++solved;
            CHECK(got->value == doctest::Approx(*want).epsilon(1e-8));
            CHECK(got->lower_bound <= *want * (1 + 1e-8));
        }
    }
    CHECK(solved > 20);
}

TEST_CASE("unlike boards, equal links between them: both searches equal brute force") {
    compare_many(600, false, 0);
}

TEST_CASE("unlike boards, unlike links: both searches equal brute force") {
    compare_many(600, true, 0);
}

TEST_CASE("boards of few kinds: both searches equal brute force") {
    compare_many(300, false, 2);
    compare_many(300, true, 2);
}

TEST_CASE("a fixed number of stages: both searches equal brute force") {
    auto random = test::generator();
    int solved = 0;
    for (int round = 0; round < 300; ++round) {
        CAPTURE(round);
        RandomCluster cluster{1 + round % 4, 0, round % 2 == 0};
        const auto problem = random_problem(random, RandomGraph{1 + round % 7}, cluster);
        const auto& costs = problem.models[0].costs;
        const Chain chain(*problem.models[0].graph);
        Instance instance(chain, problem.cluster, costs, allowed_boards(problem), 3);
        const Lattice lattice(instance.counts());
        plan::SearchOptions options;
        options.stages = 1 + static_cast<std::uint32_t>(round % 3);
        const auto counted = [&](double value, const Pipeline& p) { return p.size() == options.stages ? value : 1e9; };
        for (const bool throughput : {true, false}) {
            const auto want = least(chain, problem, 3, [&](const Pipeline& p) {
                return counted(throughput ? pipeline_period_s(chain, problem.cluster, costs, p, 3)
                                          : pipeline_latency_s(chain, problem.cluster, costs, p),
                               p);
            });
            const auto got =
                throughput ? shortest_period(instance, lattice, options) : shortest_latency(instance, lattice, options);
            REQUIRE(got.has_value() == (want && *want < 1e8));
            if (!got) continue;
            ++solved;
            CHECK(got->stages.size() == options.stages);
            CHECK(got->value == doctest::Approx(*want).epsilon(1e-8));
        }
    }
    CHECK(solved > 200);
}

TEST_CASE("a single credit: the period is at most twice the best, and the bound is below it") {
    auto random = test::generator();
    for (int round = 0; round < 300; ++round) {
        CAPTURE(round);
        RandomCluster cluster{1 + round % 4, 0, round % 2 == 0};
        cluster.bytes_per_s = round % 3 == 0 ? 1e5 : 1e6;
        const auto problem = random_problem(random, RandomGraph{1 + round % 8}, cluster);
        const auto& costs = problem.models[0].costs;
        const Chain chain(*problem.models[0].graph);
        Instance instance(chain, problem.cluster, costs, allowed_boards(problem), 1);
        const Lattice lattice(instance.counts());
        const auto want = least(chain, problem, 1, [&](const Pipeline& p) {
            return pipeline_period_s(chain, problem.cluster, costs, p, 1);
        });
        const auto got = shortest_period(instance, lattice);
        REQUIRE(got.has_value() == want.has_value());
        if (!got) continue;
        CHECK(got->value <= 2 * *want * (1 + 1e-8));
        CHECK(got->lower_bound <= *want * (1 + 1e-8));
    }
}

TEST_CASE("a search that is cut short says truly how far from the best it can be") {
    auto random = test::generator();
    int open = 0;
    for (int round = 0; round < 40; ++round) {
        CAPTURE(round);
        RandomCluster cluster{8, 0, round % 2 == 0};
        cluster.memory_low = 0.15;
        cluster.memory_high = 0.4;
        const auto problem = random_problem(random, RandomGraph{30}, cluster);
        const Chain chain(*problem.models[0].graph);
        Instance instance(chain, problem.cluster, problem.models[0].costs, allowed_boards(problem), 2);
        const Lattice lattice(instance.counts());
        for (const bool throughput : {true, false}) {
            const auto search = throughput ? plan::shortest_period : plan::shortest_latency;
            const auto whole = search(instance, lattice, {});
            const auto cut = search(instance, lattice, {0, 20'000});
            REQUIRE(whole.has_value());
            CHECK(whole->value <= whole->lower_bound * (1 + 1e-6));
            if (!cut) continue;
            CHECK(fits(chain, problem, instance.assign(cut->stages), 2));
            CHECK(cut->value >= whole->value * (1 - 1e-9));
            CHECK(cut->lower_bound <= whole->value * (1 + 1e-9));
            if (cut->value > cut->lower_bound * (1 + 1e-6)) ++open;
        }
    }
    CHECK(open > 10);
}
