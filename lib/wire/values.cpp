#include "wire/values.hpp"

#include <bit>
#include <limits>

#include "base/checked.hpp"

namespace shoal::wire {

using base::Code;
using base::fail;

namespace {

// The last of each enumeration that this version knows. tests/wire/enums_test.cpp holds that nothing stands behind it;
// a new one raises the protocol's minor version.
constexpr auto kLastKind = device::Kind::host;
constexpr auto kLastKernelClass = device::KernelClass::gpu;
constexpr auto kLastAxis = plan::Axis::models;
constexpr auto kLastMerge = plan::Merge::mean_of_softmax;
constexpr auto kLastObjective = plan::Objective::throughput;

int checked_int(std::uint32_t value, const char* what) {
    if (value > static_cast<std::uint32_t>(std::numeric_limits<int>::max())) Unpacker::refuse(what, " is ", value);
    return static_cast<int>(value);
}

fb::Rates pack(const device::Rates& rates) {
    return {rates.flops_per_s, rates.bytes_per_s, rates.launch_s, rates.round_trip_s};
}

device::Rates unpack(const fb::Rates* rates) {
    if (rates == nullptr) return {};
    return {not_negative(rates->flops_per_s(), "a device's FLOP/s"),
            not_negative(rates->bytes_per_s(), "a device's B/s"),
            not_negative(rates->launch_s(), "a device's launch time"),
            not_negative(rates->round_trip_s(), "a device's round trip")};
}

fb::StagePrediction pack(const plan::StagePrediction& stage) {
    return {wire::pack(stage.work), stage.compute_s,  stage.receive_s,    stage.send_s,
            stage.receive_bytes,    stage.send_bytes, stage.memory_bytes, stage.memory_limit};
}

plan::StagePrediction unpack(const fb::StagePrediction& stage) {
    plan::StagePrediction out;
    out.work = wire::unpack(stage.work());
    out.compute_s = not_negative(stage.compute_s(), "a stage's time");
    out.receive_s = not_negative(stage.receive_s(), "a stage's time");
    out.send_s = not_negative(stage.send_s(), "a stage's time");
    out.receive_bytes = stage.receive_bytes();
    out.send_bytes = stage.send_bytes();
    out.memory_bytes = stage.memory_bytes();
    out.memory_limit = stage.memory_limit();
    return out;
}

flat::Offset<fb::Prediction> pack(flat::FlatBufferBuilder& builder, const plan::Prediction& prediction) {
    const auto stages =
        pack_structs(builder, prediction.stages, [](const plan::StagePrediction& stage) { return pack(stage); });
    return fb::CreatePrediction(builder, prediction.latency_s, prediction.requests_per_s, prediction.latency_bound_s,
                                prediction.requests_per_s_bound, stages, prediction.gap);
}

plan::Prediction unpack(Unpacker& in, const fb::Prediction* prediction) {
    plan::Prediction out;
    if (prediction == nullptr) return out;
    out.latency_s = not_negative(prediction->latency_s(), "a predicted latency");
    out.requests_per_s = not_negative(prediction->requests_per_s(), "a predicted rate");
    out.latency_bound_s = not_negative(prediction->latency_bound_s(), "a bound");
    out.requests_per_s_bound = not_negative(prediction->requests_per_s_bound(), "a bound");
    out.gap = not_negative(prediction->gap(), "a plan's gap");
    out.stages = in.structs(prediction->stages(), kMaxOps, "stages",
                            [](const fb::StagePrediction& stage) { return unpack(stage); });
    return out;
}

flat::Offset<fb::PlanNode> pack_node(flat::FlatBufferBuilder& builder, const plan::Node& node, std::size_t depth) {
    if (depth > kMaxPlanDepth)
        fail(Code::invalid_argument, "a plan with more than ", kMaxPlanDepth, " splits inside each other");
    const auto children = pack_list(
        builder, node.children, [&](auto& out, const plan::Node& child) { return pack_node(out, child, depth + 1); });
    const auto shares = builder.CreateVector(node.shares), weights = builder.CreateVector(node.weights);
    const auto work = wire::pack(node.work);
    return fb::CreatePlanNode(builder, &work, static_cast<std::uint8_t>(node.axis),
                              static_cast<std::uint8_t>(node.merge), children, shares, weights);
}

void expect_one_each(std::size_t count, std::size_t children, const char* what) {
    if (count != 0 && count != children) Unpacker::refuse(count, " ", what, " for ", children, " parts");
}

plan::Node unpack_node(Unpacker& in, const fb::PlanNode& node, std::size_t depth) {
    if (depth > kMaxPlanDepth) Unpacker::refuse("a plan with more than ", kMaxPlanDepth, " splits inside each other");
    plan::Node out;
    if (node.work() != nullptr) out.work = wire::unpack(*node.work());
    out.axis = checked_enum(node.axis(), plan::Axis::operators, kLastAxis, "split axis");
    out.merge = checked_enum(node.merge(), plan::Merge::hand_over, kLastMerge, "merge");
    out.children =
        in.list(node.children(), kMaxOps, "parts of a plan",
                [&](Unpacker& inner, const fb::PlanNode& child) { return unpack_node(inner, child, depth + 1); });
    out.shares = in.finites(node.shares(), kMaxOps, "shares");
    out.weights = in.finites(node.weights(), kMaxOps, "weights");
    expect_one_each(out.shares.size(), out.children.size(), "shares");
    expect_one_each(out.weights.size(), out.children.size(), "weights");
    if (out.work.first_group > out.work.last_group)
        Unpacker::refuse("a stage from kernel ", out.work.first_group, " to ", out.work.last_group);
    return out;
}

void expect_boards_below(const plan::Node& node, std::size_t boards) {
    if (node.is_leaf() && node.work.board >= boards)
        Unpacker::refuse("a plan that names board ", node.work.board, " of ", boards);
    for (const auto& child : node.children)
        expect_boards_below(child, boards);
}

std::uint64_t word(const base::Digest& digest, std::size_t index) {
    return base::load_le<std::uint64_t>(std::as_bytes(std::span(digest.bytes)).data() + 8 * index);
}

}  // namespace

fb::Digest pack(const base::Digest& digest) {
    return {word(digest, 0), word(digest, 1), word(digest, 2), word(digest, 3)};
}

base::Digest unpack(const fb::Digest* digest) {
    if (digest == nullptr) Unpacker::refuse("a content hash is missing");
    base::Digest out;
    const auto bytes = std::as_writable_bytes(std::span(out.bytes));
    const std::uint64_t words[] = {digest->a(), digest->b(), digest->c(), digest->d()};
    for (std::size_t i = 0; i < std::size(words); ++i)
        base::store_le(bytes.data() + 8 * i, words[i]);
    return out;
}

flat::Offset<fb::Named> pack(flat::FlatBufferBuilder& builder, const Named& named) {
    const auto name = pack_name(builder, named.name, "name");
    const auto value = pack_text(builder, named.value);
    return fb::CreateNamed(builder, name, value);
}

Named unpack(Unpacker& in, const fb::Named& named) {
    return {in.name(named.name(), "name"), in.text(named.value())};
}

flat::Offset<fb::Reading> pack(flat::FlatBufferBuilder& builder, const Reading& reading) {
    return fb::CreateReading(builder, pack_name(builder, reading.name, "name"), reading.value);
}

Reading unpack(Unpacker& in, const fb::Reading& reading) {
    return {in.name(reading.name(), "name"), finite(reading.value(), "a reading")};
}

flat::Offset<fb::Device> pack(flat::FlatBufferBuilder& builder, const device::DeviceInfo& device) {
    // Drivers write what they like into these: cut rather than refused.
    const auto id = pack_text(builder, device.id), name = pack_text(builder, device.name);
    const auto vendor = pack_text(builder, device.vendor), platform = pack_text(builder, device.platform);
    const auto platform_version = pack_text(builder, device.platform_version);
    const auto driver = pack_text(builder, device.driver), version = pack_text(builder, device.version);
    const auto rates = pack(device.rates);
    return fb::CreateDevice(builder, id, name, vendor, platform, platform_version, driver, version,
                            static_cast<std::uint8_t>(device.kind),
                            base::narrow<std::uint32_t>(device.compute_units, "compute units"),
                            base::narrow<std::uint32_t>(device.f32_vector_width, "vector width"), device.global_bytes,
                            device.largest_allocation, device.local_bytes, device.usable_bytes, device.largest_group,
                            device.buffer_alignment, device.fp16, device.fp64, device.int8_dot, device.unified_memory,
                            device.online_compiler, &rates, device.compact_weights,
                            static_cast<std::uint8_t>(device.kernels), device.blas);
}

device::DeviceInfo unpack(Unpacker& in, const fb::Device& device) {
    device::DeviceInfo out;
    out.id = in.text(device.id());
    out.name = in.text(device.name());
    out.vendor = in.text(device.vendor());
    out.platform = in.text(device.platform());
    out.platform_version = in.text(device.platform_version());
    out.driver = in.text(device.driver());
    out.version = in.text(device.version());
    out.kind = checked_enum(device.kind(), device::Kind::cpu, kLastKind, "device kind");
    out.compute_units = checked_int(device.compute_units(), "the number of compute units");
    out.f32_vector_width = checked_int(device.f32_vector_width(), "the vector width");
    out.global_bytes = device.global_bytes();
    out.largest_allocation = device.largest_allocation();
    out.local_bytes = device.local_bytes();
    out.usable_bytes = device.usable_bytes();
    out.largest_group = device.largest_group();
    out.buffer_alignment = device.buffer_alignment();
    out.fp16 = device.fp16();
    out.fp64 = device.fp64();
    out.int8_dot = device.int8_dot();
    out.unified_memory = device.unified_memory();
    out.online_compiler = device.online_compiler();
    out.compact_weights = device.compact_weights();
    out.kernels = checked_enum(device.kernels(), device::KernelClass::automatic, kLastKernelClass, "kernel class");
    out.blas = device.blas();
    out.rates = unpack(device.rates());
    return out;
}

fb::DeviceLoad pack(const DeviceLoad& load) {
    return {load.busy, load.queued, load.oldest_run_ms};
}

DeviceLoad unpack(const fb::DeviceLoad& load) {
    return {not_negative(load.busy(), "a device's load"), load.queued(), load.oldest_run_ms()};
}

fb::Work pack(const plan::Work& work) {
    return {work.model, work.board, work.first_group, work.last_group};
}

plan::Work unpack(const fb::Work& work) {
    return {work.model(), work.board(), work.first_group(), work.last_group()};
}

flat::Offset<fb::Plan> pack(flat::FlatBufferBuilder& builder, const plan::Plan& plan) {
    const auto root = pack_node(builder, plan.root, 1);
    const auto prediction = pack(builder, plan.prediction);
    return fb::CreatePlan(builder, static_cast<std::uint8_t>(plan.objective), root, prediction, plan.credits);
}

plan::Plan unpack(Unpacker& in, const fb::Plan* plan, std::size_t boards) {
    if (plan == nullptr || plan->root() == nullptr) Unpacker::refuse("a plan is missing");
    plan::Plan out;
    out.objective = checked_enum(plan->objective(), plan::Objective::latency, kLastObjective, "objective");
    out.root = unpack_node(in, *plan->root(), 1);
    out.prediction = unpack(in, plan->prediction());
    out.credits = plan->credits();
    if (out.credits == 0) Unpacker::refuse("a plan without room for a request");
    expect_boards_below(out.root, boards);
    for (const auto& stage : out.prediction.stages) {
        if (stage.work.board >= boards) Unpacker::refuse("a prediction for board ", stage.work.board, " of ", boards);
    }
    return out;
}

flat::Offset<fb::Cluster> pack(flat::FlatBufferBuilder& builder, const plan::Cluster& cluster) {
    const auto boards = pack_list(builder, cluster.boards, [](auto& out, const plan::Board& board) {
        const auto name = pack_name(out, board.name, "board's name");
        const auto device = pack(out, board.device);
        return fb::CreateClusterBoard(out, name, device, board.memory_bytes);
    });
    std::vector<fb::Link> links;
    for (const auto& row : cluster.links) {
        for (const auto& link : row)
            links.emplace_back(link.latency_s, link.bytes_per_s, link.medium);
    }
    return fb::CreateCluster(builder, boards, builder.CreateVectorOfStructs(links));
}

plan::Cluster unpack(Unpacker& in, const fb::Cluster* cluster) {
    if (cluster == nullptr) Unpacker::refuse("a cluster is missing");
    plan::Cluster out;
    out.boards = in.list(cluster->boards(), kMaxBoards, "boards", [](Unpacker& inner, const fb::ClusterBoard& board) {
        if (board.device() == nullptr) Unpacker::refuse("a board without a device");
        return plan::Board{inner.name(board.name(), "board's name"), unpack(inner, *board.device()),
                           board.memory_bytes()};
    });
    const auto links =
        in.structs(cluster->links(), (kMaxBoards + 1) * (kMaxBoards + 1), "links", [](const fb::Link& link) {
            return plan::Link{not_negative(link.latency_s(), "a link's latency"),
                              not_negative(link.bytes_per_s(), "a link's rate"), link.medium()};
        });
    const std::size_t ends = out.boards.size() + 1;
    if (links.empty() && out.boards.empty()) return out;
    if (links.size() != ends * ends)
        Unpacker::refuse(links.size(), " links between ", ends, " ends; there are ", ends * ends);
    for (std::size_t end = 0; end < ends; ++end) {
        const auto row = links.begin() + static_cast<std::ptrdiff_t>(end * ends);
        out.links.emplace_back(row, row + static_cast<std::ptrdiff_t>(ends));
    }
    return out;
}

flat::Offset<flat::Vector<flat::Offset<flat::String>>> pack_names(flat::FlatBufferBuilder& builder,
                                                                  const std::vector<std::string>& names,
                                                                  const char* what) {
    return pack_list(builder, names, [&](auto& out, const std::string& name) { return pack_name(out, name, what); });
}

}  // namespace shoal::wire
