#include "hub/layout.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "../plan/instances.hpp"
#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "hub/aggregator.hpp"
#include "plan/planner.hpp"
#include "stage_runner.hpp"
#include "support/errors.hpp"
#include "support/networks.hpp"
#include "support/random.hpp"

using namespace shoal;
using hub::Layout;
using hub::LayoutRequest;
using plan::Axis;
using plan::Node;
using tensor::Tensor;

namespace {

using Models = std::vector<std::shared_ptr<const graph::Graph>>;

Node leaf(std::uint32_t board, std::uint32_t first, std::uint32_t last, std::uint32_t model = 0) {
    return {{model, board, first, last}};
}

Node split(Axis axis, std::vector<Node> children, std::vector<double> shares = {},
           plan::Merge merge = plan::Merge::hand_over) {
    Node out;
    out.axis = axis;
    out.merge = merge;
    out.children = std::move(children);
    out.shares = std::move(shares);
    return out;
}

LayoutRequest request(Models models, Node root, std::size_t boards = 8) {
    LayoutRequest out;
    out.deployment = 7;
    out.epoch = 3;
    out.models = std::move(models);
    out.plan.root = std::move(root);
    out.plan.credits = 2;
    for (std::size_t b = 0; b < boards; ++b)
        out.places.push_back({"board" + std::to_string(b), static_cast<std::uint32_t>(b % 2), 1 << 20});
    return out;
}

std::uint32_t kernels(const graph::Graph& graph) {
    return static_cast<std::uint32_t>(graph::groups(graph).size());
}

std::vector<Tensor> inputs_of(const graph::Graph& graph, std::mt19937& random) {
    std::vector<Tensor> out;
    for (const auto& port : graph.inputs)
        out.push_back(test::random_tensor(random, graph.type(port.value)));
    return out;
}

void check_same(const std::vector<Tensor>& got, const std::vector<Tensor>& want) {
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
        CHECK(got[i].type() == want[i].type());
        CHECK(std::ranges::equal(got[i].bytes(), want[i].bytes()));
    }
}

// The first turns give what the whole model gives.
std::map<std::uint32_t, int> check_turns(const LayoutRequest& what, std::mt19937& random, std::uint32_t turns = 4) {
    const Layout layout(what);
    test::StageRunner boards(layout, what.models);
    for (std::uint32_t turn = 0; turn < turns; ++turn) {
        const auto inputs = inputs_of(*what.models[0], random);
        check_same(boards.run(inputs, turn), test::run_whole(*what.models[0], inputs));
    }
    return boards.runs();
}

// Stages [0, cut), [cut, ...), ... on boards from `board` on, as leaves.
Node pipeline(std::mt19937& random, std::uint32_t size, std::uint32_t stages, std::uint32_t board,
              std::uint32_t model = 0) {
    std::vector<std::uint32_t> cuts{0, size};
    while (cuts.size() < std::min(stages, size) + 1) {
        const auto cut = std::uniform_int_distribution<std::uint32_t>(1, size - 1)(random);
        if (std::find(cuts.begin(), cuts.end(), cut) == cuts.end()) cuts.push_back(cut);
    }
    std::sort(cuts.begin(), cuts.end());
    std::vector<Node> out;
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i)
        out.push_back(leaf(board + static_cast<std::uint32_t>(i), cuts[i], cuts[i + 1], model));
    return out.size() == 1 ? Node(out[0]) : split(Axis::operators, out);
}

std::shared_ptr<const graph::Graph> batched(std::mt19937& random, std::int64_t rows, bool skips = false) {
    return test::addressed(test::random_graph(random, {6, skips, true, rows}));
}

}  // namespace

TEST_CASE("Pipelines of 1 to 4 stages give what the whole graph gives") {
    auto random = test::generator();
    for (int round = 0; round < 40; ++round) {
        const auto graph = test::addressed(test::random_graph(random, {9, true, true, 2}));
        for (std::uint32_t stages = 1; stages <= 4; ++stages)
            check_turns(request({graph}, pipeline(random, kernels(*graph), stages, 0)), random, 1);
    }
    for (const auto& network : test::networks()) {
        CAPTURE(network.name);
        const auto graph = test::addressed(network.graph);
        for (std::uint32_t stages = 2; stages <= 4; ++stages)
            check_turns(request({graph}, pipeline(random, kernels(*graph), stages, 0)), random, 1);
    }
}

