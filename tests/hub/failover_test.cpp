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
using test::says;
using test::SimulatedBoard;
using test::Simulation;
using test::six_layers;

TEST_CASE("a board is lost under load: everything is answered once, by those who are left") {
    for (const bool silent : {false, true}) {
        CAPTURE(silent);
        Simulation world(test::seed() + 10);
        std::vector<SimulatedBoard*> boards;
        for (const char* name : {"a", "b", "c"})
            boards.push_back(&world.add_board({name, kHalf}));
        auto& client = world.add_client("client");
        const auto model = world.opened(client, 1, {six_layers()}).model;
        Load load(world, client, model);
        for (int i = 0; i < 20; ++i) {
            load.send();
            for (int k = 0; k < 5; ++k)
                world.turn();
        }
        const auto used = plan::leaves(client.opened[1].plan.root).back().board;
        auto* lost = boards.at(static_cast<std::size_t>(client.opened[1].boards.at(used)[0] - 'a'));
        silent ? world.silence(*lost) : world.kill(*lost);
        for (int i = 0; i < 10; ++i)
            load.send();
        load.until_all_ended();
        CHECK(load.check() == 30);
        REQUIRE(client.replanned.size() >= 1);
        CHECK(says(client.replanned[0].reason, "'" + lost->name() + "' was lost"));
        CHECK(world.has_event(Event::Kind::board_lost, lost->name()));
        bool repeated = false;
        for (const auto& [request, answers] : client.answers)
            repeated = repeated || (!answers.empty() && answers[0].attempts > 1);
        CHECK(repeated);
    }
}

TEST_CASE("stages that are not affected by a loss stay compiled") {
    Simulation world(test::seed() + 11);
    auto& a = world.add_board({"a", kHalf});
    auto& b = world.add_board({"b", kHalf});
    auto& client = world.add_client("client");
    const auto model = world.opened(client, 1, {six_layers()}).model;
    CHECK(a.compiles == 1);
    CHECK(b.compiles == 1);
    world.kill(b);
    auto& c = world.add_board({"c", kHalf});
    world.until([&] { return !client.replanned.empty(); }, "the model to be planned again");
    check_requests(world, client, *six_layers(), model, 1, 4);
    CHECK(c.compiles == 1);
}

TEST_CASE("a board whose device hangs is lost, and is a board again when it is well") {
    Simulation world(test::seed() + 12);
    auto& a = world.add_board({"a", kWhole});
    auto& b = world.add_board({"b", kWhole, 5e-3});
    auto& client = world.add_client("client");
    const auto model = world.opened(client, 1, {six_layers()}).model;
    Load load(world, client, model);
    a.hangs = true;
    for (int i = 0; i < 5; ++i)
        load.send();
    load.until_all_ended();
    CHECK(load.check() == 5);
    CHECK(b.runs >= 5);
    CHECK(world.has_event(Event::Kind::board_lost, "busy with one run"));
    a.hangs = false;
    const auto before = client.replanned.size();
    world.until([&] { return client.replanned.size() > before; }, "the faster board to be used again");
    check_requests(world, client, *six_layers(), model, 100, 3);
}

TEST_CASE("nothing is left: requests fail at once with the planner's words, and a joining board ends that") {
    Simulation world(test::seed() + 13);
    auto& a = world.add_board({"a", kHalf});
    auto& b = world.add_board({"b", kHalf});
    auto& client = world.add_client("client");
    const auto model = world.opened(client, 1, {six_layers()}).model;
    Load load(world, client, model);
    for (int i = 0; i < 8; ++i)
        load.send();
    world.kill(b);
    load.send();
    load.until_all_ended();
    load.check();
    REQUIRE(client.model_failed.size() == 1);
    CHECK(client.model_failed[0].code == Code::does_not_fit);
    CHECK(client.failures.size() > 0);
    for (const auto& [request, failures] : client.failures) {
        if (!failures.empty()) CHECK(failures[0].code == Code::does_not_fit);
    }
    world.kill(a);
    world.pass(seconds(2));
    world.connect(a);
    world.connect(b);
    world.until([&] { return !client.replanned.empty(); }, "the model to serve again");
    check_requests(world, client, *six_layers(), model, 100, 4);
}

TEST_CASE("when no board is left, clients and late requests are told so, and a joining board ends that") {
    Simulation world(test::seed() + 26);
    auto& a = world.add_board({"a", kWhole});
    auto& client = world.add_client("client");
    const auto model = world.opened(client, 1, {six_layers()}).model;
    Load load(world, client, model);
    world.kill(a);
    load.send(1000);
    load.until_all_ended();
    REQUIRE(client.model_failed.size() == 1);
    CHECK(client.model_failed[0].code == Code::unavailable);
    CHECK(says(client.model_failed[0].text, "no board is left"));
    REQUIRE(client.failures[1].size() == 1);
    CHECK(client.failures[1][0].code == Code::timeout);
    CHECK(says(client.failures[1][0].text, "no board is left"));
    world.connect(a);
    world.until([&] { return !client.replanned.empty(); }, "the model to serve again");
    check_requests(world, client, *six_layers(), model, 100, 3);
}

