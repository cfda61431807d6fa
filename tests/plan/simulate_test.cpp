// The simulator against the formulas, and what only it can see.
#include "plan/simulate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "plan/instances.hpp"
#include "plan/planner.hpp"
#include "plan/predict.hpp"
#include "support/random.hpp"

using namespace shoal;
using plan::Chain;
using plan::Flow;
using plan::FlowStage;
using plan::Node;
using plan::Pipeline;
using plan::Plan;
using plan::Problem;
using plan::SimulationOptions;

namespace {

// Any pipeline of the problem, memory or not.
Pipeline random_pipeline(std::mt19937& random, std::uint32_t size, std::uint32_t boards) {
    std::vector<std::uint32_t> order(boards);
    for (std::uint32_t b = 0; b < boards; ++b)
        order[b] = b;
    std::shuffle(order.begin(), order.end(), random);
    Pipeline out;
    for (std::uint32_t first = 0; first < size;) {
        const bool rest = out.size() + 1 == boards;
        const std::uint32_t last = rest ? size : first + 1 + static_cast<std::uint32_t>(random() % (size - first));
        out.push_back({order[out.size()], first, last});
        first = last;
    }
    return out;
}

// `compute` seconds on each of some boards, messages of 1000 bytes.
Flow line(const std::vector<double>& compute, std::uint32_t first_board = 0) {
    Flow out;
    for (std::uint32_t i = 0; i < compute.size(); ++i)
        out.stages.push_back({{0, first_board + i, i, i + 1}, compute[i], 1000, 1000, 0});
    return out;
}

plan::Cluster cluster_of(std::size_t boards, plan::Link link) {
    plan::Cluster out;
    for (std::size_t b = 0; b < boards; ++b)
        out.boards.push_back({"b" + std::to_string(b), {}, 1});
    out.default_link = link;
    return out;
}

Flow replicas(std::vector<Flow> children, std::vector<double> shares) {
    Flow out;
    out.axis = plan::Axis::requests;
    out.children = std::move(children);
    out.shares = std::move(shares);
    return out;
}

}  // namespace

TEST_CASE("pipelines: simulated latency and rate agree with the formulas") {
    auto random = test::generator();
    double widest = 0;
    for (int round = 0; round < 200; ++round) {
        CAPTURE(round);
        test::RandomCluster what{1 + round % 5, 0, round % 2 == 0};
        what.latency_s = round % 4 == 0 ? 0 : 1e-4;
        what.bytes_per_s = round % 3 == 0 ? 1e5 : 1e6;
        const Problem problem = test::random_problem(random, {6 + round % 7}, what);
        const auto& costs = problem.models[0].costs;
        const auto chains = make_chains(problem);
        const Pipeline pipeline = random_pipeline(random, chains[0].size(), static_cast<std::uint32_t>(what.boards));
        Plan plan;
        plan.credits = 1 + static_cast<std::uint32_t>(round % 4);
        plan.root = pipeline_node(pipeline, 0);
        const Flow flow = flow_of(problem, chains, plan);
        const double latency = pipeline_latency_s(chains[0], problem.cluster, costs, pipeline);
        CHECK(simulated_latency_s(flow, problem.cluster) == doctest::Approx(latency).epsilon(1e-9));
        CHECK(predicted_latency_s(flow, problem.cluster) == doctest::Approx(latency).epsilon(1e-9));

        const double period = pipeline_period_s(chains[0], problem.cluster, costs, pipeline, plan.credits);
        CHECK(predicted_rate(plan::Traffic(flow, problem.cluster, plan.credits)) ==
              doctest::Approx(1 / period).epsilon(1e-9));
        SimulationOptions options;
        options.requests = 600;
        const auto result = simulate(flow, problem.cluster, plan.credits, options);
        CHECK(result.answered == 600);
        // What is predicted is kept. More comes only from slack in the way of credits, which the formula leaves out.
        double slowest = 0;
        for (const auto& stage : flow.stages)
            slowest = std::max(slowest, stage.compute_s);
        CHECK(result.requests_per_s >= (1 - 1e-6) / period);
        CHECK(result.requests_per_s <= (1 + 1e-6) / slowest);
        if (plan.credits >= 2 && period == slowest)
            CHECK(result.requests_per_s == doctest::Approx(1 / period).epsilon(1e-6));
        widest = std::max(widest, result.requests_per_s * period - 1);
    }
    MESSAGE("simulation above the formula by at most ", 100 * widest, " %");
}

TEST_CASE("without latency, two credits make a pipeline as fast as its slowest part") {
    const auto cluster = cluster_of(3, {0, 1e6, -1});  // 1 ms a message
    for (const double middle : {0.5e-3, 3e-3}) {
        const Flow flow = line({2e-3, middle, 1e-3});
        const double slowest = std::max(2e-3, middle);
        CHECK(simulate(flow, cluster, 2).requests_per_s == doctest::Approx(1 / slowest).epsilon(1e-6));
        // A single credit: receive, compute and send take turns.
        CHECK(simulate(flow, cluster, 1).requests_per_s == doctest::Approx(1 / (slowest + 1e-3)).epsilon(1e-6));
    }
}

TEST_CASE("latency on the way costs no throughput when credits cover it") {
    const auto cluster = cluster_of(2, {5e-3, 1e6, -1});
    const Flow flow = line({2e-3, 2e-3});
    CHECK(simulate(flow, cluster, 8).requests_per_s == doctest::Approx(500).epsilon(1e-6));
    CHECK(simulate(flow, cluster, 2).requests_per_s < 200);
    CHECK(simulated_latency_s(flow, cluster) == doctest::Approx(3 * 6e-3 + 2 * 2e-3));
}

