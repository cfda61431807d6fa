#include "wire/messages.hpp"

#include <algorithm>

#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "support/random.hpp"
#include "wire/graph_codec.hpp"

namespace shoal::test {

using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;

namespace {

std::uint64_t number(std::mt19937& random) {
    return std::uint64_t{random()} << 32 | random();
}
std::uint32_t small(std::mt19937& random, std::uint32_t below = 1000) {
    return static_cast<std::uint32_t>(random() % below);
}
double real(std::mt19937& random) {
    return static_cast<double>(random()) / 1024;
}
std::string word(std::mt19937& random) {
    std::string out;
    for (unsigned i = 0; i < 1 + random() % 12; ++i)
        out += static_cast<char>('a' + random() % 26);
    return out;
}
base::Digest digest(std::mt19937& random) {
    return base::Digest::of(word(random));
}
base::SharedBytes blob(std::mt19937& random, std::size_t size) {
    std::vector<std::byte> out(size);
    for (auto& byte : out)
        byte = static_cast<std::byte>(random());
    return base::SharedBytes::own(std::move(out));
}

std::vector<wire::Part> parts(std::mt19937& random) {
    std::vector<wire::Part> out;
    const tensor::Type types[] = {{ElementType::f32, Shape{1, 13, 3}}, {ElementType::i4, Shape{7}},
                                  {ElementType::f64, Shape{}},         {ElementType::boolean, Shape{0, 127}},
                                  {ElementType::u8, Shape{127}},       {ElementType::bf16, Shape{1, 1, 1, 16}}};
    for (const auto& type : types) {
        const double low = tensor::is_signed(type.element) ? -2 : 0;
        out.push_back(
            {small(random, 100), static_cast<std::uint16_t>(small(random, 9)), random_tensor(random, type, low, 2)});
    }
    return out;
}
std::vector<Tensor> tensors(std::mt19937& random) {
    std::vector<Tensor> out;
    for (auto& part : parts(random))
        out.push_back(std::move(part.tensor));
    return out;
}

wire::Destination destination(std::mt19937& random, const tensor::Type& type) {
    wire::Destination out{word(random), small(random), small(random, 100), 3, {}};
    if (type.shape.rank() > 0) out.part = {0, 0, type.shape[0]};
    return out;
}

wire::BoardStatus board_status(std::mt19937& random) {
    return {word(random),
            wire::BoardState::lost,
            word(random),
            word(random),
            {some_device(random), some_device(random)},
            {{0.5, 3, 12}, {0.25, 0, 0}},
            number(random),
            number(random),
            number(random),
            small(random),
            {{"board.model", "Raspberry Pi 5"}},
            {{"temperature.cpu_c", 61.5}, {"x", -1}}};
}

wire::ModelStatus model_status(std::mt19937& random) {
    wire::StageStatus stage{1,
                            word(random),
                            1,
                            {0, 1, 2, 3},
                            true,
                            number(random),
                            number(random),
                            number(random),
                            number(random),
                            real(random),
                            real(random),
                            small(random)};
    return {number(random),
            {word(random), word(random)},
            wire::ModelState::serving,
            small(random),
            some_plan(random),
            {stage, stage},
            small(random),
            small(random),
            number(random),
            number(random),
            number(random),
            real(random),
            real(random),
            real(random),
            word(random),
            {word(random), word(random), word(random)}};
}

// Collects messages in order.
class Collection {
public:
    template <class Message>
    void add(std::string name, Direction direction, const Message& message) {
        rows_.push_back({std::move(name), direction, wire::encode(message)});
    }
    std::vector<EncodedMessage> take() { return std::move(rows_); }

private:
    std::vector<EncodedMessage> rows_;
};

void add_data(Collection& out, std::mt19937& random) {
    using enum Direction;
    out.add("activation", board_from_board,
            wire::Activation{number(random), number(random), small(random), small(random), small(random), 1500,
                             parts(random)});
    out.add("activation without parts", board_from_hub, wire::Activation{1, 2, 3, 4, 5, 0, {}});
    out.add("result", hub_from_board,
            wire::Result{number(random), number(random), small(random), small(random), 7, 8, parts(random)});
    out.add("credit", board_from_board, wire::Credit{number(random), 1, 2, 3, 4});
    out.add("cancel", board_from_hub, wire::Cancel{number(random), number(random)});
    out.add("stage error", hub_from_board,
            wire::StageError{number(random), number(random), 1, 2, base::Code::device, "clFinish: -36"});
    out.add("probe", board_from_board, wire::Probe{number(random), 3, blob(random, 127)});
    out.add("probe echo", hub_from_board, wire::ProbeEcho{number(random), 3});
    out.add("blob request", client_from_hub, wire::BlobRequest{digest(random), 1 << 20, 4096});
    out.add("blob", hub_from_client, wire::Blob{digest(random), 13, 1000, blob(random, 127)});
    out.add("blob missing", board_from_hub, wire::BlobMissing{digest(random)});
    out.add("refused", board_from_hub, wire::Refused{number(random), base::Code::does_not_fit, "too large"});
    out.add("goodbye", board_from_board, wire::Goodbye{word(random)});
}

void add_boards(Collection& out, std::mt19937& random) {
    using enum Direction;
    out.add("register", hub_from_board,
            wire::Register{"0.1.0",
                           word(random),
                           number(random),
                           "tcp://*:5701",
                           number(random),
                           {some_device(random), some_device(random)},
                           {{"os", "Linux"}, {"cores", "4"}}});
    out.add("welcome", board_from_hub, wire::Welcome{number(random), "hub", "0.1.0", 250, 1000});
    out.add("peers", board_from_hub,
            wire::Peers{{{"a", "tcp://10.0.0.1:1", std::string(40, 'k')}, {"b", "ipc:///x", ""}}});
    out.add("peer hello", board_from_board, wire::PeerHello{word(random)});
    wire::Heartbeat heartbeat{number(random),           number(random), 1, 2, 3, {{0.5, 1, 2}}, {}, {},
                              {{"clock.cpu_hz", 1.8e9}}};
    heartbeat.stages.push_back({number(random), 1, 2, 3, 4, real(random), real(random), 5});
    heartbeat.links.push_back({"b", 1, 2, 3, 4, 5, real(random)});
    heartbeat.links.push_back({"", 6, 7, 8, 9, 10, real(random)});
    out.add("heartbeat", hub_from_board, heartbeat);
    out.add("heartbeat echo", board_from_hub, wire::HeartbeatEcho{number(random), number(random)});
    const auto graph = graph_with_constants(random);
    out.add("measure kernels", board_from_hub, wire::MeasureKernels{number(random), 1, 5, graph, {0, 1}});
    out.add("kernel costs", hub_from_board,
            wire::KernelCosts{number(random), {{0.001, 5, 6, true}, {real(random), 7, 8, false}}});
    out.add("measure link", board_from_hub, wire::MeasureLink{number(random), "b", {0, 64, 1 << 20}, 9});
    out.add("link measured", hub_from_board, wire::LinkMeasured{number(random), {{64, 0.0001}, {1 << 20, 0.01}}});
    out.add("task failed", hub_from_board, wire::TaskFailed{number(random), base::Code::timeout, word(random)});
    out.add("deploy", board_from_hub, some_deploy(random, graph));
    out.add("deploy progress", hub_from_board, wire::DeployProgress{number(random), 1, 2, "weights", 3, 4});
    out.add("ready", hub_from_board, wire::Ready{number(random), 1, 2, 3, 4, 5, real(random), real(random)});
    out.add("deploy failed", hub_from_board,
            wire::DeployFailed{number(random), 1, 2, base::Code::out_of_memory, word(random)});
    out.add("undeploy", board_from_hub, wire::Undeploy{number(random), 5});
}

void add_clients(Collection& out, std::mt19937& random) {
    using enum Direction;
    out.add("client hello", hub_from_client, wire::ClientHello{word(random), "0.1.0"});
    const auto graph = graph_with_constants(random);
    const wire::Model model{graph, wire::digest_of(graph)};
    out.add("open model", hub_from_client,
            wire::OpenModel{number(random),
                            {model, model},
                            plan::Objective::throughput,
                            plan::Merge::weighted_mean,
                            {0.75, 0.25},
                            2,
                            3,
                            true,
                            {{"precision", "fp32"}}});
    out.add("open progress", client_from_hub, wire::OpenProgress{number(random), "weights", 5, 6});
    out.add("planned", client_from_hub, wire::Planned{number(random), some_plan(random), some_cluster(random)});
    out.add("opened", client_from_hub,
            wire::Opened{number(random), number(random), 8, some_plan(random), {"a", "b", "c"}});
    out.add("replanned", client_from_hub,
            wire::Replanned{number(random), 2, "board b is lost", some_plan(random), {"a", "c", "d"}});
    out.add("model failed", client_from_hub, wire::ModelFailed{number(random), base::Code::unavailable, word(random)});
    out.add("close model", hub_from_client, wire::CloseModel{number(random)});
    out.add("submit", hub_from_client, wire::Submit{number(random), number(random), 250, tensors(random)});
    out.add("answer", client_from_hub, wire::Answer{number(random), real(random), real(random), 2, tensors(random)});
    out.add("request failed", client_from_hub, wire::RequestFailed{number(random), base::Code::busy, word(random)});
    out.add("cancel request", hub_from_client, wire::CancelRequest{number(random)});
    out.add("status request", hub_from_client, wire::StatusRequest{});
    out.add("status", client_from_hub, some_status(random));
}

const auto kEncode = [](const auto& message) { return wire::encode(message); };

}  // namespace

wire::Frames recoded(Direction direction, const wire::Frames& frames) {
    switch (direction) {
        case Direction::hub_from_board: return std::visit(kEncode, wire::decode_hub_from_board(frames));
        case Direction::board_from_hub: return std::visit(kEncode, wire::decode_board_from_hub(frames));
        case Direction::board_from_board: return std::visit(kEncode, wire::decode_board_from_board(frames));
        case Direction::hub_from_client: return std::visit(kEncode, wire::decode_hub_from_client(frames));
        case Direction::client_from_hub: return std::visit(kEncode, wire::decode_client_from_hub(frames));
    }
    return {};
}

std::vector<EncodedMessage> every_message(std::mt19937& random) {
    Collection out;
    add_data(out, random);
    add_boards(out, random);
    add_clients(out, random);
    return out.take();
}

graph::Graph graph_with_constants(std::mt19937& random) {
    graph::Builder builder("two layers");
    const auto x = builder.input("x", {ElementType::f32, Shape{3, 13}});
    const auto w = builder.constant(random_tensor(random, {ElementType::f32, Shape{13, 5}}), "w");
    const auto bias = builder.constant(random_tensor(random, {ElementType::f32, Shape{5}}), "bias");
    const auto sum = builder.map("add", {builder.matmul(x, w), bias});
    builder.output("y", builder.map("relu", {sum}));
    builder.output("sum", sum);
    auto out = builder.finish();
    wire::address_constants(out);
    return out;
}

std::vector<graph::Graph> sample_graphs() {
    std::vector<graph::Graph> out;
    for (auto& sample : operator_samples())
        out.push_back(std::move(sample.graph));
    return out;
}

device::DeviceInfo some_device(std::mt19937& random) {
    device::DeviceInfo out;
    out.id = "0." + word(random);
    for (std::string* text : {&out.name, &out.vendor, &out.platform, &out.platform_version, &out.driver, &out.version})
        *text = word(random);
    out.kind = device::Kind::gpu;
    out.compute_units = 4;
    out.f32_vector_width = 8;
    for (std::uint64_t* bytes : {&out.global_bytes, &out.largest_allocation, &out.local_bytes, &out.usable_bytes})
        *bytes = number(random);
    out.largest_group = 256;
    out.buffer_alignment = 64;
    out.fp16 = true;
    out.int8_dot = true;
    out.online_compiler = true;
    out.compact_weights = true;
    out.kernels = device::KernelClass::plain;
    out.blas = true;
    out.rates = {real(random), real(random), real(random), real(random)};
    return out;
}

plan::Plan some_plan(std::mt19937& random) {
    plan::Plan out;
    out.objective = plan::Objective::throughput;
    out.credits = 3;
    plan::Node stages{{}, plan::Axis::operators, plan::Merge::hand_over, {}, {}, {}};
    stages.children.push_back({{0, 0, 0, 3}, {}, {}, {}, {}, {}});
    stages.children.push_back({{0, 1, 3, 7}, {}, {}, {}, {}, {}});
    for (auto& child : stages.children)
        child.axis = plan::Axis::operators, child.merge = plan::Merge::hand_over;
    plan::Node other = stages.children[0];
    other.work = {1, 2, 0, 7};
    out.root = {{}, plan::Axis::models, plan::Merge::weighted_mean, {stages, other}, {0.5, 0.5}, {0.25, 0.75}};
    out.prediction = {real(random), real(random), real(random), real(random), real(random), {}};
    out.prediction.stages.push_back({{0, 1, 3, 7}, real(random), real(random), real(random), 1, 2, 3, 4});
    return out;
}

plan::Cluster some_cluster(std::mt19937& random) {
    plan::Cluster out;
    for (int i = 0; i < 3; ++i)
        out.boards.push_back({word(random), some_device(random), number(random)});
    out.links.resize(4);
    for (auto& row : out.links) {
        for (int i = 0; i < 4; ++i)
            row.push_back({real(random), real(random), i - 1});
    }
    return out;
}

wire::Deploy some_deploy(std::mt19937& random, graph::Graph graph) {
    wire::Deploy out{number(random),         1, 2, 3, 4, number(random), wire::digest_of(graph), graph, {}, {},
                     {{"precision", "fp16"}}};
    for (const auto& port : graph.inputs) {
        const auto& type = graph.type(port.value);
        wire::Source source{word(random), small(random), small(random, 100), {}};
        if (type.shape.rank() > 0) source.part = {type.shape.rank() - 1, 0, type.shape.back()};
        out.inputs.push_back({{source, {"", 0, 0, {}}}, graph::Merge::sum});
    }
    for (const auto& port : graph.outputs) {
        const auto one = destination(random, graph.type(port.value)), two = destination(random, graph.type(port.value));
        out.outputs.push_back({{{{one, two}, {0.25, 0.75}}, {{two}, {}}}});
    }
    return out;
}

wire::Status some_status(std::mt19937& random) {
    return {"hub",
            "0.1.0",
            real(random),
            {board_status(random), board_status(random)},
            {model_status(random)},
            {{"", "a", 1, 2, real(random), real(random), real(random)}},
            {{"me", "127.0.0.1", 3}},
            1,
            2,
            3,
            4};
}

bool same(const tensor::Tensor& a, const tensor::Tensor& b) {
    return a.type() == b.type() && std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin());
}

