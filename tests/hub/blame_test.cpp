// Boards that are slow, hang, fail, refuse or do not reach each other: who is left out for it, and who is not.
#include <doctest/doctest.h>

#include "load.hpp"
#include "support/errors.hpp"

using namespace shoal;
using base::Code;
using hub::Event;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::check_requests;
using test::kHalf;
using test::kWhole;
using test::Load;
using test::perceptron;
using test::says;
using test::SimulatedBoard;
using test::Simulation;
using test::six_layers;

TEST_CASE("a device that hangs while it measures is found out, one that only takes long is not") {
    Simulation world(test::seed() + 19);
    auto& a = world.add_board({"a", kWhole});
    auto& client = world.add_client("client");
    (void)world.opened(client, 1, {six_layers()});
    auto& other = world.add_client("other");
    a.measures = false;
    const auto before = a.measured;
    world.open(other, 1, {perceptron(2, 2, 16)});
    world.until([&] { return a.measured > before; }, "the board to be asked");
    a.hangs = true;
    world.pass(seconds(1));
    world.leave(other);  // nobody waits for what is measured any more
    world.pass(seconds(500));
    CHECK_FALSE(world.has_event(Event::Kind::board_lost, "a: "));
    world.pass(seconds(120));
    CHECK(world.has_event(Event::Kind::board_lost, "busy with one run"));
    a.hangs = false;
    world.until([&] { return world.has_event(Event::Kind::board_joined, "works again"); }, "the device to come back");
}

TEST_CASE("a device that is much slower than measured is measured by what it does, and left for a better one") {
    Simulation world(test::seed() + 22);
    auto& a = world.add_board({"a", kWhole, 1e-3});
    world.add_board({"b", kWhole, 4e-3});
    auto& client = world.add_client("client");
    const auto model = world
                           .opened(client, 1, {six_layers()},
                                   [](wire::OpenModel& open) {
                                       open.settings = {{"plan.mode", "single board"}};
                                   })
                           .model;
    CHECK(client.opened[1].boards.at(plan::leaves(client.opened[1].plan.root)[0].board) == "a");
    a.slow_down(20);
    Load load(world, client, model);
    for (int i = 0; i < 40 && client.replanned.empty(); ++i) {
        for (int k = 0; k < 3; ++k)
            load.send();
        world.pass(milliseconds(300));
    }
    load.until_all_ended();
    CHECK(load.check() == load.sent());
    REQUIRE(client.replanned.size() == 1);
    CHECK(client.replanned[0].boards.at(plan::leaves(client.replanned[0].plan.root)[0].board) == "b");
}

TEST_CASE("a slow device is as slow as it is, however many models have found that out") {
    Simulation world(test::seed() + 25);
    auto& a = world.add_board({"a", 8 << 20, 5e-3});
    auto& client = world.add_client("client");
    const auto other_model = perceptron(2, 6, 64);
    const auto first = world.opened(client, 1, {six_layers()}).model;
    const auto second = world.opened(client, 2, {other_model}).model;
    const auto predicted_s = [&](std::uint64_t task, unsigned seed) {
        world.open(client, task, {perceptron(seed, 6, 64)}, [](wire::OpenModel& open) { open.plan_only = true; });
        world.until([&] { return client.planned.count(task) > 0; }, "the plan");
        double out = 0;
        for (const auto& stage : client.planned[task].plan.prediction.stages)
            out += stage.compute_s;
        return out;
    };
    const double before = predicted_s(3, 3);
    a.slow_down(3);
    for (int i = 0; i < 30; ++i) {
        const auto request = static_cast<std::uint64_t>(100 + 10 * i);
        check_requests(world, client, *six_layers(), first, request, 4);
        check_requests(world, client, *other_model, second, request + 5, 4);
    }
    CHECK(predicted_s(4, 3) == doctest::Approx(3 * before).epsilon(0.05));
    a.slow_down(1);
    for (int i = 0; i < 30; ++i) {
        const auto request = static_cast<std::uint64_t>(1000 + 10 * i);
        check_requests(world, client, *six_layers(), first, request, 4);
        check_requests(world, client, *other_model, second, request + 5, 4);
    }
    CHECK(predicted_s(5, 3) < 1.6 * before);  // what is nearer than that is not worth correcting
}

