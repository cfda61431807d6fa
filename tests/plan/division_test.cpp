// Replicas against every way to divide boards into cells.
#include "plan/division.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <map>

#include "plan/instances.hpp"
#include "support/random.hpp"

using namespace shoal;
using plan::Chain;
using plan::Pipeline;
using plan::Problem;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The shortest period of each set of boards (as bits, exactly these boards) with these credits.
std::vector<double> periods_by_set(const Chain& chain, const Problem& problem, std::uint32_t credits) {
    std::vector<double> out(std::size_t{1} << problem.cluster.boards.size(), kInfinity);
    test::every_pipeline(chain, allowed_boards(problem), [&](const Pipeline& pipeline) {
        std::size_t set = 0;
        for (const auto& stage : pipeline)
            set |= std::size_t{1} << stage.board;
        const double period = pipeline_period_s(chain, problem.cluster, problem.models[0].costs, pipeline, credits);
        if (period < out[set] && test::fits(chain, problem, pipeline, credits)) out[set] = period;
    });
    return out;
}

// The best sum of rates over all divisions of a set into cells, some boards idle.
double best_rate(const std::vector<double>& periods, std::size_t set, std::map<std::size_t, double>& known) {
    if (const auto at = known.find(set); at != known.end()) return at->second;
    double best = 0;
    for (std::size_t cell = set; cell != 0; cell = (cell - 1) & set) {
        if (periods[cell] < kInfinity)
            best = std::max(best, 1 / periods[cell] + best_rate(periods, set & ~cell, known));
    }
    return known[set] = best;
}

double best_rate(const std::vector<double>& periods) {
    std::map<std::size_t, double> known;
    return best_rate(periods, periods.size() - 1, known);
}

Problem instance(std::mt19937& random, int round) {
    const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    test::RandomCluster cluster{draw(1, 4), 0, round % 3 == 0};
    if (round % 5 == 0) cluster.kinds = std::min(2, cluster.boards);
    cluster.memory_low = round % 2 == 0 ? 0.2 : 0.6;
    cluster.memory_high = 2;
    cluster.bytes_per_s = draw(0, 1) == 0 ? 1e5 : 1e6;
    Problem out = test::random_problem(random, {draw(1, 7), draw(0, 1) == 0}, cluster);
    out.objective = plan::Objective::throughput;
    return out;
}

}  // namespace

TEST_CASE("the best division into cells equals brute force") {
    auto random = test::generator();
    int solved = 0, several = 0, mixed = 0, proven = 0;
    for (int round = 0; round < 400; ++round) {
        CAPTURE(round);
        Problem problem = instance(random, round);
        problem.options.max_credits = 2 + static_cast<std::uint32_t>(round % 3);
        const Chain chain(*problem.models[0].graph);
        double overlapped = 0, any = 0;
        for (std::uint32_t credits = 1; credits <= problem.options.max_credits; ++credits) {
            const double rate = best_rate(periods_by_set(chain, problem, credits));
            any = std::max(any, rate);
            if (credits > 1) overlapped = std::max(overlapped, rate);
        }
        const auto found = best_division(problem, chain, 0, allowed_boards(problem), kInfinity);
        REQUIRE(found.has_value() == (any > 0));
        if (!found) continue;
        ++solved;
        // With two credits and more it is the best; with a single one, which only memory forces, at least half of it.
        CHECK(found->rate() >= std::max(overlapped, any / 2) * (1 - 1e-7));
        CHECK(found->rate() <= any * (1 + 1e-7));
        CHECK(found->rate() * (1 + found->gap) >= any * (1 - 1e-7));
        if (found->gap < 1e-6) ++proven;
        std::vector<bool> taken(problem.cluster.boards.size(), false);
        for (const auto& cell : found->cells) {
            CHECK(test::fits(chain, problem, cell.pipeline, found->credits));
            for (const auto& stage : cell.pipeline) {
                CHECK_FALSE(taken[stage.board]);
                taken[stage.board] = true;
            }
        }
        if (found->cells.size() > 1) ++several;
        if (std::any_of(found->cells.begin(), found->cells.end(),
                        [&](const auto& cell) { return cell.pipeline.size() > 1 && found->cells.size() > 1; }))
            ++mixed;
    }
    MESSAGE(solved, " solved, ", several, " with several cells, ", mixed, " of them with a pipeline among the cells, ",
            proven, " proven best");
    CHECK(proven > 100);
    CHECK(several > 100);
    CHECK(mixed > 10);
}

TEST_CASE("cells beyond what the hub can feed are left out") {
    auto random = test::generator();
    test::RandomCluster cluster{6, 1};
    cluster.memory_low = cluster.memory_high = 2;
    Problem problem = test::random_problem(random, {5}, cluster);
    const Chain chain(*problem.models[0].graph);
    const auto all = best_division(problem, chain, 0, allowed_boards(problem), kInfinity);
    REQUIRE(all.has_value());
    CHECK(all->cells.size() == 6);
    const auto fed = best_division(problem, chain, 0, allowed_boards(problem), all->rate() * 0.4);
    REQUIRE(fed.has_value());
    CHECK(fed->cells.size() == 3);
}

TEST_CASE("clusters too large for one table are dealt into parts that use every board as well") {
    auto random = test::generator();
    test::RandomCluster cluster{150, 5};
    cluster.memory_low = 0.4;
    cluster.memory_high = 1.2;
    Problem problem = test::random_problem(random, {20, true, true, 1}, cluster);
    const Chain chain(*problem.models[0].graph);
    const auto large = best_division(problem, chain, 0, allowed_boards(problem), kInfinity);
    REQUIRE(large.has_value());
    std::vector<std::uint32_t> few;
    for (std::uint32_t b = 0; b < 15; ++b)
        few.push_back(b);
    const auto small = best_division(problem, chain, 0, few, kInfinity);
    REQUIRE(small.has_value());
    // Three boards of each of five kinds, ten times over.
    CHECK(large->rate() >= 0.95 * 10 * small->rate());
    std::vector<int> taken(150, 0);
    for (const auto& cell : large->cells) {
        CHECK(test::fits(chain, problem, cell.pipeline, large->credits));
        for (const auto& stage : cell.pipeline)
            ++taken[stage.board];
    }
    CHECK(*std::max_element(taken.begin(), taken.end()) == 1);
}

TEST_CASE("boards are chosen for a single search when there are too many unlike ones") {
    auto random = test::generator();
    Problem problem = test::random_problem(random, {6}, {40});
    const auto fast = searchable_boards(problem, 0, allowed_boards(problem), false);
    const auto large = searchable_boards(problem, 0, allowed_boards(problem), true);
    CHECK(fast.size() >= 16);
    CHECK(fast.size() < 40);
    CHECK(fast.size() == large.size());
    CHECK(fast != large);
    const Chain chain(*problem.models[0].graph);
    const auto choice = best_pipeline(problem, chain, 0, allowed_boards(problem), plan::Objective::latency);
    REQUIRE(choice.has_value());
    CHECK(test::fits(chain, problem, choice->pipeline, choice->credits));
}
