#include "plan/batch_split.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "graph/builder.hpp"
#include "plan/flow.hpp"
#include "plan/planner.hpp"
#include "plan/predict.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"

using namespace shoal;
using plan::Chain;
using plan::Problem;

namespace {

// Two layers on a batch; boards with these seconds for the whole of it.
Problem batched(std::int64_t batch, const std::vector<double>& seconds, plan::Link link = {1e-4, 1e9, -1}) {
    graph::Builder builder("batched");
    auto x = builder.input("x", {tensor::ElementType::f32, {batch, 100}});
    x = builder.matmul(x, builder.constant(tensor::Tensor(tensor::Type{tensor::ElementType::f32, {100, 10}})));
    builder.output("y", builder.map("relu", {x}));
    Problem out;
    out.models.push_back({std::make_shared<graph::Graph>(builder.finish()), {}});
    for (const double whole : seconds) {
        plan::Board board{"b" + std::to_string(out.cluster.boards.size()), {}, 1 << 20};
        board.device.rates = {1e9, 1e9, 1e-5, 1e-5};
        out.cluster.boards.push_back(board);
        out.models[0].costs.push_back({{whole * 0.75, 4000, 0, true}, {whole * 0.25, 0, 0, true}});
    }
    out.cluster.default_link = link;
    return out;
}

// The earliest end over all whole divisions, the hub sending in the boards' order.
double best_by_force(const Problem& problem, std::int64_t batch) {
    const Chain chain(*problem.models[0].graph, plan::arena_alignment(problem.cluster));
    const auto boards = allowed_boards(problem);
    double best = 1e9;
    const std::function<void(std::size_t, std::int64_t, double, double)> go = [&](std::size_t at, std::int64_t left,
                                                                                  double sent, double end) {
        if (at == boards.size()) {
            if (left == 0) best = std::min(best, end);
            return;
        }
        for (std::int64_t rows = 0; rows <= left; ++rows) {
            if (rows == 0) {
                go(at + 1, left, sent, end);
                continue;
            }
            const auto stage = plan::BatchPart(problem, chain, 0, boards[at], batch).stage(rows, 1);
            if (stage.memory_bytes > problem.cluster.boards[boards[at]].memory_bytes) continue;
            const auto& link = problem.cluster.from_hub(boards[at]);
            const double back = sent + link.seconds(static_cast<double>(stage.in_bytes)) + stage.compute_s +
                                link.seconds(static_cast<double>(stage.out_bytes));
            go(at + 1, left - rows, sent + wire_s(link, stage.in_bytes), std::max(end, back));
        }
    };
    go(0, batch, 0, 0);
    return best;
}

double end_of(const Problem& problem, const std::vector<std::int64_t>& rows, std::int64_t batch) {
    const Chain chain(*problem.models[0].graph, plan::arena_alignment(problem.cluster));
    double sent = 0, end = 0;
    for (std::uint32_t b = 0; b < rows.size(); ++b) {
        if (rows[b] == 0) continue;
        const auto stage = plan::BatchPart(problem, chain, 0, b, batch).stage(rows[b], 1);
        const auto& link = problem.cluster.from_hub(b);
        end = std::max(end, sent + link.seconds(static_cast<double>(stage.in_bytes)) + stage.compute_s +
                                link.seconds(static_cast<double>(stage.out_bytes)));
        sent += wire_s(link, stage.in_bytes);
    }
    return end;
}

}  // namespace

TEST_CASE("rows follow what boards take, in whole numbers") {
    const Problem problem = batched(13, {10e-3, 10e-3, 40e-3});
    const Chain chain(*problem.models[0].graph);
    const auto rows = batch_rows(problem, chain, 0, {0, 1, 2});
    CHECK(rows == std::vector<std::int64_t>{6, 6, 1});
}

