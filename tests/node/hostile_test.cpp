// Garbage from the hub and from a neighbour, in every state: nothing breaks, nothing grows, and what is right is still
// done.
#include <doctest/doctest.h>

#include <thread>

#include "node/boards.hpp"
#include "support/errors.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

const Type kRow{ElementType::f32, Shape{1, 13}};

// One of all that can be said to a node, valid as messages, senseless as they come.
std::vector<wire::Frames> everything(FakeHub& hub, const graph::Graph& graph) {
    const auto digest = base::Digest::of("nothing");
    const auto bytes = base::SharedBytes::own(std::vector<std::byte>(100));
    auto deploy = chain_deploy(hub, graph, 3, "x", "y", 2, 99, 4);
    wire::MeasureKernels kernels;
    kernels.task = 1;
    kernels.graph = deploy.graph;
    return {
        wire::encode(wire::Refused{1, base::Code::refused, "no"}),
        wire::encode(wire::Peers{{{"x", "inproc://x", ""}, {"a", "inproc://a", ""}}}),
        wire::encode(wire::HeartbeatEcho{5, 5}),
        wire::encode(kernels),
        wire::encode(wire::MeasureLink{1, "x", {1, 2}, 3}),
        wire::encode(wire::Probe{1, 2, bytes}),
        wire::encode(wire::ProbeEcho{1, 2}),
        wire::encode(deploy),
        wire::encode(wire::Undeploy{99, 4}),
        wire::encode(wire::Blob{digest, 0, 100, bytes}),
        wire::encode(wire::BlobMissing{digest}),
        wire::encode(activation(7, Tensor(kRow), 3)),
        wire::encode(activation(7, Tensor(kRow), 0, 7, 9)),
        wire::encode(wire::Cancel{7, 7}),
        wire::encode(wire::PeerHello{"x"}),
        wire::encode(wire::Credit{7, 1, 3, 1, 0}),
        wire::encode(wire::Goodbye{"well"}),
        wire::encode(wire::Welcome{77, "another", "1", 1, 1}),
    };
}

wire::Frames bent(std::mt19937& random, wire::Frames frames) {
    switch (random() % 4) {
        case 0: {  // bits flipped
            std::vector<std::byte> bytes(frames[0].view().begin(), frames[0].view().end());
            for (unsigned i = 0; i < 1 + random() % 3; ++i)
                bytes[random() % bytes.size()] ^= static_cast<std::byte>(1U << (random() % 8));
            frames[0] = base::SharedBytes::own(std::move(bytes));
            break;
        }
        case 1: {  // cut short
            auto& frame = frames[random() % frames.size()];
            if (frame.size() > 1) frame = frame.slice(0, 1 + random() % (frame.size() - 1));
            break;
        }
        case 2: {  // made up
            std::vector<std::byte> bytes(1 + random() % 200);
            for (auto& byte : bytes)
                byte = static_cast<std::byte>(random());
            frames = {base::SharedBytes::own(std::move(bytes))};
            break;
        }
        default: frames.push_back(frames.front());  // too many frames
    }
    return frames;
}

bool is_farewell(const wire::Frames& frames) {
    const auto kind = wire::peek_kind(frames);
    return kind == wire::Kind::goodbye || kind == wire::Kind::welcome || kind == wire::Kind::refused ||
           kind == wire::Kind::peers;
}

}  // namespace

