// Messages that were cut short, bent or made up: each is refused with Shoal's error, whatever it says.
#include <doctest/doctest.h>

#include <limits>

#include "base/endian.hpp"
#include "support/random.hpp"
#include "wire/board_messages_generated.h"
#include "wire/client_messages_generated.h"
#include "wire/flat.hpp"
#include "wire/graph_codec.hpp"
#include "wire/messages.hpp"

namespace {

using namespace shoal;
using namespace shoal::test;
namespace w = shoal::wire;

// True when it was refused as it should be, false when it was taken.
bool refused(Direction direction, const w::Frames& frames) {
    try {
        static_cast<void>(recoded(direction, frames));
        return false;
    } catch (const base::Error& error) {
        const bool right = error.code() == base::Code::network || error.code() == base::Code::refused;
        CHECK_MESSAGE(right, error.what());
        return true;
    }
}

w::Frames with_frame(w::Frames frames, std::size_t index, std::vector<std::byte> bytes) {
    frames[index] = base::SharedBytes::own(std::move(bytes));
    return frames;
}
std::vector<std::byte> copy(const base::SharedBytes& bytes) {
    return {bytes.view().begin(), bytes.view().end()};
}

TEST_CASE("every prefix of every message is refused") {
    auto random = generator();
    for (const auto& message : every_message(random)) {
        CAPTURE(message.name);
        for (std::size_t index = 0; index < message.frames.size(); ++index) {
            const auto whole = copy(message.frames[index]);
            // A blob or probe may be of any size; what is missing of those shows elsewhere.
            if (index > 0 && (message.name == "blob" || message.name == "probe")) continue;
            for (std::size_t size = 0; size < whole.size(); ++size) {
                const auto part = std::vector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
                CHECK(refused(message.direction, with_frame(message.frames, index, part)));
            }
            auto longer = whole;
            longer.push_back(std::byte{0});
            CHECK(refused(message.direction, with_frame(message.frames, index, longer)));
        }
        for (std::size_t count = 0; count < message.frames.size(); ++count) {
            const auto fewer =
                w::Frames(message.frames.begin(), message.frames.begin() + static_cast<std::ptrdiff_t>(count));
            CHECK(refused(message.direction, fewer));
        }
        auto more = message.frames;
        more.emplace_back();
        CHECK(refused(message.direction, more));
    }
}

TEST_CASE("bodies that end early, announced as what they are, are refused or sound") {
    auto random = generator();
    for (const auto& message : every_message(random)) {
        CAPTURE(message.name);
        const auto whole = copy(message.frames[0]);
        for (std::size_t size = 16; size < whole.size(); ++size) {
            auto part = std::vector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            base::store_le(part.data() + 12, static_cast<std::uint32_t>(size - 16));
            static_cast<void>(refused(message.direction, with_frame(message.frames, 0, part)));
        }
    }
}

TEST_CASE("every flipped bit of every message is refused or makes another sound message") {
    auto random = generator();
    std::size_t taken = 0, flips = 0;
    for (const auto& message : every_message(random)) {
        CAPTURE(message.name);
        const auto whole = copy(message.frames[0]);
        for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
            auto bent = whole;
            bent[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
            taken += refused(message.direction, with_frame(message.frames, 0, bent)) ? 0 : 1;
            ++flips;
        }
    }
    CHECK(taken < flips);
}

TEST_CASE("random bytes behind a good prefix are refused or sound") {
    auto random = generator();
    const auto messages = every_message(random);
    for (int round = 0; round < 20'000; ++round) {
        const auto& message = messages[random() % messages.size()];
        auto bent = copy(message.frames[0]);
        for (unsigned i = 0; i < 1 + random() % 8; ++i)
            bent[16 + random() % (bent.size() - 16)] = static_cast<std::byte>(random());
        static_cast<void>(refused(message.direction, with_frame(message.frames, 0, bent)));
    }
}

TEST_CASE("a peer can only say what its role may say") {
    auto random = generator();
    int accepted = 0;
    for (const auto& message : every_message(random)) {
        for (int direction = 0; direction < kDirections; ++direction)
            accepted += refused(static_cast<Direction>(direction), message.frames) ? 0 : 1;
    }
    // As many as decode.hpp lists, with activation in it once more without parts (in two directions).
    constexpr auto kListed = std::variant_size_v<w::HubFromBoard> + std::variant_size_v<w::BoardFromHub> +
                             std::variant_size_v<w::BoardFromBoard> + std::variant_size_v<w::HubFromClient> +
                             std::variant_size_v<w::ClientFromHub> + 2;
    CHECK(accepted == kListed);
}

TEST_CASE("another major version is refused with both versions named, and can still say why it refuses us") {
    const auto bend = [](w::Frames frames, std::uint16_t major, std::uint16_t minor) {
        auto bytes = copy(frames[0]);
        base::store_le(bytes.data() + 4, major);
        base::store_le(bytes.data() + 6, minor);
        return with_frame(std::move(frames), 0, bytes);
    };
    const auto credit = w::encode(w::Credit{1, 2, 3, 4});
    CHECK(std::get<w::Credit>(w::decode_hub_from_board(bend(credit, w::kVersion.major, 999))) == w::Credit{1, 2, 3, 4});
    try {
        static_cast<void>(w::decode_hub_from_board(bend(credit, 77, 3)));
        FAIL("taken");
    } catch (const base::Error& error) {
        CHECK(error.code() == base::Code::refused);
        CHECK(std::string(error.what()).find("77.3") != std::string::npos);
        CHECK(std::string(error.what())
                  .find(std::to_string(w::kVersion.major) + "." + std::to_string(w::kVersion.minor)) !=
              std::string::npos);
    }
    CHECK_FALSE(w::peek_kind(bend(credit, 77, 3)));
    const w::Refused no{1, base::Code::refused, "this hub speaks version 77"};
    CHECK(std::get<w::Refused>(w::decode_board_from_hub(bend(w::encode(no), 77, 3))) == no);
    CHECK(std::get<w::Refused>(w::decode_client_from_hub(bend(w::encode(no), 0, 0))) == no);
}

// Seals a table made by hand, to say what encode() would not.
template <class Make>
w::Frames forged(w::Kind kind, Make&& make) {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(make(builder));
    return w::seal(kind, builder);
}

TEST_CASE("buffers that name one thing many times are refused before they are unpacked") {
    // 100,000 facts that all are the same table, whose value is a long text: 400 MB unpacked.
    const auto frames = forged(w::Kind::board_register, [](auto& builder) {
        const auto text = builder.CreateString(std::string(4000, 'x'));
        const auto fact = w::fb::CreateNamed(builder, text, text);
        const std::vector<flatbuffers::Offset<w::fb::Named>> many(1000, fact);
        const auto board = builder.CreateString("board");
        const auto facts = builder.CreateVector(many);
        return w::fb::CreateRegister(builder, board, board, 0, board, 0, 0, facts);
    });
    CHECK(refused(Direction::hub_from_board, frames));
    // The same with operators of a graph.
    const auto graph = forged(w::Kind::measure_kernels, [](auto& builder) {
        const auto name = builder.CreateString("map");
        const auto op = w::fb::CreateOp(builder, name, name);
        const std::vector<flatbuffers::Offset<w::fb::Op>> many(w::kMaxOps, op);
        const auto ops = builder.CreateVector(many);
        return w::fb::CreateMeasureKernels(builder, 1, 0, 1, w::fb::CreateGraph(builder, name, 0, ops));
    });
    CHECK(refused(Direction::board_from_hub, graph));
}

TEST_CASE("a plan nested deeper than allowed is refused") {
    const auto frames = [](std::size_t depth) {
        return forged(w::Kind::opened, [&](auto& builder) {
            auto node = w::fb::CreatePlanNode(builder, nullptr, 1, 1);
            for (std::size_t i = 1; i < depth; ++i) {
                const auto children = builder.CreateVector(std::vector{node});
                node = w::fb::CreatePlanNode(builder, nullptr, 1, 1, children);
            }
            const auto plan = w::fb::CreatePlan(builder, 1, node);
            const auto boards = builder.CreateVector(std::vector{builder.CreateString("a")});
            return w::fb::CreateOpened(builder, 1, 2, 3, plan, boards);
        });
    };
    CHECK_FALSE(refused(Direction::client_from_hub, frames(w::kMaxPlanDepth)));
    CHECK(refused(Direction::client_from_hub, frames(w::kMaxPlanDepth + 1)));
    CHECK(refused(Direction::client_from_hub, frames(10'000)));
}

TEST_CASE("values that make no sense are refused") {
    auto random = generator();
    const auto hub = [](const auto& message) { return refused(Direction::hub_from_board, w::encode(message)); };
    const auto board = [](const auto& message) { return refused(Direction::board_from_hub, w::encode(message)); };
    const auto client = [](const auto& message) { return refused(Direction::client_from_hub, w::encode(message)); };
    const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

    CHECK(hub(w::Register{"1", "", 1, "", 1, {}, {}}));
    auto device = some_device(random);
    device.kind = device::Kind{6};
    CHECK(hub(w::Register{"1", "board", 1, "", 1, {device}, {}}));
    device.kind = device::Kind{0};
    CHECK(hub(w::Register{"1", "board", 1, "", 1, {device}, {}}));
    device.kind = device::Kind::cpu;
    device.rates.flops_per_s = nan;
    CHECK(hub(w::Register{"1", "board", 1, "", 1, {device}, {}}));
    CHECK(hub(w::KernelCosts{1, {{-1, 0, 0, true}}}));
    CHECK(hub(w::LinkMeasured{1, {{1, infinity}}}));
    CHECK(hub(w::StageError{1, 2, 3, 4, base::Code{9999}, "x"}));
    CHECK(hub(w::BlobRequest{{}, 0, static_cast<std::uint32_t>(w::kMaxChunkBytes) + 1}));
    CHECK(hub(w::BlobRequest{{}, std::numeric_limits<std::uint64_t>::max(), 1}));

    CHECK(board(w::Welcome{1, "hub", "1", 0, 1000}));
    CHECK(board(w::Peers{{{"a", "b", "short key"}}}));
    CHECK(board(w::Blob{{}, 90, 100, base::SharedBytes::own(std::vector<std::byte>(11))}));
    CHECK(board(w::Blob{
        {}, std::numeric_limits<std::uint64_t>::max(), 100, base::SharedBytes::own(std::vector<std::byte>(1))}));
    const auto graph = graph_with_constants(random);
    CHECK(board(w::MeasureKernels{1, 2, 3, graph, {0, 0}}));
    CHECK(board(w::MeasureKernels{1, 2, 3, graph, {static_cast<std::uint32_t>(graph::groups(graph).size())}}));

    const auto deploy = [&](auto&& change) {
        auto message = some_deploy(random, graph);
        change(message);
        return board(message);
    };
    CHECK_FALSE(deploy([](auto&) {}));
    CHECK(deploy([](auto& d) { d.credits = 0; }));
    CHECK(deploy([](auto& d) { d.digest = base::Digest::of("another"); }));
    CHECK(deploy([](auto& d) { d.graph.name += "x"; }));
    CHECK(deploy([](auto& d) { d.inputs.clear(); }));
    CHECK(deploy([](auto& d) { d.outputs.emplace_back(); }));
    CHECK(deploy([](auto& d) { d.inputs[0].sources.clear(); }));
    CHECK(deploy([](auto& d) { d.inputs[0].merge = graph::Merge{5}; }));
    CHECK(deploy([](auto& d) { d.inputs[0].sources[0].part = {2, 0, 1}; }));
    CHECK(deploy([](auto& d) { d.inputs[0].sources[0].part = {0, 0, 4}; }));
    CHECK(deploy([](auto& d) { d.inputs[0].sources[0].part = {0, -1, 1}; }));
    CHECK(deploy([](auto& d) { d.inputs[0].sources[0].part = {0, 2, 1}; }));
    CHECK(deploy([](auto& d) { d.inputs[0].sources[0].port = 4096; }));
    CHECK(deploy([](auto& d) { d.outputs[0].fans[0].shares = {1.0}; }));
    CHECK(deploy([](auto& d) { d.outputs[0].fans[0].shares = {0.0, 0.0}; }));
    CHECK(deploy([](auto& d) { d.outputs[0].fans[0].shares = {2.0, -1.0}; }));
    CHECK(deploy([&](auto& d) { d.outputs[0].fans[0].shares = {1.0, nan}; }));
    CHECK(deploy([](auto& d) { d.outputs[0].fans[0].choices.clear(); }));
    CHECK(deploy([](auto& d) { d.outputs[0].fans[1].choices[0].part = {-2, 0, 0}; }));

    const auto opened = [&](auto&& change) {
        w::Opened message{1, 2, 3, some_plan(random), {"a", "b", "c"}};
        change(message);
        return client(message);
    };
    CHECK_FALSE(opened([](auto&) {}));
    CHECK(opened([](auto& o) { o.boards.pop_back(); }));
    CHECK(opened([](auto& o) { o.max_in_flight = 0; }));
    CHECK(opened([](auto& o) { o.plan.objective = plan::Objective{3}; }));
    CHECK(opened([](auto& o) { o.plan.root.axis = plan::Axis{5}; }));
    CHECK(opened([](auto& o) { o.plan.root.merge = plan::Merge{0}; }));
    CHECK(opened([](auto& o) { o.plan.root.shares = {1.0}; }));
    CHECK(opened([](auto& o) { o.plan.root.children[1].work.first_group = 8; }));
    CHECK(opened([&](auto& o) { o.plan.prediction.latency_s = nan; }));
    CHECK(opened([](auto& o) { o.plan.prediction.stages[0].work.board = 3; }));

    auto cluster = some_cluster(random);
    cluster.links.pop_back();
    CHECK(client(w::Planned{1, some_plan(random), cluster}));
    auto status = some_status(random);
    status.boards[0].state = w::BoardState{5};
    CHECK(client(status));
    status = some_status(random);
    status.boards[0].loads.pop_back();
    CHECK(client(status));

    CHECK(refused(Direction::hub_from_client,
                  w::encode(w::OpenModel{1, {}, plan::Objective::latency, plan::Merge::sum, {}, 0, 0, false, {}})));
    CHECK(refused(Direction::hub_from_client, w::encode(w::OpenModel{1,
                                                                     {{graph, base::Digest::of("another")}},
                                                                     plan::Objective::latency,
                                                                     plan::Merge::sum,
                                                                     {},
                                                                     0,
                                                                     0,
                                                                     false,
                                                                     {}})));
    CHECK(refused(
        Direction::hub_from_client,
        w::encode(w::OpenModel{
            1, {{graph, w::digest_of(graph)}}, plan::Objective::latency, plan::Merge::sum, {1, 2}, 0, 0, false, {}})));
}

TEST_CASE("broken graphs are refused") {
    auto random = generator();
    const auto broken = [&](auto&& change) {
        auto graph = graph_with_constants(random);
        change(graph);
        try {
            static_cast<void>(w::decode_graph(w::encode_graph(graph)));
            return false;
        } catch (const base::Error& error) {
            CHECK(error.code() == base::Code::network);
            return true;
        }
    };
    CHECK_FALSE(broken([](auto&) {}));
    CHECK(broken([](auto& g) { g.ops[0].inputs[0] = 1000; }));
    CHECK(broken([](auto& g) { g.ops[0].outputs[0] = 1000; }));
    CHECK(broken([](auto& g) { g.ops[1].inputs[0] = g.ops[2].outputs[0]; }));
    CHECK(broken([](auto& g) { g.outputs[0].value = 1000; }));
    CHECK(broken([](auto& g) { g.inputs[0].value = graph::kNoValue; }));
    CHECK(broken([](auto& g) { std::swap(g.ops[0], g.ops[1]); }));
    CHECK(broken([](auto& g) { g.ops[0].group = 7; }));
    CHECK(broken([](auto& g) { g.ops[0].attrs.set("nonsense", std::int64_t{1}); }));
    CHECK(broken([](auto& g) { g.ops[0].attrs.set("transpose_b", std::string("yes")); }));
    CHECK(broken([](auto& g) { g.values[0].type.shape = tensor::Shape{7}; }));
    CHECK(broken([](auto& g) { g.values[0].type.element = tensor::ElementType{16}; }));
    CHECK(broken([](auto& g) { g.values[0].type.element = tensor::ElementType{0}; }));
    CHECK_THROWS_AS(static_cast<void>(w::decode_graph({})), base::Error);
}

TEST_CASE("what is too long to send is refused where it is made, and texts are cut") {
    CHECK_THROWS_AS(static_cast<void>(w::encode(w::PeerHello{std::string(w::kMaxNameBytes + 1, 'x')})), base::Error);
    CHECK_NOTHROW(static_cast<void>(w::encode(w::PeerHello{std::string(w::kMaxNameBytes, 'x')})));
    const std::vector<w::Part> many(w::kMaxPayloads + 1, w::Part{});
    CHECK_THROWS_AS(static_cast<void>(w::encode(w::Result{1, 2, 3, 4, 5, 6, many})), base::Error);
    // Cut between characters: the last one here would be torn.
    const std::string text = std::string(w::kMaxTextBytes - 1, 'x') + "\xc3\xa9 and more";
    const auto got =
        std::get<w::TaskFailed>(w::decode_hub_from_board(w::encode(w::TaskFailed{1, base::Code::io, text})));
    CHECK(got.text == std::string(w::kMaxTextBytes - 1, 'x'));
}

}  // namespace