TEST_CASE("What a stage is told names boards, devices, numbers and memory") {
    auto random = test::generator();
    const auto graph = batched(random, 2);
    auto what = request({graph}, split(Axis::operators, {leaf(3, 0, 2), leaf(5, 2, kernels(*graph))}));
    what.settings = {{"precision", "f32"}};
    const Layout layout(what);
    REQUIRE(layout.stages().size() == 2);
    const auto& first = layout.stages()[0];
    CHECK(first.board == "board3");
    CHECK(first.deploy.device == 1);
    CHECK(first.deploy.deployment == 7);
    CHECK(first.deploy.epoch == 3);
    CHECK(first.deploy.credits == 2);
    CHECK(first.deploy.memory_bytes == 1 << 20);
    CHECK(first.deploy.settings == what.settings);
    CHECK(first.work == plan::Work{0, 3, 0, 2});
    CHECK(layout.stages()[1].deploy.inputs[0].sources[0].board == "board3");
    CHECK(layout.stages()[1].deploy.outputs[0].fans[0].choices[0].board.empty());
    CHECK(layout.fed_stages() == std::vector<std::uint32_t>{0});
    for (const auto& value : first.deploy.graph.values) {
        if (value.constant) CHECK(value.constant->bytes.empty());
    }
}

TEST_CASE("A board's memory is divided among its stages as predicted") {
    auto random = test::generator();
    const auto graph = batched(random, 2);
    auto what = request({graph}, split(Axis::operators, {leaf(0, 0, 1), leaf(1, 1, 2), leaf(0, 2, kernels(*graph))}));
    for (const auto bytes : {300U, 100U, 100U}) {
        what.plan.prediction.stages.emplace_back();
        what.plan.prediction.stages.back().memory_bytes = bytes;
    }
    what.places[0].memory_bytes = 1000;
    const Layout layout(what);
    CHECK(layout.stages()[0].deploy.memory_bytes == 750);
    CHECK(layout.stages()[2].deploy.memory_bytes == 250);
    CHECK(layout.stages()[1].deploy.memory_bytes == 1 << 20);
}

TEST_CASE("Replicas of whole models and of pipelines take their shares") {
    auto random = test::generator();
    const auto graph = batched(random, 2, true);
    const auto size = kernels(*graph);
    const auto runs = check_turns(
        request({graph}, split(Axis::requests, {leaf(0, 0, size), pipeline(random, size, 2, 1)}, {0.75, 0.25})), random,
        64);
    CHECK(runs.at(0) == 48);
    CHECK(runs.at(1) == 16);
    CHECK(runs.at(2) == 16);
}

TEST_CASE("Replicas inside replicas take their shares too") {
    auto random = test::generator();
    const auto graph = batched(random, 1);
    const auto size = kernels(*graph);
    const auto pair = [&](std::uint32_t board) {
        return split(Axis::requests, {leaf(board, 0, size), leaf(board + 1, 0, size)}, {1, 1});
    };
    const auto runs = check_turns(
        request({graph}, split(Axis::requests, {pair(0), pair(2), leaf(4, 0, size)}, {1, 1, 2})), random, 64);
    CHECK(runs == std::map<std::uint32_t, int>{{0, 8}, {1, 8}, {2, 8}, {3, 8}, {4, 32}});
}

TEST_CASE("A replicated stage of a pipeline is dealt to by the boards before it") {
    auto random = test::generator();
    for (int round = 0; round < 10; ++round) {
        const auto graph = test::addressed(test::random_graph(random, {7, true, true, 2}));
        const auto size = kernels(*graph);
        const auto middle = split(Axis::requests, {leaf(1, 1, 3), leaf(2, 1, 3), leaf(3, 1, 3)}, {1, 2, 1});
        const auto end = split(Axis::requests, {leaf(4, 3, size), leaf(5, 3, size)}, {1, 1});
        const auto runs =
            check_turns(request({graph}, split(Axis::operators, {leaf(0, 0, 1), middle, end})), random, 16);
        CHECK(runs == std::map<std::uint32_t, int>{{0, 16}, {1, 4}, {2, 8}, {3, 4}, {4, 8}, {5, 8}});
    }
}

TEST_CASE("A batch is divided by the same rule as the planner's, and boards may get no rows") {
    auto random = test::generator();
    for (const std::int64_t rows : {2, 3, 13, 127}) {
        const auto graph = batched(random, rows);
        const auto size = kernels(*graph);
        check_turns(request({graph}, split(Axis::batch, {leaf(0, 0, size), leaf(1, 0, size), leaf(2, 0, size)},
                                           {0.5, 0.3, 0.2})),
                    random, 1);
        const auto what =
            request({graph}, split(Axis::batch, {leaf(0, 0, size), leaf(1, 0, size), leaf(2, 0, size)}, {0.5, 0, 0.5}));
        check_turns(what, random, 1);
        const Layout layout(what);
        REQUIRE(layout.stages().size() == 2);
        CHECK(layout.stages()[1].leaf == 2);
        CHECK(layout.stages()[1].rows.begin == layout.stages()[0].rows.end);
    }
}