TEST_CASE("boards that refuse a stage are given less, or left out") {
    for (const Code code : {Code::does_not_fit, Code::device}) {
        CAPTURE(static_cast<int>(code));
        Simulation world(test::seed() + 15);
        auto& a = world.add_board({"a", kWhole});
        world.add_board({"b", kWhole, 2e-3});
        a.refuse_deploys = 1;
        a.refusal = code;
        auto& client = world.add_client("client");
        const auto model = world.opened(client, 1, {six_layers()}).model;
        check_requests(world, client, *six_layers(), model, 1, 4);
        a.refuse_deploys = 1000;
        auto& other = world.add_client("other");
        world.open(other, 2, {perceptron(2, 2, 16)});
        world.until([&] { return other.opened.count(2) + other.refused.count(2) > 0; }, "a second model");
    }
}

TEST_CASE("boards that do not reach another one are not left out for that") {
    Simulation world(test::seed() + 23);
    std::map<std::string, SimulatedBoard*> boards;
    for (const char* name : {"a", "b", "c"})
        boards[name] = &world.add_board({name, kHalf});
    world.pass(seconds(3));  // every link is measured and looks well
    for (const auto& [name, board] : boards)
        board->unreachable = {"b"};
    auto& client = world.add_client("client");
    const auto model = world.opened(client, 1, {six_layers()}).model;
    check_requests(world, client, *six_layers(), model, 1, 4);
    // The same while it serves: whoever sends is not to blame, as long as there is a board behind it.
    const auto& opened = client.opened[1];
    const auto works = plan::leaves(opened.plan.root);
    const auto sender = opened.boards.at(works[0].board), behind = opened.boards.at(works[1].board);
    boards.at(sender)->stage_errors = 3;
    boards.at(sender)->stage_error = Code::network;
    check_requests(world, client, *six_layers(), model, 10, 1);
    REQUIRE_FALSE(client.replanned.empty());
    for (const auto& link : world.core().status().links) {
        if (link.from == sender && link.to == behind) CHECK(link.measured_bytes_per_s < 1e4);
    }
}

TEST_CASE("what boards refused once does not count once the model has failed") {
    Simulation world(test::seed() + 24);
    auto& a = world.add_board({"a", kHalf});
    auto& b = world.add_board({"b", kHalf});
    auto& client = world.add_client("client");
    const auto model = world.opened(client, 1, {six_layers()}).model;
    world.kill(b);
    world.until([&] { return client.model_failed.size() == 1; }, "the model to fail");
    a.refuse_deploys = 1;
    world.add_board({"c", kHalf});
    world.until([&] { return client.model_failed.size() == 2; }, "it to fail again");
    world.add_board({"d", 1000});  // of no use itself
    world.until([&] { return !client.replanned.empty(); }, "the model to serve again");
    check_requests(world, client, *six_layers(), model, 1, 4);
}

TEST_CASE("a cluster whose boards all refuse says why") {
    Simulation world(test::seed() + 16);
    auto& a = world.add_board({"a", kWhole});
    a.refuse_deploys = 1000;
    auto& client = world.add_client("client");
    world.open(client, 1, {six_layers()});
    world.until([&] { return client.refused.count(1) > 0; }, "the refusal");
    CHECK(world.core().status().models.empty());
}

TEST_CASE("a failing stage fails its request; a board that goes on failing is left alone") {
    Simulation world(test::seed() + 17);
    auto& a = world.add_board({"a", kWhole});
    auto& b = world.add_board({"b", kWhole, 2e-3});
    auto& client = world.add_client("client");
    const auto model = world.opened(client, 1, {six_layers()}).model;
    Load load(world, client, model);
    a.stage_errors = 1;
    load.send();
    load.until_all_ended();
    REQUIRE(client.failures[1].size() == 1);
    CHECK(client.failures[1][0].code == Code::device);
    CHECK(says(client.failures[1][0].text, "clFinish: -36"));
    a.stage_errors = 1000;
    for (int i = 0; i < 12; ++i)
        load.send();
    load.until_all_ended();
    CHECK(load.check() >= 9);
    CHECK(b.runs >= 9);
}

TEST_CASE("errors of a stage within a pipeline count no more once a request has got through") {
    Simulation world(test::seed() + 18);
    std::map<std::string, SimulatedBoard*> boards;
    for (const char* name : {"a", "b"})
        boards[name] = &world.add_board({name, kHalf});
    auto& client = world.add_client("client");
    const auto model = world.opened(client, 1, {six_layers()}).model;
    const auto works = plan::leaves(client.opened[1].plan.root);
    REQUIRE(works.size() == 2);
    auto& first = *boards.at(client.opened[1].boards.at(works[0].board));
    Load load(world, client, model);
    for (int round = 0; round < 5; ++round) {
        first.stage_errors = 1;
        load.send();
        load.until_all_ended();
        load.send();
        load.until_all_ended();
    }
    CHECK(load.check() == 5);
    CHECK(client.replanned.empty());
    CHECK(client.model_failed.empty());
}
