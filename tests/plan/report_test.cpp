#include "plan/report.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/units.hpp"
#include "plan/instances.hpp"
#include "plan/planner.hpp"
#include "support/random.hpp"

using namespace shoal;
using plan::Plan;
using plan::Problem;

namespace {

std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& line : lines)
        out += line + "\n";
    return out;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

Problem small_boards(std::mt19937& random, int boards, double memory) {
    test::RandomCluster cluster{boards};
    cluster.memory_low = cluster.memory_high = memory;
    return test::random_problem(random, {12, true, true, 1}, cluster);
}

}  // namespace

TEST_CASE("a report keeps to its width and names boards, operators, memory and bounds") {
    auto random = test::generator();
    for (const auto objective : {plan::Objective::latency, plan::Objective::throughput}) {
        Problem problem = small_boards(random, 4, 0.5);
        problem.cluster.boards[0].name = "a board with a name that is far too long for any terminal to show in full";
        problem.objective = objective;
        const Plan plan = make_plan(problem);
        for (const std::size_t width : {40, 80, 132}) {
            const auto lines = report(problem, plan, {width, 32});
            for (const auto& line : lines)
                CHECK(line.size() <= width);
        }
        const std::string text = joined(report(problem, plan));
        CHECK(has(text, objective == plan::Objective::latency ? "plan for latency" : "plan for throughput"));
        CHECK(has(text, "no plan below"));
        CHECK(has(text, "no plan above"));
        CHECK(has(text, "hub ="));
        CHECK(has(text, "stage 1 on "));
        CHECK(has(text, "kernels, op0"));
        CHECK(has(text, "memory   [#"));
        for (const auto& work : leaves(plan.root)) {
            if (work.board != 0) CHECK(has(text, problem.cluster.boards[work.board].name));
        }
    }
}

TEST_CASE("drawings: a pipeline is one way, replicas and ensembles have a line each") {
    auto random = test::generator();
    Problem problem = small_boards(random, 3, 2);
    problem.options.mode = plan::Mode::pipeline;
    problem.options.stages = 3;
    auto lines = draw(problem, make_plan(problem));
    REQUIRE_FALSE(lines.empty());
    CHECK(lines[0].rfind("hub =", 0) == 0);
    CHECK(has(joined(lines), "=> hub"));
    problem.options = {};
    problem.options.mode = plan::Mode::replicas;
    problem.objective = plan::Objective::throughput;
    lines = draw(problem, make_plan(problem));
    REQUIRE(lines.size() == 4);
    CHECK(has(lines[0], "one of 3 replicas"));
    CHECK(has(lines[1], " %  hub ="));
    problem = small_boards(random, 3, 3);
    problem.models.push_back(problem.models[0]);
    problem.options.weights = {0.7, 0.3};
    lines = draw(problem, make_plan(problem));
    CHECK(has(joined(lines), "all of 2 models"));
    CHECK(has(joined(lines), "weight 0.7"));
}

TEST_CASE("what several stages on one board need is added up") {
    auto random = test::generator();
    Problem problem = small_boards(random, 1, 4);
    problem.models.push_back(problem.models[0]);
    const Plan plan = make_plan(problem);
    REQUIRE(plan.prediction.stages.size() == 2);
    const auto boards = memory_by_board(plan.prediction);
    REQUIRE(boards.size() == 1);
    CHECK(boards[0].stages == 2);
    CHECK(boards[0].memory_bytes == plan.prediction.stages[0].memory_bytes + plan.prediction.stages[1].memory_bytes);
    CHECK(boards[0].memory_limit == problem.cluster.boards[0].memory_bytes);
    const std::string text = joined(report(problem, plan));
    CHECK(has(text, "memory by board"));
    CHECK(has(text, base::format_bytes(boards[0].memory_bytes) + " of " + base::format_bytes(boards[0].memory_limit) +
                        ", 2 stages"));
}

TEST_CASE("thousands of stages are counted, not listed") {
    auto random = test::generator();
    test::RandomCluster cluster{300, 1};
    cluster.memory_low = cluster.memory_high = 2;
    Problem problem = test::random_problem(random, {5, true, true, 1}, cluster);
    problem.objective = plan::Objective::throughput;
    problem.options.mode = plan::Mode::replicas;
    const auto lines = report(problem, make_plan(problem));
    CHECK(lines.size() < 200);
    CHECK(has(joined(lines), "... and 268 stages more"));
    CHECK(has(joined(lines), "... and 288 more"));
}

TEST_CASE("bars and shortened names") {
    CHECK(plan::memory_bar(0, 100, 12) == "[..........]");
    CHECK(plan::memory_bar(50, 100, 12) == "[#####.....]");
    CHECK(plan::memory_bar(100, 100, 12) == "[##########]");
    CHECK(plan::memory_bar(900, 100, 12) == "[##########]");
    CHECK(plan::memory_bar(1, 0, 2) == "[]");
    CHECK(plan::shortened("short", 5) == "short");
    CHECK(plan::shortened("layer1.block2.conv", 10) == "laye..conv");
    CHECK(plan::shortened("abc", 2) == "ab");
}