TEST_CASE("A divided batch keeps the kernels as they were fused") {
    auto random = test::generator();
    const auto graph = batched(random, 4);
    const Layout layout(
        request({graph}, split(Axis::batch, {leaf(0, 0, kernels(*graph)), leaf(1, 0, kernels(*graph))}, {1, 1})));
    CHECK(kernels(layout.stages()[0].deploy.graph) == kernels(*graph));
}

TEST_CASE("Batches, pipelines and replicas may stand inside each other") {
    auto random = test::generator();
    for (int round = 0; round < 10; ++round) {
        const auto graph = batched(random, 7);
        const auto size = kernels(*graph);
        REQUIRE(size >= 3);
        const auto parts = [&](std::uint32_t first, std::uint32_t last, std::uint32_t board,
                               std::vector<double> shares) {
            return split(Axis::batch, {leaf(board, first, last), leaf(board + 1, first, last)}, std::move(shares));
        };
        // A pipeline whose stages are divided unlike each other.
        check_turns(request({graph},
                            split(Axis::operators, {leaf(0, 0, 1), parts(1, 2, 1, {1, 2}), parts(2, size, 3, {3, 1})})),
                    random, 1);
        // Parts that are pipelines, one of them of replicas.
        const auto replicas = split(Axis::requests, {leaf(3, 1, size), leaf(4, 1, size)}, {1, 1});
        check_turns(
            request({graph},
                    split(Axis::batch,
                          {pipeline(random, size, 2, 0), split(Axis::operators, {leaf(2, 0, 1), replicas})}, {1, 1})),
            random, 2);
        // Replicas of divided models.
        check_turns(
            request({graph}, split(Axis::requests, {parts(0, size, 0, {1, 1}), parts(0, size, 2, {1, 3})}, {1, 1})),
            random, 2);
    }
}

TEST_CASE("Ensembles merge what every child answers") {
    auto random = test::generator();
    for (const auto merge : {plan::Merge::sum, plan::Merge::weighted_mean, plan::Merge::majority_vote,
                             plan::Merge::best_score, plan::Merge::mean_of_softmax}) {
        Models models;
        while (models.size() < 3) {
            graph::Builder builder("member");
            auto x = builder.input("x", {tensor::ElementType::f32, {3, 5}});
            for (int i = 0; i < 3; ++i)
                x = builder.map("relu", {builder.matmul(x, builder.constant(test::random_tensor(
                                                               random, {tensor::ElementType::f32, {5, 5}})))});
            builder.output("y", x);
            models.push_back(test::addressed(builder.finish()));
        }
        const auto size = kernels(*models[0]);
        Node root = split(Axis::models,
                          {leaf(0, 0, size), pipeline(random, kernels(*models[1]), 2, 1, 1),
                           split(Axis::requests, {leaf(3, 0, size, 2), leaf(4, 0, size, 2)}, {1, 1})},
                          {}, merge);
        if (merge == plan::Merge::weighted_mean) root.weights = {3, 1, 2};
        const auto what = request(models, root);
        const Layout layout(what);
        test::StageRunner boards(layout, models);
        for (std::uint32_t turn = 0; turn < 4; ++turn) {
            const auto inputs = inputs_of(*models[0], random);
            std::vector<std::vector<Tensor>> each;
            for (const auto& model : models)
                each.push_back(test::run_whole(*model, inputs));
            check_same(boards.run(inputs, turn), hub::merge_outputs(merge, each, root.weights));
        }
        CHECK(boards.runs().at(0) == 4);
        CHECK(boards.runs().at(3) == 2);
    }
}

TEST_CASE("Plans as the planner makes them give what the whole graph gives") {
    auto random = test::generator();
    for (int round = 0; round < 30; ++round) {
        auto problem = test::random_problem(random, {8, true, true, 4}, {4, 0, false, 2e-4, 0.4, 1.5, 1e6});
        problem.objective = round % 2 == 0 ? plan::Objective::latency : plan::Objective::throughput;
        const auto graph = test::addressed(*problem.models[0].graph);
        auto what = request({graph}, {});
        try {
            what.plan = plan::make_plan(problem);
        } catch (const base::Error& error) {
            CHECK(error.code() == base::Code::does_not_fit);
            continue;
        }
        check_turns(what, random);
    }
}

