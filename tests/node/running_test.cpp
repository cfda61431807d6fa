// Requests in all their fates: cancelled, too late, failed, without credit, over a connection that breaks.
#include <doctest/doctest.h>

#include "node/boards.hpp"
#include "node/gated_backend.hpp"
#include "support/errors.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

const Type kRow{ElementType::f32, Shape{1, 13}};

struct Setting {
    Setting() : board(network, "a", 64 << 20, {std::make_shared<GatedBackend>(gates)}) {
        hub.await_boards(1);
        hub.say("a", chain_deploy(hub, graph, 0, "", "", 3));
        hub.expect<wire::Ready>("a");
        CHECK(hub.expect<wire::Credit>("a").count == 3);
    }
    ~Setting() { gates->run.open(); }

    void credits(std::uint32_t count) {
        for (; count > 0; --count)
            CHECK(hub.expect<wire::Credit>("a") == wire::Credit{7, 1, 0, 1, 0});
    }

    std::shared_ptr<transport::InProcessNetwork> network = transport::make_in_process_network();
    std::shared_ptr<Gates> gates = std::make_shared<Gates>();
    std::mt19937 random = generator();
    graph::Graph graph = layer(random, 13);
    FakeHub hub{network};
    TestBoard board;
};

}  // namespace

TEST_CASE("requests that are cancelled give their credits back, waiting or running") {
    Setting s;
    s.gates->run.close();
    for (std::uint64_t request = 1; request <= 3; ++request)
        s.hub.say("a", activation(request, Tensor(kRow)));
    s.hub.until([&] { return s.gates->run.waiting() == 1; });
    for (const std::uint64_t request : {3, 1, 2, 99})
        s.hub.say("a", wire::Cancel{7, request});
    s.credits(3);
    s.gates->run.open();
    const auto x = random_tensor(s.random, kRow);
    s.hub.say("a", activation(4, x));
    const auto result = s.hub.expect<wire::Result>("a");
    CHECK(result.request == 4);
    CHECK(difference(result.parts.at(0).tensor, run_here(s.graph, {x})[0]) == "");
    CHECK_FALSE(s.hub.next<wire::StageError>("a"));
    s.credits(1);
}

TEST_CASE("a request sent anew while its cancelled run still lasts is answered once") {
    Setting s;
    s.gates->run.close();
    s.gates->ignores_cancellation = true;
    s.hub.say("a", activation(1, Tensor(kRow)));
    s.hub.until([&] { return s.gates->run.waiting() == 1; });
    s.hub.say("a", wire::Cancel{7, 1});
    s.hub.say("a", activation(1, Tensor(kRow)));
    s.hub.run_for(std::chrono::milliseconds(20));
    s.gates->run.open();
    CHECK(s.hub.expect<wire::Result>("a").request == 1);
    s.credits(2);
    CHECK_FALSE(s.hub.next<wire::Result>("a"));
}

TEST_CASE("a device that compiles is nobody's trouble until runs wait for it, and then until it is done") {
    Setting s;
    const auto load = [&]() -> const wire::DeviceLoad& { return s.hub.heartbeats.at("a").devices.at(0); };
    const auto beats = [&](std::uint64_t count) {
        const auto from = s.hub.heartbeats.at("a").sequence;
        s.hub.until([&] { return s.hub.heartbeats.at("a").sequence >= from + count; });
    };
    s.gates->compile.close();
    s.hub.say("a", chain_deploy(s.hub, layer(s.random, 16), 0, "", "", 1, 8));
    s.hub.until([&] { return s.gates->compile.waiting() == 1; });
    beats(2);
    CHECK(load().oldest_run_ms == 0);
    s.hub.say("a", activation(1, Tensor(kRow)));
    s.hub.until([&] { return load().oldest_run_ms > 0; });
    s.hub.say("a", wire::Undeploy{7, 1});  // its work goes elsewhere; the device is no better for that
    s.hub.until([&] { return load().queued == 0; });
    beats(2);
    CHECK(load().oldest_run_ms > 0);
    s.gates->compile.open();
    s.hub.until([&] { return load().oldest_run_ms == 0; });
}

TEST_CASE("a run that fails is reported, and the stage goes on") {
    Setting s;
    s.gates->run_fails = true;
    s.hub.say("a", activation(1, Tensor(kRow)));
    const auto error = s.hub.expect<wire::StageError>("a");
    CHECK(error.request == 1);
    CHECK(error.code == base::Code::device);
    CHECK(says(error.text, "clFinish"));
    s.credits(1);
    s.gates->run_fails = false;
    s.hub.say("a", activation(2, Tensor(kRow)));
    CHECK(s.hub.expect<wire::Result>("a").request == 2);
    s.hub.until([&] { return s.board->state().failures == 1 && s.board->state().runs == 1; });
    s.hub.until([&] { return s.hub.heartbeats["a"].stages.size() == 1 && s.hub.heartbeats["a"].stages[0].runs == 1; });
    CHECK(s.hub.heartbeats["a"].stages[0].failures == 1);
}