TEST_CASE("a board that joins is used when that is worth it, and not otherwise") {
    Simulation world(test::seed() + 14);
    world.add_board({"slow", kWhole, 1e-2});
    auto& client = world.add_client("client");
    const auto model = world.opened(client, 1, {six_layers()}).model;
    world.add_board({"slower", kWhole, 1e-1});
    world.pass(seconds(5));
    CHECK(client.replanned.empty());
    world.add_board({"fast", kWhole, 1e-3});
    world.until([&] { return !client.replanned.empty(); }, "the faster board to be used");
    CHECK(says(client.replanned[0].reason, "% better"));
    check_requests(world, client, *six_layers(), model, 1, 4);
}

TEST_CASE("while a better plan gets ready the old one goes on serving") {
    Simulation world(test::seed() + 20);
    world.add_board({"slow", kWhole, 1e-2});
    auto& client = world.add_client("client");
    const auto model = world.opened(client, 1, {six_layers()}).model;
    auto& fast = world.add_board({"fast", kWhole, 1e-3});
    Load load(world, client, model);
    world.until([&] { return fast.stages() > 0; }, "the new board to be deployed to");
    const auto status = world.core().status();
    CHECK(status.models.at(0).state == wire::ModelState::serving);
    for (int i = 0; i < 10; ++i)
        load.send();
    load.until_all_ended();
    CHECK(load.check() == 10);
    CHECK(client.replanned.size() == 1);
    // Where only one of the two fits, the old one goes first.
    Simulation narrow(test::seed() + 21);
    auto& a = narrow.add_board({"a", kHalf, 1e-2});
    narrow.add_board({"b", kHalf, 1e-2});
    auto& other = narrow.add_client("client");
    const auto second = narrow.opened(other, 1, {six_layers()}).model;
    narrow.add_board({"c", kHalf, 1e-3});
    narrow.add_board({"d", kHalf, 1e-3});
    Load more(narrow, other, second);
    for (int i = 0; i < 10; ++i)
        more.send();
    narrow.until([&] { return !other.replanned.empty(); }, "the move");
    more.until_all_ended();
    CHECK(more.check() == 10);
    CHECK(a.stages() <= 1);
}

TEST_CASE("whatever boards do, each request ends exactly once and no answer is wrong") {
    for (unsigned round = 0; round < 12; ++round) {
        CAPTURE(round);
        Simulation world(test::seed() * 1000 + round);
        std::vector<SimulatedBoard*> boards;
        std::vector<char> alive;
        for (int b = 0; b < 4; ++b) {
            boards.push_back(&world.add_board(
                {std::string(1, static_cast<char>('a' + b)), b % 2 == 0 ? kWhole : kHalf, 1e-3 * (b + 1)}));
            alive.push_back(1);
        }
        auto& client = world.add_client("client");
        const bool throughput = round % 2 == 1;
        const auto model = world
                               .opened(client, 1, {six_layers()},
                                       [&](wire::OpenModel& open) {
                                           if (throughput) open.objective = plan::Objective::throughput;
                                       })
                               .model;
        Load load(world, client, model);
        const auto below = [&](int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(world.dice); };
        for (int i = 0; i < 150; ++i) {
            const auto b = static_cast<std::size_t>(below(4));
            switch (below(20)) {
                case 0:
                    world.kill(*boards[b]);
                    alive[b] = 0;
                    break;
                case 1:
                    world.silence(*boards[b]);
                    alive[b] = 0;
                    break;
                case 2:
                case 3:
                    if (alive[b] == 0) {
                        world.kill(*boards[b]);
                        boards[b]->hangs = false;
                        world.connect(*boards[b]);
                        alive[b] = 1;
                    }
                    break;
                case 4: boards[b]->hangs = !boards[b]->hangs; break;
                case 5: world.pass(milliseconds(below(1500))); break;
                case 6: boards[b]->refuse_deploys = 1; break;
                default: load.send(static_cast<wire::RemainingMs>(below(20) == 0 ? 1 : 20'000)); break;
            }
            for (int k = below(30); k > 0; --k)
                world.turn();
        }
        load.until_all_ended();
        MESSAGE("answered ", load.check(), " of ", load.sent());
        CHECK(world.core().status().models.at(0).in_flight == 0);
        CHECK(world.core().status().broken_messages == 0);
    }
}
