// Peers that say what makes no sense, or what is not theirs to say, in every state of the hub.
#include "requesting.hpp"
#include "support/errors.hpp"
#include "support/samples.hpp"
#include "wire/graph_codec.hpp"

using namespace shoal;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::PeerId;
using test::perceptron;
using test::Simulation;

namespace {

// A message of each kind that somebody may say to a hub, about things that exist and things that do not.
std::vector<wire::Frames> everything(const graph::Graph& graph) {
    const auto digest = wire::digest_of(graph);
    wire::OpenModel open;
    open.task = 9;
    open.models.push_back({graph, digest});
    const tensor::Tensor tensor(tensor::Type{tensor::ElementType::f32, {3, 13}});
    wire::Register info{"0", "mallory", 1, "tcp://*:1", 1000, {device::DeviceInfo{}}, {}};
    std::vector<wire::Frames> out;
    const auto add = [&](const auto& message) { out.push_back(encode(message)); };
    add(info);
    add(wire::Heartbeat{1, 2, 3, 4, 5, {{0.5, 1, 1 << 30}}, {{1, 1, 0, 5, 6, 7, 8, 9}}, {}, {}});
    add(wire::KernelCosts{1, {{1, 2, 3, true}}});
    add(wire::LinkMeasured{1ULL << 32, {{64, 1}, {1000, 1}}});
    add(wire::TaskFailed{1, base::Code::internal, "no"});
    add(wire::Probe{1, 2, base::SharedBytes::own(std::vector<std::byte>(100))});
    add(wire::ProbeEcho{1ULL << 32, 1});
    add(wire::BlobRequest{digest, 1ULL << 60, 100});
    add(wire::DeployProgress{1, 1, 0, "x", 1, 2});
    add(wire::Ready{1, 1, 0, 1, 2, 3, 4, 5});
    add(wire::DeployFailed{1, 1, 0, base::Code::does_not_fit, "no"});
    for (std::uint64_t request = 1; request < 4; ++request)
        add(wire::Result{1, request, 1, 0, 1, 2, {{0, 0, tensor}}});
    add(wire::Result{1, 1, 1, 0, 1, 2, {{4000, 7, tensor}}});
    add(wire::Credit{1, 1, 0, ~std::uint32_t{0}, 0});
    add(wire::StageError{1, 1, 1, 0, base::Code::device, "broken"});
    add(wire::ClientHello{"mallory", "0"});
    add(open);
    add(wire::CloseModel{1});
    add(wire::Blob{digest, 0, 1ULL << 40, base::SharedBytes::own(std::vector<std::byte>(100))});
    add(wire::BlobMissing{digest});
    add(wire::Submit{1, 1, 1000, {tensor}});
    add(wire::CancelRequest{1});
    add(wire::StatusRequest{});
    add(wire::Goodbye{"bye"});
    return out;
}

wire::Frames damaged(wire::Frames frames, std::mt19937& dice) {
    const auto below = [&](std::size_t bound) {
        return std::uniform_int_distribution<std::size_t>(0, bound - 1)(dice);
    };
    switch (below(4)) {
        case 0: return frames;
        case 1: frames.resize(1 + below(frames.size())); return frames;
        case 2: {
            auto& frame = frames[below(frames.size())];
            frame = frame.slice(0, frame.empty() ? 0 : below(frame.size()));
            return frames;
        }
        default: break;
    }
    auto& frame = frames[below(frames.size())];
    std::vector<std::byte> bytes(frame.view().begin(), frame.view().end());
    for (std::size_t i = 0; i < 1 + below(4) && !bytes.empty(); ++i)
        bytes[below(bytes.size())] = static_cast<std::byte>(below(256));
    frame = base::SharedBytes::own(std::move(bytes));
    return frames;
}

}  // namespace