bool same(const graph::Graph& a, const graph::Graph& b) {
    if (a.name != b.name || a.values.size() != b.values.size() || a.ops.size() != b.ops.size()) return false;
    for (std::size_t i = 0; i < a.values.size(); ++i) {
        const auto &x = a.values[i], &y = b.values[i];
        if (x.name != y.name || x.type != y.type || x.constant.has_value() != y.constant.has_value()) return false;
        if (x.constant && x.constant->digest != y.constant->digest) return false;
    }
    for (std::size_t i = 0; i < a.ops.size(); ++i) {
        const auto &x = a.ops[i], &y = b.ops[i];
        if (x.card != y.card || x.name != y.name || x.attrs != y.attrs || x.inputs != y.inputs ||
            x.outputs != y.outputs || x.group != y.group) {
            return false;
        }
    }
    const auto same_ports = [](const std::vector<graph::Port>& x, const std::vector<graph::Port>& y) {
        return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                          [](const auto& p, const auto& q) { return p.name == q.name && p.value == q.value; });
    };
    return same_ports(a.inputs, b.inputs) && same_ports(a.outputs, b.outputs);
}

bool same(const wire::Part& a, const wire::Part& b) {
    return a.port == b.port && a.source == b.source && same(a.tensor, b.tensor);
}

bool same(const wire::Model& a, const wire::Model& b) {
    return a.digest == b.digest && same(a.graph, b.graph);
}

}  // namespace shoal::test
