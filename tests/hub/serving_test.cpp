#include <doctest/doctest.h>

#include "requesting.hpp"
#include "support/errors.hpp"

using namespace shoal;
using base::Code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::check_requests;
using test::perceptron;
using test::Simulation;

TEST_CASE("a model runs on one board and on several alike") {
    const auto graph = perceptron(1, 6, 64);
    for (const int boards : {1, 2, 3, 4}) {
        CAPTURE(boards);
        Simulation world(test::seed() + static_cast<unsigned>(boards));
        for (int b = 0; b < boards; ++b)
            world.add_board(
                {"board" + std::to_string(b), (120'000ULL + 20'000) / static_cast<unsigned>(boards) + 20'000});
        auto& client = world.add_client("client");
        const auto& opened = world.opened(client, 1, {graph});
        CHECK(plan::leaves(opened.plan.root).size() >= static_cast<std::size_t>(boards > 1 ? 2 : 1));
        CHECK(client.phases.count("measuring") == 1);
        check_requests(world, client, *graph, opened.model, 1, 12);
        world.say(client, encode(wire::StatusRequest{}));
        world.until([&] { return !client.statuses.empty(); }, "the status");
        const auto& status = client.statuses[0];
        REQUIRE(status.models.size() == 1);
        CHECK(status.models[0].state == wire::ModelState::serving);
        CHECK(status.models[0].answered == 12);
        CHECK(status.models[0].p50_ms > 0);
        CHECK(status.models[0].stages.size() == plan::leaves(opened.plan.root).size());
        CHECK(status.boards.size() == static_cast<std::size_t>(boards));
        CHECK(status.clients.size() == 1);
        CHECK(status.broken_messages == 0);
    }
}

TEST_CASE("what a hub and its boards know is not sent or measured again") {
    const auto graph = perceptron(1, 4, 16);
    Simulation world(test::seed());
    auto& board = world.add_board({"a", 100'000});
    auto& client = world.add_client("client");
    world.opened(client, 1, {graph});
    CHECK(client.blobs_sent == 8);
    CHECK(board.blobs_fetched == 8);
    CHECK(board.measured == 1);
    world.say(client, encode(wire::CloseModel{client.opened[1].model}));
    world.kill(board);
    world.pass(seconds(3));
    world.connect(board);
    world.pass(seconds(1));
    auto& again = world.add_client("again");
    world.opened(again, 1, {graph});
    CHECK(again.blobs_sent == 0);
    CHECK(board.blobs_fetched == 8);
    CHECK(board.measured == 1);
    check_requests(world, again, *graph, again.opened[1].model, 1, 3);
}

TEST_CASE("clients share a model; it closes with the last of them and makes room when another needs it") {
    const auto first = perceptron(1, 4, 64), second = perceptron(2, 4, 64);
    Simulation world(test::seed());
    world.add_board({"a", 100'000});
    auto& one = world.add_client("one");
    auto& two = world.add_client("two");
    const auto model = world.opened(one, 1, {first}).model;
    CHECK(world.opened(two, 5, {first}).model == model);
    world.open(two, 6, {second});
    world.until([&] { return two.refused.count(6) > 0; }, "the second model to be refused");
    CHECK(two.refused[6].code == Code::does_not_fit);
    world.leave(one);
    check_requests(world, two, *first, model, 1, 3);
    world.say(two, encode(wire::CloseModel{model}));
    const auto other = world.opened(two, 7, {second}).model;
    check_requests(world, two, *second, other, 10, 3);
    CHECK(world.core().status().models.size() == 1);
}

TEST_CASE("a plan alone deploys nothing and needs no weights") {
    Simulation world(test::seed());
    auto& board = world.add_board({"a", 100'000});
    auto& client = world.add_client("client");
    world.open(client, 3, {perceptron(1)}, [](wire::OpenModel& open) { open.plan_only = true; });
    world.until([&] { return client.planned.count(3) > 0; }, "the plan");
    CHECK(client.planned[3].cluster.boards.size() == 1);
    CHECK(client.planned[3].plan.prediction.latency_s > 0);
    CHECK(client.blobs_sent == 0);
    CHECK(board.stages() == 0);
    CHECK(world.core().status().models.empty());
}

TEST_CASE("a model waits for the first board, and is refused when none comes") {
    Simulation world(test::seed());
    auto& client = world.add_client("client");
    world.open(client, 1, {perceptron(1)});
    world.pass(milliseconds(500));
    CHECK(client.refused.empty());
    world.add_board({"a", 100'000});
    world.until([&] { return client.opened.count(1) > 0; }, "the model");

    Simulation empty(test::seed());
    auto& lonely = empty.add_client("client");
    empty.open(lonely, 1, {perceptron(1)});
    empty.until([&] { return lonely.refused.count(1) > 0; }, "the refusal");
    CHECK(lonely.refused[1].code == Code::unavailable);
}

TEST_CASE("ensembles, replicas and divided batches answer as one") {
    const auto one = perceptron(1, 4, 64, 6), two = perceptron(2, 4, 64, 6);
    Simulation world(test::seed());
    for (const char* name : {"a", "b", "c"})
        world.add_board({name, 400'000});
    auto& client = world.add_client("client");
    const auto model =
        world.opened(client, 1, {one, two}, [](wire::OpenModel& open) { open.merge = plan::Merge::weighted_mean; })
            .model;
    auto inputs = test::inputs_for(*one, world.dice);
    const auto first = test::run_whole(*one, inputs), second = test::run_whole(*two, inputs);
    world.say(client, test::submit(model, 1, inputs));
    world.until([&] { return client.ends(1) > 0; }, "the ensemble's answer");
    REQUIRE(client.answers[1].size() == 1);
    const auto got = client.answers[1][0].outputs.at(0).as<float>();
    const auto x = first[0].as<float>(), y = second[0].as<float>();
    for (std::size_t i = 0; i < got.size(); ++i)
        CHECK(got[i] == doctest::Approx((x[i] + y[i]) / 2).epsilon(1e-5));

    const auto replicated = world
                                .opened(client, 2, {one},
                                        [](wire::OpenModel& open) {
                                            open.objective = plan::Objective::throughput;
                                            open.settings = {{"plan.mode", "replicas"}};
                                        })
                                .model;
    CHECK(client.opened[2].plan.root.axis == plan::Axis::requests);
    check_requests(world, client, *one, replicated, 10, 40);
}

TEST_CASE("a board with two devices gives each its part of the memory") {
    Simulation world(test::seed());
    world.add_board({"a", 150'000, 1e-3, 2});
    auto& client = world.add_client("client");
    const auto graph = perceptron(1, 6, 64);
    const auto& opened = world.opened(client, 1, {graph});
    CHECK(plan::leaves(opened.plan.root).size() == 2);
    CHECK(opened.boards.at(0) == "a:0");
    check_requests(world, client, *graph, opened.model, 1, 6);
}

TEST_CASE("what goes wrong with one model is no other model's trouble") {
    Simulation world(test::seed() + 9);
    world.add_board({"a", 1 << 20});
    auto& client = world.add_client("client");
    const std::map<std::uint64_t, std::shared_ptr<const graph::Graph>> graphs{{1, perceptron(1)}, {2, perceptron(2)}};
    world.jobs_that_throw = 1;
    for (const auto& [task, graph] : graphs)
        world.open(client, task, {graph});
    world.until([&] { return client.refused.size() + client.opened.size() == 2; }, "both to be decided");
    REQUIRE(client.refused.size() == 1);
    CHECK(test::says(client.refused.begin()->second.text, "as the test wants it"));
    REQUIRE(client.opened.size() == 1);
    const auto& [task, opened] = *client.opened.begin();
    check_requests(world, client, *graphs.at(task), opened.model, 1, 2);
}

TEST_CASE("the status names a plan's boards as the plan numbers them, whoever was lost before") {
    Simulation world(test::seed() + 8);
    auto& lost = world.add_board({"a", 1 << 20});
    world.add_board({"b", 1 << 20});
    world.pass(seconds(1));
    world.kill(lost);
    auto& client = world.add_client("client");
    (void)world.opened(client, 1, {perceptron(1)});
    const auto status = world.core().status();
    REQUIRE(status.boards.size() == 2);
    const auto& model = status.models.at(0);
    CHECK(model.boards == std::vector<std::string>{"b"});
    CHECK(model.boards.at(plan::leaves(model.plan.root).at(0).board) == "b");
}