TEST_CASE("garbage from strangers, boards and clients changes nothing for the others") {
    const auto graph = perceptron(1);
    for (unsigned round = 0; round < 6; ++round) {
        CAPTURE(round);
        Simulation world(test::seed() * 100 + round);
        world.add_board({"a", 6'000});
        world.add_board({"b", 6'000});
        auto& client = world.add_client("client");
        world.open(client, 1, {graph});
        const auto messages = everything(*perceptron(2, 2, 8));
        const auto pick = [&] {
            return damaged(messages[std::uniform_int_distribution<std::size_t>(0, messages.size() - 1)(world.dice)],
                           world.dice);
        };
        std::vector<PeerId> hostile;
        const auto attack = [&] {
            if (hostile.size() < 12) {
                hostile.push_back(world.connect_stranger());
                if (hostile.size() % 3 == 1) world.say(hostile.back(), messages.front());  // a board
                if (hostile.size() % 3 == 2)
                    world.say(hostile.back(), encode(wire::ClientHello{"m", "0"}));  // a client
            }
            for (auto& peer : hostile) {
                if (!world.connected(peer)) peer = world.connect_stranger();
                world.say(peer, pick());
            }
            for (int i = 0; i < 10; ++i)
                world.turn();
        };
        for (int i = 0; i < 40; ++i)
            attack();
        world.until([&] { return client.opened.count(1) + client.refused.count(1) > 0; }, "the model");
        REQUIRE(client.opened.count(1) == 1);
        const auto model = client.opened[1].model;
        for (int i = 0; i < 40; ++i)
            attack();
        test::check_requests(world, client, *graph, model, 1, 6);
        const auto status = world.core().status();
        CHECK(status.broken_messages > 0);
        CHECK(status.models.size() < 10);
        CHECK(world.heard.size() < 200);
    }
}

TEST_CASE("a board speaks for itself alone") {
    const auto graph = perceptron(1);
    Simulation world(test::seed());
    auto& a = world.add_board({"a", 400'000});
    auto& client = world.add_client("client");
    const auto model = world.opened(client, 1, {graph}).model;
    // Under a name that is alive.
    const auto thief = world.connect_stranger();
    wire::Register info{"0", "a", 1, "tcp://*:1", 1000, {device::DeviceInfo{}}, {}};
    world.say(thief, encode(info));
    world.pass(milliseconds(50));
    REQUIRE(world.heard[thief].size() == 1);
    const auto answer = wire::decode_board_from_hub(world.heard[thief][0]);
    REQUIRE(std::holds_alternative<wire::Refused>(answer));
    CHECK(test::says(std::get<wire::Refused>(answer).text, "another name"));
    // With another's results.
    const auto other = world.connect_stranger();
    info.board = "other";
    world.say(other, encode(info));
    a.hangs = true;
    const auto inputs = test::inputs_for(*graph, world.dice);
    world.say(client, test::submit(model, 1, inputs));
    world.pass(milliseconds(20));
    const auto dropped = world.core().status().dropped_messages;
    for (std::uint64_t request = 1; request < 10; ++request) {
        world.say(other,
                  encode(wire::Result{
                      model, request, 1, 0, 0, 0, {{0, 0, tensor::Tensor(graph->type(graph->outputs[0].value))}}}));
        world.say(other, encode(wire::StageError{model, request, 1, 0, base::Code::device, "no"}));
    }
    world.say(other, encode(wire::Ready{model, 1, 0, 0, 0, 0, 0, 0}));
    world.say(other, encode(wire::DeployFailed{model, 1, 0, base::Code::device, "no"}));
    world.pass(milliseconds(50));
    CHECK(world.core().status().dropped_messages == dropped + 20);
    CHECK(client.ends(1) == 0);
    a.hangs = false;
    world.until([&] { return client.ends(1) > 0; }, "the answer");
    REQUIRE(client.answers[1].size() == 1);
    CHECK(test::equal(client.answers[1][0].outputs, test::run_whole(*graph, inputs)));
}

TEST_CASE("weights that are not what the model says are refused") {
    const auto graph = perceptron(1);
    Simulation world(test::seed());
    world.add_board({"a", 400'000});
    auto& client = world.add_client("client");
    world.open(client, 1, {graph});
    auto& first = client.weights.begin()->second;
    first = base::SharedBytes::own(std::vector<std::byte>(first.size()));
    world.until([&] { return client.refused.count(1) + client.opened.count(1) > 0; }, "the refusal");
    CHECK(client.refused.count(1) == 1);

    auto& forger = world.add_client("forger");
    world.open(forger, 2, {graph}, [](wire::OpenModel& open) { open.models[0].digest = base::Digest::of("other"); });
    world.until([&] { return world.core().status().broken_messages > 0; }, "the message to be dropped");
    CHECK(world.core().status().models.empty());

    auto& forgetful = world.add_client("forgetful");
    world.open(forgetful, 3, {graph});
    forgetful.weights.clear();
    world.until([&] { return forgetful.refused.count(3) > 0; }, "the refusal");
    CHECK(forgetful.refused[3].code == base::Code::not_found);

    // Who wants the same model and has its weights does not suffer for it.
    auto& forgetting = world.add_client("forgetting");
    auto& careful = world.add_client("careful");
    world.open(forgetting, 4, {graph});
    forgetting.weights.clear();
    world.opened(careful, 5, {graph});
    CHECK(forgetting.refused.count(4) == 1);
    CHECK(careful.blobs_sent > 0);
}