TEST_CASE("Inputs that are outputs, outputs named twice, constants that are outputs, inputs that nobody reads") {
    auto random = test::generator();
    graph::Builder builder("odd");
    const auto x = builder.input("x", {tensor::ElementType::f32, {2, 3}});
    (void)builder.input("unused", {tensor::ElementType::f32, {1}});
    const auto y = builder.map("relu", {x});
    const auto constant = builder.constant(Tensor::of<float>({3}, {1, 2, 3}));
    builder.output("same", x);
    builder.output("y", builder.map("add", {y, constant}));
    builder.output("constant", constant);
    builder.output("again", y);
    builder.output("once more", y);
    const auto graph = test::addressed(builder.finish());
    check_turns(request({graph}, leaf(0, 0, 2)), random, 1);
    check_turns(request({graph}, split(Axis::operators, {leaf(0, 0, 1), leaf(1, 1, 2)})), random, 1);
}

TEST_CASE("A stage that needs nothing is set off by the hub") {
    auto random = test::generator();
    graph::Builder builder("still");
    (void)builder.input("unused", {tensor::ElementType::f32, {1}});
    const auto line = builder.iota(tensor::ElementType::f32, {4}, 0);
    builder.output("y", builder.map("relu", {line}));
    const auto graph = test::addressed(builder.finish());
    const auto size = kernels(*graph);
    check_turns(request({graph}, leaf(0, 0, size)), random, 1);
    const Layout layout(request({graph}, leaf(0, 0, size)));
    CHECK(layout.deal(0).feeds == std::vector<hub::Feed>{{0, 0, {}}});
}

TEST_CASE("Plans that do not belong to the models or boards are refused") {
    auto random = test::generator();
    const auto graph = batched(random, 4);
    const auto size = kernels(*graph);
    const auto message = [&](Node root, std::size_t boards = 8) {
        return test::error_of([&] { Layout{request({graph}, std::move(root), boards)}; });
    };
    CHECK(test::says(message(leaf(3, 0, size), 2), "board 3"));
    CHECK(test::says(message(leaf(0, 0, size + 1)), "kernels 0 to"));
    CHECK(test::says(message(leaf(0, 0, size - 1)), "the plan runs kernels 0 to"));
    CHECK(test::says(message(leaf(0, 0, size, 1)), "model 1"));
    CHECK(test::says(message(split(Axis::operators, {leaf(0, 0, 1), leaf(1, 2, size)})), "begins at kernel 2"));
    CHECK(test::says(message(split(Axis::requests, {leaf(0, 0, size)}, {})), "0 shares for 1"));
    CHECK(test::says(message(split(Axis::requests, {leaf(0, 0, size)}, {NAN})), "share"));
    CHECK(test::says(message(split(Axis::batch, {leaf(0, 0, size)}, {0})), "share"));
    CHECK(test::says(message(split(Axis::models, {leaf(0, 0, size), leaf(1, 0, size)})), "not merged"));
    const auto ensemble = split(Axis::models, {leaf(0, 0, 1)}, {}, plan::Merge::sum);
    CHECK(test::says(message(split(Axis::operators, {ensemble, leaf(1, 1, size)})), "ensemble as a stage"));
}

TEST_CASE("take() gives parts along any axis") {
    const auto whole = Tensor::of<std::int32_t>({2, 3}, {1, 2, 3, 4, 5, 6});
    CHECK(tensor::to_ints(hub::take(whole, {0, 1, 2})) == std::vector<std::int64_t>{4, 5, 6});
    CHECK(hub::take(whole, {0, 1, 2}).shared_bytes().data() == whole.bytes().data() + 12);
    CHECK(tensor::to_ints(hub::take(whole, {1, 1, 3})) == std::vector<std::int64_t>{2, 3, 5, 6});
    CHECK(hub::take(whole, {1, 1, 1}).count() == 0);
    CHECK(test::code_of([&] { (void)hub::take(whole, {1, 2, 4}); }) == base::Code::invalid_argument);
    CHECK(test::code_of([&] { (void)hub::take(whole, {2, 0, 1}); }) == base::Code::invalid_argument);
    const Tensor nibbles({tensor::ElementType::u4, {3, 3}});
    CHECK(test::code_of([&] { (void)hub::take(nibbles, {0, 1, 2}); }) == base::Code::unsupported);
}
