// What is encoded is decoded to the same, for every message and every field.
#include <doctest/doctest.h>

#include <limits>
#include <set>

#include "support/random.hpp"
#include "wire/graph_codec.hpp"
#include "wire/messages.hpp"

namespace {

using namespace shoal;
using namespace shoal::test;
namespace w = shoal::wire;

TEST_CASE("every message comes back byte for byte, and every kind is among them") {
    auto random = generator();
    std::set<w::Kind> kinds;
    for (const auto& message : every_message(random)) {
        CAPTURE(message.name);
        REQUIRE(w::peek_kind(message.frames));
        kinds.insert(*w::peek_kind(message.frames));
        w::Frames again;
        REQUIRE_NOTHROW(again = recoded(message.direction, message.frames));
        REQUIRE(again.size() == message.frames.size());
        for (std::size_t i = 0; i < again.size(); ++i) {
            const auto a = again[i].view(), b = message.frames[i].view();
            CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
        }
    }
    for (int number = 0; number < 256; ++number) {
        const auto kind = static_cast<w::Kind>(number);
        CAPTURE(number);
        CHECK((w::name(kind) != "?") == (kinds.count(kind) == 1));
    }
}

template <class Message, class Decode>
Message through(const Message& message, Decode&& decode) {
    return std::get<Message>(decode(w::encode(message)));
}

template <class Message, class Decode>
void check_same(const Message& message, Decode&& decode) {
    CHECK(through(message, decode) == message);
}

TEST_CASE("messages of plain fields are equal after the trip") {
    auto random = generator();
    const auto at_hub = w::decode_hub_from_board;
    const auto for_client = w::decode_client_from_hub;
    check_same(w::Register{"1", "board", 7, "tcp://*:1", 8, {some_device(random)}, {{"a", "b"}}}, at_hub);
    check_same(w::Credit{1, 2, 3, 4, 5}, at_hub);
    check_same(w::StageError{1, 2, 3, 4, base::Code::internal, "text"}, at_hub);
    check_same(w::ProbeEcho{1, 2}, at_hub);
    check_same(w::BlobRequest{base::Digest::of("x"), 3, 4}, at_hub);
    check_same(w::KernelCosts{1, {{0.5, 2, 3, true}}}, at_hub);
    check_same(w::LinkMeasured{1, {{2, 0.5}}}, at_hub);
    check_same(w::TaskFailed{1, base::Code::io, "text"}, at_hub);
    check_same(w::DeployProgress{1, 2, 3, "phase", 4, 5}, at_hub);
    check_same(w::Ready{1, 2, 3, 4, 5, 6, 0.5, 0.25}, at_hub);
    check_same(w::DeployFailed{1, 2, 3, base::Code::io, "text"}, at_hub);
    w::Heartbeat heartbeat{1, 2, 3, 4, 5, {{0.5, 6, 7}}, {{1, 2, 3, 4, 5, 0.5, 0.25, 6}}, {}, {{"x", -0.5}}};
    heartbeat.links = {{"peer", 1, 2, 3, 4, 5, 0.5}};
    check_same(heartbeat, at_hub);
    check_same(w::Goodbye{"reason"}, at_hub);

    check_same(w::Welcome{1, "hub", "1", 2, 3}, w::decode_board_from_hub);
    check_same(w::Peers{{{"a", "b", std::string(40, 'c')}}}, w::decode_board_from_hub);
    check_same(w::HeartbeatEcho{1, 2}, w::decode_board_from_hub);
    check_same(w::MeasureLink{1, "peer", {2, 3}, 4}, w::decode_board_from_hub);
    check_same(w::Undeploy{1, 2}, w::decode_board_from_hub);
    check_same(w::BlobMissing{base::Digest::of("x")}, w::decode_board_from_hub);
    check_same(w::Cancel{1, 2}, w::decode_board_from_hub);
    check_same(w::PeerHello{"board"}, w::decode_board_from_board);

    check_same(w::ClientHello{"client", "1"}, w::decode_hub_from_client);
    check_same(w::CloseModel{1}, w::decode_hub_from_client);
    check_same(w::CancelRequest{1}, w::decode_hub_from_client);
    check_same(w::StatusRequest{}, w::decode_hub_from_client);

    check_same(w::Refused{1, base::Code::refused, "text"}, for_client);
    check_same(w::OpenProgress{1, "phase", 2, 3}, for_client);
    check_same(w::Planned{1, some_plan(random), some_cluster(random)}, for_client);
    check_same(w::Opened{1, 2, 3, some_plan(random), {"a", "b", "c"}}, for_client);
    check_same(w::Replanned{1, 2, "reason", some_plan(random), {"a", "b", "c"}}, for_client);
    check_same(w::ModelFailed{1, base::Code::unavailable, "text"}, for_client);
    check_same(w::RequestFailed{1, base::Code::busy, "text"}, for_client);
    check_same(some_status(random), for_client);
}

TEST_CASE("tensors of every type and many shapes travel unchanged and uncopied") {
    auto random = generator();
    for (int number = 1; number <= tensor::kElementTypeCount; ++number) {
        const auto element = static_cast<tensor::ElementType>(number);
        for (const auto& shape : {tensor::Shape{}, tensor::Shape{0}, tensor::Shape{1}, tensor::Shape{13, 3},
                                  tensor::Shape{1, 127, 1, 3}, tensor::Shape{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}) {
            const tensor::Type type{element, shape};
            CAPTURE(tensor::to_string(type));
            const auto tensor = random_tensor(random, type, 0, 7);
            const w::Activation activation{1, 2, 3, 4, 5, 6, {{7, 8, tensor}}};
            const auto frames = w::encode(activation);
            CHECK(frames[1].data() == tensor.bytes().data());
            const auto got = std::get<w::Activation>(w::decode_board_from_board(frames));
            CHECK(got.deployment == 1);
            CHECK(got.request == 2);
            CHECK(got.epoch == 3);
            CHECK(got.stage == 4);
            CHECK(got.turn == 5);
            CHECK(got.remaining_ms == 6);
            CHECK(same_list(got.parts, activation.parts));
            CHECK(got.parts[0].tensor.bytes().data() == tensor.bytes().data());
        }
    }
}

TEST_CASE("an unaligned tensor is moved to where it can be read") {
    const auto tensor = tensor::Tensor::of<double>({3}, {1.5, 2.5, 3.5});
    auto frames = w::encode(w::Submit{1, 2, 3, {tensor}});
    std::vector<std::byte> shifted(1 + frames[1].size());
    std::copy(frames[1].view().begin(), frames[1].view().end(), shifted.begin() + 1);
    frames[1] = base::SharedBytes::own(std::move(shifted)).slice(1, tensor.bytes().size());
    const auto got = std::get<w::Submit>(w::decode_hub_from_client(frames));
    CHECK(got.inputs[0].as<double>()[2] == 3.5);
    CHECK(got.remaining_ms == 3);
    // So is a header.
    std::vector<std::byte> header(1 + frames[0].size());
    std::copy(frames[0].view().begin(), frames[0].view().end(), header.begin() + 1);
    const std::size_t size = frames[0].size();
    frames[0] = base::SharedBytes::own(std::move(header)).slice(1, size);
    CHECK(std::get<w::Submit>(w::decode_hub_from_client(frames)).request == 2);
}

TEST_CASE("graphs of every operator travel unchanged, and their digest with them") {
    auto random = generator();
    auto graphs = sample_graphs();
    graphs.push_back(graph_with_constants(random));
    std::set<base::Digest> digests;
    for (const auto& graph : graphs) {
        CAPTURE(graph.name);
        const auto bytes = w::encode_graph(graph);
        const auto got = w::decode_graph(bytes);
        CHECK(same(got, graph));
        CHECK(w::digest_of(got) == w::digest_of(graph));
        digests.insert(w::digest_of(graph));

        const auto deploy = some_deploy(random, graph);
        const auto deployed = through(deploy, w::decode_board_from_hub);
        CHECK(same(deployed.graph, graph));
        CHECK(deployed.digest == deploy.digest);
        CHECK(deployed.inputs == deploy.inputs);
        CHECK(deployed.outputs == deploy.outputs);
        CHECK(deployed.settings == deploy.settings);
        CHECK(deployed.memory_bytes == deploy.memory_bytes);
        CHECK(deployed.credits == 4);
        CHECK(deployed.device == 3);
    }
    CHECK(digests.size() == graphs.size());
    CHECK(graphs.size() > 100);
}

TEST_CASE("requests and answers carry their numbers and tensors") {
    auto random = generator();
    const auto graph = graph_with_constants(random);
    const w::OpenModel open{1,
                            {{graph, w::digest_of(graph)}},
                            plan::Objective::throughput,
                            plan::Merge::majority_vote,
                            {0.5},
                            2,
                            3,
                            true,
                            {{"a", "b"}}};
    const auto opened = through(open, w::decode_hub_from_client);
    CHECK(opened.task == 1);
    CHECK(same_list(opened.models, open.models));
    CHECK(opened.objective == open.objective);
    CHECK(opened.merge == open.merge);
    CHECK(opened.weights == open.weights);
    CHECK(opened.replicas == 2);
    CHECK(opened.max_in_flight == 3);
    CHECK(opened.plan_only);
    CHECK(opened.settings == open.settings);

    const w::MeasureKernels measure{1, 2, 3, graph, {1}};
    const auto measured = through(measure, w::decode_board_from_hub);
    CHECK(measured.task == 1);
    CHECK(measured.device == 2);
    CHECK(measured.repeat == 3);
    CHECK(measured.groups == measure.groups);
    CHECK(same(measured.graph, graph));

    const w::Answer answer{1, 0.5, 0.25, 2, {tensor::Tensor::of<float>({2}, {1, 2})}};
    const auto answered = through(answer, w::decode_client_from_hub);
    CHECK(answered.request == 1);
    CHECK(answered.queued_ms == 0.5);
    CHECK(answered.ran_ms == 0.25);
    CHECK(answered.attempts == 2);
    CHECK(same_list(answered.outputs, answer.outputs));

    const w::Result result{1, 2, 3, 4, 5, 6, {{7, 0, answer.outputs[0]}}};
    const auto resulted = through(result, w::decode_hub_from_board);
    CHECK(resulted.deployment == 1);
    CHECK(resulted.request == 2);
    CHECK(resulted.epoch == 3);
    CHECK(resulted.stage == 4);
    CHECK(resulted.queued_us == 5);
    CHECK(resulted.computed_us == 6);
    CHECK(same_list(resulted.parts, result.parts));

    const w::Blob blob{base::Digest::of("x"), 1, 10, base::SharedBytes::copy_of(answer.outputs[0].bytes())};
    const auto received = through(blob, w::decode_board_from_hub);
    CHECK(received.digest == blob.digest);
    CHECK(received.offset == 1);
    CHECK(received.total == 10);
    CHECK(received.bytes.data() == blob.bytes.data());
}

TEST_CASE("the digest of a graph depends on all of it, and not on whether its constants are here") {
    auto random = generator();
    const auto graph = graph_with_constants(random);
    const auto digest = w::digest_of(graph);
    const auto differs = [&](auto&& change) {
        auto other = graph;
        change(other);
        CHECK(w::digest_of(other) != digest);
    };
    differs([](auto& g) { g.name += "x"; });
    differs([](auto& g) { g.values[0].name += "x"; });
    differs([](auto& g) { g.values[0].type.element = tensor::ElementType::f16; });
    differs([](auto& g) { g.values[0].type.shape = tensor::Shape{13, 3}; });
    differs([](auto& g) { g.ops[0].name += "x"; });
    differs([](auto& g) { g.ops[0].group += 1; });
    differs([](auto& g) { g.ops[0].attrs.set("more", std::int64_t{1}); });
    differs([](auto& g) { g.ops[1].inputs.push_back(0); });
    differs([](auto& g) { g.ops[1].outputs.push_back(0); });
    differs([](auto& g) { g.inputs[0].name += "x"; });
    differs([](auto& g) { g.outputs[0].value = 0; });
    differs([](auto& g) {
        for (auto& value : g.values) {
            if (value.constant) value.constant->digest = base::Digest::of("other weights");
        }
    });
    auto unbound = graph;
    for (auto& value : unbound.values) {
        if (value.constant) value.constant->bytes = {};
    }
    CHECK(w::digest_of(unbound) == digest);
    for (auto& value : unbound.values) {
        if (value.constant) value.constant->digest.reset();
    }
    CHECK_THROWS_AS(static_cast<void>(w::digest_of(unbound)), base::Error);
}

TEST_CASE("a graph's blobs are those that are read, each once") {
    auto random = generator();
    auto graph = graph_with_constants(random);
    const auto needs = w::blobs_of(graph);
    REQUIRE(needs.size() == 2);
    CHECK(needs[0].size_bytes + needs[1].size_bytes == (13 * 5 + 5) * sizeof(float));
    auto unread = graph;
    unread.values.push_back({"unread", {}, graph::Constant{{}, base::Digest::of("unread")}});
    CHECK(w::blobs_of(unread).size() == 2);
    for (auto& value : graph.values) {
        if (value.constant) value.constant->digest = base::Digest::of("the same");
    }
    CHECK(w::blobs_of(graph).size() == 1);
}

TEST_CASE("replicas are chosen by their shares") {
    const auto count = [](const std::vector<double>& shares, std::uint32_t turns) {
        std::vector<double> out(shares.size());
        for (std::uint32_t turn = 0; turn < turns; ++turn)
            out[w::choose_replica(shares, turn)] += 1;
        return out;
    };
    CHECK(w::choose_replica({}, 7) == 0);
    CHECK(w::choose_replica({0.0, 2.0, 0.0}, 7) == 1);
    CHECK(w::choose_replica({1.0, 1.0}, 4294967295U) == 1);
    for (std::uint32_t turn = 0; turn < 100; turn += 4)
        CHECK(count({3, 3, 3, 3}, turn + 4) == std::vector<double>(4, turn / 4 + 1));
    for (const std::vector<double>& shares :
         {std::vector<double>{1, 1, 1}, std::vector<double>{0.7, 0.3}, std::vector<double>{1, 0, 2, 13, 0.1}}) {
        double total = 0;
        for (const double share : shares)
            total += share;
        for (const std::uint32_t turns : {1U, 2U, 10U, 100U, 1000U, 10'000U}) {
            const auto got = count(shares, turns);
            for (std::size_t i = 0; i < shares.size(); ++i)
                CHECK(std::abs(got[i] - turns * shares[i] / total) <= 2 + std::log2(turns));
        }
    }
}

}  // namespace
