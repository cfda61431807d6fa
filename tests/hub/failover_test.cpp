#include <doctest/doctest.h>

#include "requesting.hpp"
#include "support/errors.hpp"

using namespace shoal;
using base::Code;
using hub::Event;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::check_requests;
using test::perceptron;
using test::says;
using test::SimulatedBoard;
using test::Simulation;

namespace {

constexpr std::uint64_t kWhole = 400'000;  // bytes: enough for all of the model below
constexpr std::uint64_t kHalf = 70'000;    // enough for a part

const auto& six_layers() {
    static const auto graph = perceptron(1, 6, 64);
    return graph;
}

// Requests sent one after the other, held against the truth in the end.
class Load {
public:
    Load(Simulation& world, test::SimulatedClient& client, std::uint64_t model)
        : world_(world), client_(client), model_(model) {}

    void send(wire::RemainingMs remaining = 60'000) {
        auto inputs = test::inputs_for(*six_layers(), world_.dice);
        wanted_[++last_] = test::run_whole(*six_layers(), inputs);
        world_.say(client_, test::submit(model_, last_, std::move(inputs), remaining));
    }
    void until_all_ended() {
        world_.until([&] { return open() == 0; }, "every request to end");
        world_.pass(seconds(2));  // nothing ends twice
    }
    [[nodiscard]] std::size_t open() const {
        return static_cast<std::size_t>(
            std::ranges::count_if(wanted_, [&](const auto& want) { return client_.ends(want.first) == 0; }));
    }
    // How many were answered, all of them rightly.
    std::size_t check() {
        std::size_t answered = 0;
        for (const auto& [request, outputs] : wanted_) {
            CHECK(client_.ends(request) == 1);
            if (client_.answers[request].empty()) continue;
            ++answered;
            CHECK(test::equal(client_.answers[request][0].outputs, outputs));
        }
        return answered;
    }
    [[nodiscard]] std::size_t sent() const { return wanted_.size(); }

private:
    Simulation& world_;
    test::SimulatedClient& client_;
    std::uint64_t model_, last_ = 0;
    std::map<std::uint64_t, test::Tensors> wanted_{};
};

}  // namespace

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