TEST_CASE("rows are near the best of all divisions") {
    auto random = test::generator();
    double worst = 1;
    for (int round = 0; round < 60; ++round) {
        CAPTURE(round);
        const std::int64_t batch = std::int64_t{2} + round % 9;
        std::vector<double> seconds;
        for (int b = 0; b < 1 + round % 4; ++b)
            seconds.push_back(std::uniform_real_distribution<double>(1e-3, 2e-2)(random));
        std::sort(seconds.begin(), seconds.end());
        const Problem problem = batched(batch, seconds, {1e-4, round % 2 == 0 ? 1e9 : 1e6, -1});
        const Chain chain(*problem.models[0].graph, plan::arena_alignment(problem.cluster));
        const auto rows = batch_rows(problem, chain, 0, allowed_boards(problem));
        std::int64_t total = 0;
        for (const auto own : rows)
            total += own;
        REQUIRE(total == batch);
        const double want = best_by_force(problem, batch), got = end_of(problem, rows, batch);
        CHECK(got >= want * (1 - 1e-9));
        worst = std::max(worst, got / want);
    }
    MESSAGE("at most ", 100 * (worst - 1), " % above the best division");
    CHECK(worst < 1.15);
}

TEST_CASE("a batch is split when that is faster, and only then") {
    const auto split = make_plan(batched(8, {20e-3, 20e-3}));
    CHECK(split.root.axis == plan::Axis::batch);
    CHECK(split.root.merge == plan::Merge::concatenate);
    CHECK(plan::whole_shares(split.root.shares, 8) == std::vector<std::int64_t>{4, 4});
    CHECK(split.prediction.latency_s < 11e-3);
    CHECK(split.prediction.latency_s > split.prediction.latency_bound_s);
    // Nothing but launches, a second board that is slow, a batch of one: one board alone.
    Problem launches = batched(8, {20e-3, 20e-3});
    for (auto& board : launches.cluster.boards)
        board.device.rates.launch_s = 1;
    CHECK(make_plan(launches).root.is_leaf());
    CHECK(make_plan(batched(8, {20e-3, 10})).root.is_leaf());
    CHECK(make_plan(batched(1, {20e-3, 20e-3})).root.is_leaf());
}

TEST_CASE("a model whose operators mix the batch is not split") {
    graph::Builder builder("mixes");
    const auto x = builder.input("x", {tensor::ElementType::f32, {4, 3}});
    builder.output("y", builder.map("sub", {x, builder.reduce("sum", x, {0})}));
    CHECK_FALSE(plan::can_split_batch(builder.finish()));
    const auto problem = batched(4, {1});
    CHECK(plan::can_split_batch(*problem.models[0].graph));
}

TEST_CASE("constants whose bytes are elsewhere do not hinder") {
    graph::Graph graph = *batched(4, {1}).models[0].graph;
    for (auto& value : graph.values) {
        if (value.constant) value.constant->bytes = {};
    }
    CHECK(plan::can_split_batch(graph));
}

TEST_CASE("boards without room for the weights get no rows") {
    Problem problem = batched(8, {20e-3, 20e-3, 20e-3});
    problem.cluster.boards[1].memory_bytes = 3000;
    const auto plan = make_plan(problem);
    CHECK(plan.root.axis == plan::Axis::batch);
    for (const auto& work : leaves(plan.root))
        CHECK(work.board != 1);
}

TEST_CASE("a batch over all boards gives everyone who holds its rows some, by speed, whatever the links cost") {
    Problem problem = batched(1000, {0.001, 0.002, 0.004}, {1.0, 1e6, -1});
    problem.options.mode = plan::Mode::batch;
    const auto made = plan::make_plan(problem);
    REQUIRE(made.root.axis == plan::Axis::batch);
    REQUIRE(made.root.shares.size() == 3);
    CHECK(made.root.shares[0] == doctest::Approx(4.0 / 7).epsilon(0.01));
    CHECK(made.root.shares[1] == doctest::Approx(2.0 / 7).epsilon(0.01));
    CHECK(made.root.shares[0] + made.root.shares[1] + made.root.shares[2] == doctest::Approx(1));

    problem.cluster.boards[1].memory_bytes = 5000;  // the weights, and few rows
    const auto two = plan::make_plan(problem);
    for (const auto& work : plan::leaves(two.root))
        CHECK(work.board != 1);
    for (const auto& stage : two.prediction.stages)
        CHECK(stage.memory_bytes <= stage.memory_limit);

    for (auto& board : problem.cluster.boards)
        board.memory_bytes = 5000;
    CHECK(test::code_of([&] { (void)plan::make_plan(problem); }) == base::Code::does_not_fit);
}

TEST_CASE("a batch of one is not divided") {
    Problem problem = batched(1, {0.001, 0.001});
    problem.options.mode = plan::Mode::batch;
    CHECK(test::code_of([&] { (void)plan::make_plan(problem); }) == base::Code::invalid_argument);
}