TEST_CASE("a request whose time is over is dropped where it waits") {
    Setting s;
    s.gates->run.close();
    s.hub.say("a", activation(1, Tensor(kRow)));
    s.hub.until([&] { return s.gates->run.waiting() == 1; });
    s.hub.say("a", activation(2, Tensor(kRow)));  // goes to the device's queue
    auto late = activation(3, Tensor(kRow));
    late.remaining_ms = 20;
    s.hub.say("a", late);
    s.credits(1);
    s.gates->run.open();
    CHECK(s.hub.expect<wire::Result>("a").request == 1);
    CHECK(s.hub.expect<wire::Result>("a").request == 2);
    s.credits(2);
    CHECK(s.gates->runs == 2);
}

TEST_CASE("heartbeats tell how long a run has lasted") {
    Setting s;
    s.gates->run.close();
    s.hub.say("a", activation(1, Tensor(kRow)));
    s.hub.until([&] {
        const auto& beat = s.hub.heartbeats["a"];
        return beat.devices.size() == 1 && beat.devices[0].oldest_run_ms > 50 && beat.devices[0].queued == 1 &&
               beat.devices[0].busy > 0.9;
    });
    s.gates->run.open();
    s.hub.until([&] { return s.hub.heartbeats["a"].devices[0].oldest_run_ms == 0; });
}

TEST_CASE("a sender without credit is not listened to") {
    Setting s;
    s.gates->run.close();
    for (std::uint64_t request = 1; request <= 10; ++request)
        s.hub.say("a", activation(request, Tensor(kRow)));
    s.hub.until([&] { return s.board->state().dropped_messages == 7; });
    s.gates->run.open();
    for (std::uint64_t request = 1; request <= 3; ++request)
        CHECK(s.hub.expect<wire::Result>("a").request == request);
    s.credits(3);
}

TEST_CASE("a stage waits for the credit of the one behind it") {
    auto random = generator();
    const auto network = transport::make_in_process_network();
    const auto gates = std::make_shared<Gates>();
    FakeHub hub(network);
    TestBoard a(network, "a"), b(network, "b", 64 << 20, {std::make_shared<GatedBackend>(gates)});
    hub.await_boards(2);
    const auto graph = layer(random, 13);
    hub.say("a", chain_deploy(hub, graph, 0, "", "b", 4));
    hub.say("b", chain_deploy(hub, graph, 1, "a", "", 1));
    hub.expect<wire::Ready>("a");
    hub.expect<wire::Ready>("b");
    gates->run.close();
    for (std::uint64_t request = 1; request <= 4; ++request)
        hub.say("a", activation(request, Tensor(kRow)));
    hub.until([&] { return gates->run.waiting() == 1; });
    hub.run_for(std::chrono::milliseconds(50));
    CHECK(a->state().runs == 1);
    // What waits in front can be cancelled; what is behind it goes on.
    hub.say("a", wire::Cancel{7, 2});
    gates->run.open();
    for (const std::uint64_t request : {1, 3, 4})
        CHECK(hub.expect<wire::Result>("b").request == request);
    hub.until([&] { return a->state().runs == 3; });
}

TEST_CASE("a board that goes takes the requests on their way to it with it, which is said") {
    auto random = generator();
    const auto network = transport::make_in_process_network();
    const auto gates = std::make_shared<Gates>();
    FakeHub hub(network);
    TestBoard a(network, "a");
    auto b = std::make_unique<TestBoard>(
        network, "b", 64 << 20, std::vector<std::shared_ptr<runtime::Backend>>{std::make_shared<GatedBackend>(gates)});
    hub.await_boards(2);
    const auto graph = layer(random, 13);
    hub.say("a", chain_deploy(hub, graph, 0, "", "b", 4));
    hub.say("b", chain_deploy(hub, graph, 1, "a", "", 2));
    hub.expect<wire::Ready>("a");
    hub.expect<wire::Ready>("b");
    gates->run.close();
    for (std::uint64_t request = 1; request <= 2; ++request)
        hub.say("a", activation(request, Tensor(kRow)));
    hub.until([&] { return a->state().runs == 2; });
    b.reset();
    for (const std::uint64_t request : {1, 2}) {
        const auto error = hub.expect<wire::StageError>("a");
        CHECK(error.request == request);
        CHECK(error.code == base::Code::network);
    }
    // Without a way to go, requests wait; a cancellation still reaches them.
    hub.say("a", activation(3, Tensor(kRow)));
    hub.say("a", wire::Cancel{7, 3});
    std::uint32_t credits = 0;
    hub.until([&] {
        while (const auto credit = hub.next<wire::Credit>("a"))
            credits += credit->count;
        return credits == 4 + 3;
    });
}