TEST_CASE("garbage from the hub changes nothing, before the welcome and behind it") {
    auto random = generator();
    const auto network = transport::make_in_process_network();
    FakeHub hub(network);
    TestBoard board(network, "a", 1 << 20);
    hub.await_boards(1);
    const auto graph = layer(random, 13);
    hub.say("a", chain_deploy(hub, graph, 0, "", "", 2));
    hub.expect<wire::Ready>("a");
    const auto messages = everything(hub, graph);
    const auto used = board->state().memory_used_bytes;
    for (int round = 0; round < 3000; ++round) {
        auto frames = messages[random() % messages.size()];
        if (is_farewell(frames)) continue;
        frames = bent(random, std::move(frames));
        // A bit in a name or number may leave a message whole; those that end the session are not the point here.
        if (is_farewell(frames)) continue;
        static_cast<void>(hub.port().send(hub.peer("a"), std::move(frames)));
        if (round % 100 != 0) continue;
        const auto request = static_cast<std::uint64_t>(1'000'000 + round);
        const auto x = random_tensor(random, kRow);
        hub.say("a", activation(request, x));
        const auto result = hub.expect<wire::Result>("a");
        CHECK(result.request == request);
        CHECK(difference(result.parts.at(0).tensor, run_here(graph, {x})[0]) == "");
    }
    CHECK(board->state().dropped_messages > 1000);
    hub.say("a", wire::Undeploy{99, ~std::uint32_t{0}});
    hub.until([&] {
        while (hub.next<wire::TaskFailed>("a") || hub.next<wire::KernelCosts>("a")) {}
        return board->state().memory_used_bytes <= used + (64 << 10);
    });
}

TEST_CASE("garbage from a neighbour changes nothing, whether it has said who it is or not") {
    auto random = generator();
    const auto network = transport::make_in_process_network();
    FakeHub hub(network);
    TestBoard board(network, "a", 1 << 20);
    hub.await_boards(1);
    const auto endpoint = hub.boards.at("a").data_endpoint;
    hub.say("a", wire::Peers{{{"x", "inproc://x", ""}}});
    const auto graph = layer(random, 13);
    hub.say("a", chain_deploy(hub, graph, 0, "", "", 2));
    // A stage that hears from x, too.
    hub.say("a", chain_deploy(hub, graph, 1, "x", "", 2));
    hub.expect<wire::Ready>("a");
    hub.expect<wire::Ready>("a");
    auto messages = everything(hub, graph);
    messages.push_back(wire::encode(activation(3, Tensor(kRow), 1)));
    for (int round = 0; round < 60; ++round) {
        const auto neighbour = transport::make_in_process_port(network);
        const auto peer = neighbour->connect(endpoint);
        if (round % 3 != 0) static_cast<void>(neighbour->send(peer, wire::encode(wire::PeerHello{"x"})));
        for (int i = 0; i < 30; ++i) {
            auto frames = messages[random() % messages.size()];
            if (round % 2 == 0) frames = bent(random, std::move(frames));
            static_cast<void>(neighbour->send(peer, std::move(frames)));
        }
        const auto request = static_cast<std::uint64_t>(1000 + round);
        const auto x = random_tensor(random, kRow);
        hub.say("a", activation(request, x));
        std::optional<wire::Result> result;
        while (!result || result->stage != 0)
            result = hub.expect<wire::Result>("a");
        CHECK(result->request == request);
        CHECK(difference(result->parts.at(0).tensor, run_here(graph, {x})[0]) == "");
    }
    CHECK(board->state().dropped_messages > 500);
    CHECK(board->state().stages == 2);
    CHECK(board->state().memory_peak_bytes <= board->state().memory_limit_bytes);
}

TEST_CASE("nothing but a welcome is heard before the welcome") {
    auto random = generator();
    const auto network = transport::make_in_process_network();
    const auto hub = transport::make_in_process_port(network);
    hub->listen("inproc://hub");
    TestBoard board(network, "a");
    std::optional<transport::PeerId> peer;
    const auto deadline = base::deadline_in(kPatience);
    while (!peer && base::SteadyClock::now() < deadline) {
        auto event = hub->wait(deadline);
        if (event && event->kind == transport::Event::Kind::message) peer = event->peer;
    }
    REQUIRE(peer);
    FakeHub elsewhere(transport::make_in_process_network());
    std::uint64_t sent = 0;
    for (const auto& frames : everything(elsewhere, layer(random, 13))) {
        if (is_farewell(frames) && wire::peek_kind(frames) != wire::Kind::peers) continue;
        CHECK(hub->send(*peer, frames));
        ++sent;
        CHECK(hub->send(*peer, bent(random, frames)));
        ++sent;
    }
    while (board->state().dropped_messages < sent && base::SteadyClock::now() < deadline)
        std::this_thread::yield();
    CHECK(board->state().dropped_messages == sent);
    CHECK(board->state().stages == 0);
    CHECK_FALSE(board->state().joined);
}
