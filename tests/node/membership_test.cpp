// Hubs that go, come back, refuse and fall silent; strangers; and stopping in the middle of everything.
#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "node/boards.hpp"
#include "node/gated_backend.hpp"
#include "support/errors.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

// Events of a node, as they come.
struct Events {
    void take(const node::Event& event) {
        const std::lock_guard lock(mutex);
        all.push_back(event);
    }
    [[nodiscard]] int count(node::Event::Kind kind) {
        const std::lock_guard lock(mutex);
        return static_cast<int>(
            std::count_if(all.begin(), all.end(), [&](const auto& event) { return event.kind == kind; }));
    }
    std::mutex mutex;
    std::vector<node::Event> all;
};

node::NodeOptions options_of(const TemporaryFolder& folder, Events& events) {
    node::NodeOptions options;
    options.board = "a";
    options.hub_endpoint = "inproc://hub";
    options.data_endpoint = "inproc://*";
    options.memory_limit_bytes = 1 << 20;
    options.cache_folder = folder.path();
    options.on_event = [&events](const node::Event& event) { events.take(event); };
    return options;
}

}  // namespace

TEST_CASE("a node that is started before its hub finds it, and finds it again") {
    auto random = generator();
    const auto network = transport::make_in_process_network();
    const TemporaryFolder folder;
    Events events;
    node::Node node(options_of(folder, events), {runtime::make_host_backend()},
                    transport::make_in_process_port(network));
    node.start();
    CHECK(code_of([&] { node.start(); }) == base::Code::invalid_argument);
    for (std::uint64_t session = 1; session <= 3; ++session) {
        FakeHub hub(network);
        hub.session = session;
        hub.await_boards(1);
        hub.say("a", chain_deploy(hub, layer(random, 3), 0, "", "", 1));
        hub.expect<wire::Ready>("a");
        // Of the sessions before, nothing is left.
        hub.until([&] { return node.state().stages == 1; });
        hub.until([&] { return node.state().joined; });
    }
    const auto deadline = base::deadline_in(kPatience);
    while (node.state().joined && base::SteadyClock::now() < deadline)
        std::this_thread::yield();
    CHECK_FALSE(node.state().joined);
    node.stop();
    node.stop();
    CHECK(events.count(node::Event::Kind::listening) == 1);
    CHECK(events.count(node::Event::Kind::joined) == 3);
    CHECK(events.count(node::Event::Kind::hub_lost) == 3);
    CHECK(events.count(node::Event::Kind::stage_ready) == 3);
}

TEST_CASE("what a hub left unfinished is dropped when it goes") {
    auto random = generator();
    const auto network = transport::make_in_process_network();
    TestBoard board(network, "a");
    {
        FakeHub hub(network);
        hub.serves_blobs = false;
        hub.await_boards(1);
        hub.say("a", chain_deploy(hub, layer(random, 3), 0, "", "", 1));
        hub.expect<wire::BlobRequest>("a");
    }
    FakeHub hub(network);
    hub.await_boards(1);
    hub.until([&] { return board->state().stages == 0; });
}

TEST_CASE("a hub that refuses is asked again, and the reason is told once") {
    const auto network = transport::make_in_process_network();
    const TemporaryFolder folder;
    Events events;
    FakeHub hub(network);
    hub.welcomes = false;
    hub.refuses = "no room";
    node::Node node(options_of(folder, events), {runtime::make_host_backend()},
                    transport::make_in_process_port(network));
    node.start();
    hub.until([&] { return hub.refused == 2; });
    CHECK(events.count(node::Event::Kind::refused) == 1);
    CHECK_FALSE(node.state().joined);
    hub.welcomes = true;
    hub.await_boards(1);
    hub.until([&] { return node.state().joined; });
}

