// Whole nodes, driven by a hub that the test plays.
#include "node/node.hpp"

#include <doctest/doctest.h>

#include "node/boards.hpp"
#include "support/errors.hpp"

using namespace shoal;
using namespace shoal::test;

TEST_CASE("a node without a device, a name or a hub is refused") {
    const auto make = [](node::NodeOptions options, int devices) {
        std::vector<std::shared_ptr<runtime::Backend>> backends;
        for (int i = 0; i < devices; ++i)
            backends.push_back(runtime::make_host_backend());
        return code_of([&] {
            const node::Node made(std::move(options), std::move(backends),
                                  transport::make_in_process_port(transport::make_in_process_network()));
        });
    };
    node::NodeOptions options;
    options.board = "a";
    options.hub_endpoint = "inproc://hub";
    CHECK_FALSE(make(options, 1));
    CHECK(make(options, 0) == base::Code::invalid_argument);
    auto nameless = options;
    nameless.board = "";
    CHECK(make(nameless, 1) == base::Code::invalid_argument);
    auto lonely = options;
    lonely.hub_endpoint = "";
    CHECK(make(lonely, 1) == base::Code::invalid_argument);
}

TEST_CASE("a board registers, hears who is there, and gives signs of life") {
    const auto network = transport::make_in_process_network();
    FakeHub hub(network);
    TestBoard board(network, "alpha", 12345678);
    hub.await_boards(1);
    const auto& self = hub.boards.at("alpha");
    CHECK(self.devices.size() == 1);
    CHECK(self.devices[0].rates.measured());
    CHECK(self.memory_limit_bytes == 12345678 - 12345678 / 64);
    hub.until([&] { return hub.heartbeats["alpha"].sequence >= 3; });
    CHECK(hub.heartbeats["alpha"].session == hub.session);
    CHECK(hub.heartbeats["alpha"].memory_limit_bytes == 12345678);
    CHECK(hub.heartbeats["alpha"].devices.size() == 1);
    CHECK(board->state().joined);
    hub.until([&] { return !hub.heartbeats["alpha"].readings.empty(); });
    CHECK(hub.heartbeats["alpha"].readings[0].name != "");
    board.stop();
    CHECK(hub.expect<wire::Goodbye>("alpha").reason != "");
}

TEST_CASE("one stage: weights are pulled once, inputs run, results come back with their credits") {
    auto random = generator();
    const auto network = transport::make_in_process_network();
    FakeHub hub(network);
    TestBoard board(network, "alpha");
    hub.await_boards(1);
    const auto graph = layer(random, 127, 3);
    hub.say("alpha", chain_deploy(hub, graph, 0, "", ""));
    const auto ready = hub.expect<wire::Ready>("alpha");
    CHECK(ready.stage == 0);
    CHECK(ready.weight_bytes == 127 * 127 * 4);
    CHECK(hub.blob_bytes_sent == 127 * 127 * 4);
    const auto granted = hub.expect<wire::Credit>("alpha");
    CHECK(granted.count == 2);
    for (std::uint64_t request = 1; request <= 5; ++request) {
        const auto x = random_tensor(random, Type{ElementType::f32, Shape{3, 127}});
        hub.say("alpha", activation(request, x));
        const auto result = hub.expect<wire::Result>("alpha");
        CHECK(result.request == request);
        REQUIRE(result.parts.size() == 1);
        CHECK(difference(result.parts[0].tensor, run_here(graph, {x})[0]) == "");
        CHECK(hub.expect<wire::Credit>("alpha") == wire::Credit{7, 1, 0, 1, 0});
    }
    hub.until([&] { return board->state().runs == 5; });
    CHECK(board->state().stages == 1);
    CHECK(board->state().dropped_messages == 0);
    hub.say("alpha", wire::Undeploy{7, 1});
    hub.until([&] { return board->state().stages == 0; });

    // The weights are on the disk by now.
    hub.say("alpha", chain_deploy(hub, graph, 0, "", "", 2, 8));
    CHECK(hub.expect<wire::Ready>("alpha").deployment == 8);
    CHECK(hub.blob_bytes_sent == 127 * 127 * 4);
}

TEST_CASE("three stages on two boards hand over to each other") {
    auto random = generator();
    const auto network = transport::make_in_process_network();
    FakeHub hub(network);
    TestBoard a(network, "a"), b(network, "b");
    hub.await_boards(2);
    std::vector<graph::Graph> layers;
    for (int i = 0; i < 4; ++i)
        layers.push_back(layer(random, 13 + 16));
    // a -> b -> b -> a: over the network, within a board, and back.
    hub.say("a", chain_deploy(hub, layers[0], 0, "", "b"));
    hub.say("b", chain_deploy(hub, layers[1], 1, "a", "b"));
    hub.say("b", chain_deploy(hub, layers[2], 2, "b", "a"));
    hub.say("a", chain_deploy(hub, layers[3], 3, "b", ""));
    for (int i = 0; i < 2; ++i) {
        hub.expect<wire::Ready>("a");
        hub.expect<wire::Ready>("b");
    }
    std::uint64_t credits = 0, sent = 0, received = 0;
    std::map<std::uint64_t, Tensor> inputs;
    const std::uint64_t kRequests = 50;
    while (received < kRequests) {
        hub.turn();
        while (const auto credit = hub.next<wire::Credit>("a"))
            credits += credit->count;
        for (; credits > 0 && sent < kRequests; --credits) {
            inputs[++sent] = random_tensor(random, Type{ElementType::f32, Shape{1, 29}});
            hub.say("a", activation(sent, inputs[sent]));
        }
        while (const auto result = hub.next<wire::Result>("a")) {
            CHECK(result->request == ++received);
            Tensor want = inputs.at(result->request);
            for (const auto& each : layers)
                want = run_here(each, {want})[0];
            CHECK(difference(result->parts.at(0).tensor, want) == "");
        }
    }
    CHECK(a->state().dropped_messages == 0);
    CHECK(b->state().dropped_messages == 0);
}