TEST_CASE("replicas answer in proportion to their shares, up to what the hub can send") {
    const Flow flow = replicas({line({1e-3}, 0), line({2e-3}, 1), line({4e-3}, 2)}, {4. / 7, 2. / 7, 1. / 7});
    SimulationOptions options;
    options.requests = 3000;
    const auto fast = cluster_of(3, {1e-4, 1e9, -1});
    auto result = simulate(flow, fast, 3, options);
    CHECK(result.requests_per_s == doctest::Approx(1750).epsilon(0.01));
    CHECK(result.busy[2] == doctest::Approx(1).epsilon(0.05));
    CHECK(predicted_rate(plan::Traffic(flow, fast, 3)) == doctest::Approx(1750));
    const auto slow = cluster_of(3, {0, 1e6, -1});  // the hub's interface: 1 ms a request
    result = simulate(flow, slow, 3, options);
    CHECK(result.requests_per_s == doctest::Approx(1000).epsilon(0.01));
    CHECK(predicted_rate(plan::Traffic(flow, slow, 3)) == doctest::Approx(1000));
}

TEST_CASE("links of one medium share its time") {
    const Flow flow = line({1e-4, 1e-4, 1e-4});
    const auto apart = cluster_of(3, {0, 1e6, -1}), together = cluster_of(3, {0, 1e6, 7});
    CHECK(simulate(flow, apart, 3).requests_per_s == doctest::Approx(1000).epsilon(1e-6));
    CHECK(simulate(flow, together, 3).requests_per_s == doctest::Approx(250).epsilon(0.01));
    CHECK(predicted_rate(plan::Traffic(flow, together, 3)) == doctest::Approx(250));
}

TEST_CASE("a model's parts in parallel: the slowest answers last, the hub sends one after the other") {
    Flow flow;
    flow.axis = plan::Axis::models;
    flow.children = {line({5e-3}, 0), line({9e-3}, 1)};
    CHECK(simulated_latency_s(flow, cluster_of(2, {0, 1e6, -1})) == doctest::Approx(1e-3 + 1e-3 + 9e-3 + 1e-3));
    // On one board they take turns.
    flow.children[1].stages[0].work.board = 0;
    CHECK(simulated_latency_s(flow, cluster_of(1, {0, 1e9, -1})) == doctest::Approx(14e-3).epsilon(1e-3));
}

TEST_CASE("requests that arrive slowly wait for nobody") {
    const Flow flow = line({2e-3, 3e-3});
    const auto cluster = cluster_of(2, {1e-3, 1e6, -1});
    SimulationOptions options;
    options.arrivals_per_s = 20;
    const auto result = simulate(flow, cluster, 2, options);
    CHECK(result.answered == options.requests);
    CHECK(result.latency_max_s == doctest::Approx(simulated_latency_s(flow, cluster)));
    CHECK(result.requests_per_s == doctest::Approx(20).epsilon(0.01));
}

TEST_CASE("a board dies: what was on it is repeated elsewhere, and every request is answered once") {
    const Flow flow = replicas({line({1e-3, 1e-3}, 0), line({2e-3}, 2)}, {2. / 3, 1. / 3});
    const auto cluster = cluster_of(3, {1e-4, 1e9, -1});
    SimulationOptions options;
    options.requests = 1000;
    options.losses = {{1, 0.1}};
    options.detection_s = 0.2;
    const auto result = simulate(flow, cluster, 2, options);
    CHECK(result.answered == 1000);
    CHECK(result.failed == 0);
    CHECK(result.repeated > 0);
    CHECK(result.latency_max_s > 0.19);
    // Nothing left: the rest fails, and is said to.
    options.losses = {{1, 0.1}, {2, 0.1}};
    const auto lost = simulate(flow, cluster, 2, options);
    CHECK(lost.answered + lost.failed == 1000);
    CHECK(lost.failed > 500);
}

TEST_CASE("the same seed gives the same run, another one another; jitter only slows") {
    const Flow flow = line({1e-3, 1e-3, 1e-3});
    const auto cluster = cluster_of(3, {1e-5, 1e8, -1});
    SimulationOptions options;
    options.jitter = 0.5;
    const auto first = simulate(flow, cluster, 2, options), again = simulate(flow, cluster, 2, options);
    CHECK(first.seconds == again.seconds);
    CHECK(first.latency_p99_s == again.latency_p99_s);
    CHECK(first.events == again.events);
    CHECK(first.requests_per_s < 1000);
    options.seed = 2;
    CHECK(simulate(flow, cluster, 2, options).seconds != first.seconds);
}

TEST_CASE("thousands of boards: 256 pipelines of 16") {
    const auto cluster = cluster_of(4096, {1e-4, 1e9, -1});
    std::vector<Flow> children;
    for (std::uint32_t i = 0; i < 256; ++i)
        children.push_back(line(std::vector<double>(16, 1e-2), 16 * i));
    const Flow flow = replicas(std::move(children), std::vector<double>(256, 1));
    SimulationOptions options;
    options.requests = 20000;
    const auto result = simulate(flow, cluster, 2, options);
    CHECK(result.answered == 20000);
    CHECK(result.requests_per_s == doctest::Approx(25600).epsilon(0.1));
}

TEST_CASE("options that make no sense are refused") {
    const Flow flow = line({1e-3});
    const auto cluster = cluster_of(1, {});
    SimulationOptions options;
    options.requests = 0;
    CHECK_THROWS_AS((void)simulate(flow, cluster, 1, options), base::Error);
    options.requests = 1;
    options.jitter = 1;
    CHECK_THROWS_AS((void)simulate(flow, cluster, 1, options), base::Error);
    options.jitter = 0;
    options.losses = {{5, 0}};
    CHECK_THROWS_AS((void)simulate(flow, cluster, 1, options), base::Error);
}