TEST_CASE("a hub that falls silent is given up and looked for again") {
    const auto network = transport::make_in_process_network();
    const TemporaryFolder folder;
    Events events;
    FakeHub hub(network);
    hub.silence_ms = 100;
    node::Node node(options_of(folder, events), {runtime::make_host_backend()},
                    transport::make_in_process_port(network));
    node.start();
    hub.await_boards(1);
    hub.echoes = false;
    hub.until([&] { return events.count(node::Event::Kind::hub_lost) == 1; });
    hub.echoes = true;
    hub.until([&] { return events.count(node::Event::Kind::joined) == 2; });
}

TEST_CASE("a hub that says goodbye is left in peace, and met again") {
    const auto network = transport::make_in_process_network();
    const TemporaryFolder folder;
    Events events;
    FakeHub hub(network);
    node::Node node(options_of(folder, events), {runtime::make_host_backend()},
                    transport::make_in_process_port(network));
    node.start();
    hub.await_boards(1);
    hub.say("a", wire::Goodbye{"for the test"});
    hub.until([&] { return events.count(node::Event::Kind::hub_lost) == 1; });
    hub.until([&] { return events.count(node::Event::Kind::joined) == 2; });
}

TEST_CASE("only boards that the hub has named are listened to, under their own name, with their own key") {
    const auto network = transport::make_in_process_network();
    const auto hub_keys = transport::Keys::generate(), node_keys = transport::Keys::generate(),
               friend_keys = transport::Keys::generate();
    // The test's hub speaks plaintext, so the hub here is a port with keys that says Welcome and Peers.
    const auto at_hub = std::make_shared<transport::AllowList>();
    at_hub->add(node_keys.public_key());
    const auto hub = transport::make_in_process_port(network, {hub_keys, at_hub, {}, {}});
    hub->listen("inproc://hub");
    const TemporaryFolder folder;
    Events events;
    auto options = options_of(folder, events);
    options.hub_key = hub_keys.public_key();
    options.data_endpoint = "inproc://a";
    const auto allowed = std::make_shared<transport::AllowList>();
    node::Node node(options, {runtime::make_host_backend()},
                    transport::make_in_process_port(network, {node_keys, allowed, {}, {}}), allowed);
    node.start();
    const auto friendly = transport::make_in_process_port(network, {friend_keys, nullptr, {}, {}});
    const auto way = friendly->connect("inproc://a", node_keys.public_key());
    bool let_in = false, cut = false, greeted = false;
    std::uint32_t echoes = 0;
    const auto until = [&](auto&& holds) {
        const auto deadline = base::deadline_in(kPatience);
        while (!holds() && base::SteadyClock::now() < deadline) {
            if (auto event = hub->wait(base::deadline_in(std::chrono::milliseconds(2)))) {
                if (event->kind == transport::Event::Kind::message && !greeted) {
                    greeted = true;
                    CHECK(hub->send(event->peer, wire::encode(wire::Welcome{1, "hub", "1", 50, 60'000})));
                    const wire::Peers peers{{{"friend", "inproc://f", friend_keys.public_key().text()}}};
                    CHECK(hub->send(event->peer, wire::encode(peers)));
                }
            }
            if (auto event = friendly->wait(base::deadline_in(std::chrono::milliseconds(2)))) {
                if (event->kind == transport::Event::Kind::connected) let_in = true;
                if (event->kind == transport::Event::Kind::disconnected) cut = true;
                if (event->kind == transport::Event::Kind::message) ++echoes;
            }
        }
        CHECK(holds());
    };
    until([&] { return let_in; });
    CHECK(allowed->contains(friend_keys.public_key()));
    CHECK(friendly->send(way, wire::encode(wire::PeerHello{"friend"})));
    CHECK(friendly->send(way, wire::encode(wire::Probe{1, 2, {}})));
    until([&] { return echoes == 1; });
    // It may say its own name only once, and on a new connection no other one's.
    friendly->disconnect(way);
    const auto again = friendly->connect("inproc://a", node_keys.public_key());
    let_in = cut = false;
    until([&] { return let_in; });
    CHECK(friendly->send(again, wire::encode(wire::PeerHello{"hub"})));
    until([&] { return cut; });
    until([&] { return node.state().dropped_messages == 1; });
}

TEST_CASE("a node stops soon, whatever it is at") {
    auto random = generator();
    const auto graph = layer(random, 13);
    const auto soon = [](TestBoard& board) {
        const auto begun = base::SteadyClock::now();
        board.stop();
        CHECK(base::SteadyClock::now() - begun < kPatience / 2);
        CHECK_FALSE(board->state().joined);
    };
    const auto network = transport::make_in_process_network();
    SUBCASE("looking for a hub") {
        TestBoard board(network, "a");
        soon(board);
    }
    SUBCASE("fetching weights") {
        FakeHub hub(network);
        hub.serves_blobs = false;
        TestBoard board(network, "a");
        hub.await_boards(1);
        hub.say("a", chain_deploy(hub, graph, 0, "", ""));
        hub.expect<wire::BlobRequest>("a");
        soon(board);
    }
    SUBCASE("connecting to another board") {
        FakeHub hub(network);
        TestBoard board(network, "a");
        hub.await_boards(1);
        hub.say("a", wire::Peers{{{"b", "inproc://nowhere", ""}}});
        hub.say("a", chain_deploy(hub, graph, 0, "", "b"));
        hub.until([&] { return hub.next<wire::DeployProgress>("a").has_value(); });
        soon(board);
    }
    SUBCASE("running") {
        const auto gates = std::make_shared<Gates>();
        FakeHub hub(network);
        TestBoard board(network, "a", 64 << 20, {std::make_shared<GatedBackend>(gates)});
        hub.await_boards(1);
        hub.say("a", chain_deploy(hub, graph, 0, "", ""));
        hub.expect<wire::Ready>("a");
        gates->run.close();
        hub.say("a", activation(1, Tensor(Type{ElementType::f32, Shape{1, 13}})));
        hub.until([&] { return gates->run.waiting() == 1; });
        soon(board);
        CHECK(gates->run.waiting() == 0);  // it was taken back
    }
    SUBCASE("compiling something that never ends") {
        const auto gates = std::make_shared<Gates>();
        FakeHub hub(network);
        {
            TestBoard board(network, "a", 64 << 20, {std::make_shared<GatedBackend>(gates)});
            hub.await_boards(1);
            gates->compile.close();
            hub.say("a", chain_deploy(hub, graph, 0, "", ""));
            hub.until([&] { return gates->compile.waiting() == 1; });
            soon(board);
        }
        gates->compile.open();  // what was left behind comes back to nobody
        const auto deadline = base::deadline_in(kPatience);
        while (gates.use_count() > 1 && base::SteadyClock::now() < deadline)
            std::this_thread::yield();
        CHECK(gates.use_count() == 1);
    }
}

TEST_CASE("what was begun for a hub that is gone does not reach the stages of the next one") {
    auto random = generator();
    const auto network = transport::make_in_process_network();
    const auto gates = std::make_shared<Gates>();
    TestBoard board(network, "a", 64 << 20, {std::make_shared<GatedBackend>(gates)});
    const auto first = layer(random, 13), second = layer(random, 16);
    {
        FakeHub hub(network);
        hub.await_boards(1);
        gates->compile.close();
        hub.say("a", chain_deploy(hub, first, 0, "", ""));
        hub.until([&] { return gates->compile.waiting() == 1; });
    }
    FakeHub hub(network);
    hub.session = 2;
    hub.await_boards(1);
    hub.say("a", chain_deploy(hub, second, 0, "", ""));  // under the very same numbers
    hub.until([&] { return board->state().stages == 1; });
    gates->compile.open();
    hub.expect<wire::Ready>("a");
    const auto x = random_tensor(random, Type{ElementType::f32, Shape{1, 16}});
    hub.say("a", activation(1, x));
    CHECK(difference(hub.expect<wire::Result>("a").parts.at(0).tensor, run_here(second, {x})[0]) == "");
}
