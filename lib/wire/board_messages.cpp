// Joining, living and measuring: board_messages.hpp's first two parts. Deploying is in deploy_messages.cpp.
#include "wire/board_messages.hpp"

#include "wire/board_messages_generated.h"
#include "wire/codec.hpp"
#include "wire/graph_codec.hpp"
#include "wire/values.hpp"

namespace shoal::wire {

using base::Code;

namespace {

constexpr std::size_t kKeyBytes = 40;  // Z85 of a public key

fb::StageCounters pack(const StageCounters& stage) {
    return {stage.deployment, stage.epoch,      stage.stage,    stage.runs,
            stage.failures,   stage.computed_s, stage.queued_s, stage.in_flight};
}

StageCounters unpack(const fb::StageCounters& stage) {
    StageCounters out;
    out.deployment = stage.deployment();
    out.epoch = stage.epoch();
    out.stage = stage.stage();
    out.runs = stage.runs();
    out.failures = stage.failures();
    out.computed_s = not_negative(stage.computed_s(), "a stage's time");
    out.queued_s = not_negative(stage.queued_s(), "a stage's time");
    out.in_flight = stage.in_flight();
    return out;
}

flat::Offset<fb::LinkCounters> pack(flat::FlatBufferBuilder& builder, const LinkCounters& link) {
    return fb::CreateLinkCounters(builder, pack_name(builder, link.peer, "board's name"), link.messages_sent,
                                  link.bytes_sent, link.messages_received, link.bytes_received, link.unsent_bytes,
                                  link.sending_s);
}

LinkCounters unpack(Unpacker& in, const fb::LinkCounters& link) {
    LinkCounters out;
    out.peer = in.name(link.peer(), "board's name");
    out.messages_sent = link.messages_sent();
    out.bytes_sent = link.bytes_sent();
    out.messages_received = link.messages_received();
    out.bytes_received = link.bytes_received();
    out.unsent_bytes = link.unsent_bytes();
    out.sending_s = not_negative(link.sending_s(), "a link's time");
    return out;
}

flat::Offset<fb::PeerBoard> pack(flat::FlatBufferBuilder& builder, const PeerBoard& peer) {
    const auto board = pack_name(builder, peer.board, "board's name");
    const auto endpoint = pack_name(builder, peer.endpoint, "endpoint", kMaxEndpointBytes);
    const auto key = pack_name(builder, peer.public_key, "public key", kKeyBytes);
    return fb::CreatePeerBoard(builder, board, endpoint, key);
}

PeerBoard unpack(Unpacker& in, const fb::PeerBoard& peer) {
    PeerBoard out;
    out.board = in.name(peer.board(), "board's name");
    out.endpoint = in.name(peer.endpoint(), "endpoint", kMaxEndpointBytes);
    out.public_key = in.name(peer.public_key(), "public key", kKeyBytes);
    if (out.board.empty()) Unpacker::refuse("a board without a name");
    if (!out.public_key.empty() && out.public_key.size() != kKeyBytes)
        Unpacker::refuse("a public key of ", out.public_key.size(), " characters; one has ", kKeyBytes);
    return out;
}

fb::KernelCost pack(const plan::KernelCost& cost) {
    return {cost.seconds, cost.weight_bytes, cost.workspace_bytes, cost.measured};
}

plan::KernelCost unpack(const fb::KernelCost& cost) {
    return {not_negative(cost.seconds(), "a kernel's time"), cost.weight_bytes(), cost.workspace_bytes(),
            cost.measured()};
}

fb::ProbeTime pack(const ProbeTime& time) {
    return {time.bytes, time.seconds};
}

ProbeTime unpack(const fb::ProbeTime& time) {
    return {time.bytes(), not_negative(time.seconds(), "a probe's time")};
}

void expect_groups(const graph::Graph& graph, const std::vector<std::uint32_t>& asked) {
    const std::size_t there = graph::groups(graph).size();
    for (std::size_t i = 0; i < asked.size(); ++i) {
        if (asked[i] >= there || (i > 0 && asked[i] <= asked[i - 1]))
            Unpacker::refuse("kernel ", asked[i], " of a graph of ", there, ", out of order or not there");
    }
}

}  // namespace

Frames encode(const Register& message) {
    flat::FlatBufferBuilder builder;
    const auto software = pack_name(builder, message.software, "version");
    const auto board = pack_name(builder, message.board, "board's name");
    const auto endpoint = pack_name(builder, message.data_endpoint, "endpoint", kMaxEndpointBytes);
    const auto devices = pack_list(builder, message.devices, kPackOne);
    const auto facts = pack_list(builder, message.facts, kPackOne);
    builder.Finish(fb::CreateRegister(builder, software, board, message.boot, endpoint, message.memory_limit_bytes,
                                      devices, facts));
    return seal(Kind::board_register, builder);
}

void read(const Envelope& envelope, Register& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::Register>();
    out.software = in.name(table.software(), "version");
    out.board = in.name(table.board(), "board's name");
    out.boot = table.boot();
    out.data_endpoint = in.name(table.data_endpoint(), "endpoint", kMaxEndpointBytes);
    out.memory_limit_bytes = table.memory_limit_bytes();
    out.devices = in.list(table.devices(), kMaxDevices, "devices", kUnpackOne);
    out.facts = in.list(table.facts(), kMaxSettings, "facts", kUnpackOne);
    if (out.board.empty()) Unpacker::refuse("a board without a name");
}

Frames encode(const Welcome& message) {
    flat::FlatBufferBuilder builder;
    const auto hub = pack_name(builder, message.hub, "hub's name");
    const auto software = pack_name(builder, message.software, "version");
    builder.Finish(
        fb::CreateWelcome(builder, message.session, hub, software, message.heartbeat_ms, message.silence_ms));
    return seal(Kind::welcome, builder);
}

void read(const Envelope& envelope, Welcome& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::Welcome>();
    out.session = table.session();
    out.hub = in.name(table.hub(), "hub's name");
    out.software = in.name(table.software(), "version");
    out.heartbeat_ms = table.heartbeat_ms();
    out.silence_ms = table.silence_ms();
    if (out.heartbeat_ms == 0 || out.heartbeat_ms > kMaxRemainingMs || out.silence_ms > kMaxRemainingMs)
        Unpacker::refuse("heartbeats every ", out.heartbeat_ms, " ms and silence of ", out.silence_ms, " ms");
}

Frames encode(const Peers& message) {
    flat::FlatBufferBuilder builder;
    builder.Finish(fb::CreatePeers(
        builder, pack_list(builder, message.boards, [](auto& out, const PeerBoard& peer) { return pack(out, peer); })));
    return seal(Kind::peers, builder);
}

void read(const Envelope& envelope, Peers& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    out.boards = in.list(in.root<fb::Peers>().boards(), kMaxBoards, "boards",
                         [](Unpacker& inner, const fb::PeerBoard& peer) { return unpack(inner, peer); });
}

Frames encode(const PeerHello& message) {
    flat::FlatBufferBuilder builder;
    builder.Finish(fb::CreatePeerHello(builder, pack_name(builder, message.board, "board's name")));
    return seal(Kind::peer_hello, builder);
}

void read(const Envelope& envelope, PeerHello& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    out.board = in.name(in.root<fb::PeerHello>().board(), "board's name");
    if (out.board.empty()) Unpacker::refuse("a board without a name");
}

Frames encode(const Heartbeat& message) {
    flat::FlatBufferBuilder builder;
    const auto devices = pack_structs(builder, message.devices, kPackStruct);
    const auto stages = pack_structs(builder, message.stages, [](const StageCounters& stage) { return pack(stage); });
    const auto links =
        pack_list(builder, message.links, [](auto& out, const LinkCounters& link) { return pack(out, link); });
    const auto readings = pack_list(builder, message.readings, kPackOne);
    builder.Finish(fb::CreateHeartbeat(builder, message.session, message.sequence, message.memory_used_bytes,
                                       message.memory_limit_bytes, message.cached_bytes, devices, stages, links,
                                       readings));
    return seal(Kind::heartbeat, builder);
}

void read(const Envelope& envelope, Heartbeat& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::Heartbeat>();
    out.session = table.session();
    out.sequence = table.sequence();
    out.memory_used_bytes = table.memory_used_bytes();
    out.memory_limit_bytes = table.memory_limit_bytes();
    out.cached_bytes = table.cached_bytes();
    out.devices = in.structs(table.devices(), kMaxDevices, "devices", kUnpackStruct);
    out.stages =
        in.structs(table.stages(), kMaxStages, "stages", [](const fb::StageCounters& stage) { return unpack(stage); });
    out.links = in.list(table.links(), kMaxBoards, "links",
                        [](Unpacker& inner, const fb::LinkCounters& link) { return unpack(inner, link); });
    out.readings = in.list(table.readings(), kMaxSettings, "readings", kUnpackOne);
}

Frames encode(const HeartbeatEcho& message) {
    flat::FlatBufferBuilder builder;
    builder.Finish(fb::CreateHeartbeatEcho(builder, message.session, message.sequence));
    return seal(Kind::heartbeat_echo, builder);
}

void read(const Envelope& envelope, HeartbeatEcho& out) {
    envelope.expect_payloads(0);
    const Unpacker in(envelope);
    const auto& table = in.root<fb::HeartbeatEcho>();
    out = {table.session(), table.sequence()};
}

Frames encode(const MeasureKernels& message) {
    flat::FlatBufferBuilder builder;
    const auto graph = pack(builder, message.graph);
    const auto groups = builder.CreateVector(message.groups);
    builder.Finish(fb::CreateMeasureKernels(builder, message.task, message.device, message.repeat, graph, groups));
    return seal(Kind::measure_kernels, builder);
}

void read(const Envelope& envelope, MeasureKernels& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::MeasureKernels>();
    out.task = table.task();
    out.device = table.device();
    out.repeat = table.repeat();
    out.graph = unpack(in, table.graph());
    out.groups = in.numbers(table.groups(), kMaxOps, "kernels");
    expect_groups(out.graph, out.groups);
}

Frames encode(const KernelCosts& message) {
    flat::FlatBufferBuilder builder;
    const auto kernels =
        pack_structs(builder, message.kernels, [](const plan::KernelCost& cost) { return pack(cost); });
    builder.Finish(fb::CreateKernelCosts(builder, message.task, kernels));
    return seal(Kind::kernel_costs, builder);
}

void read(const Envelope& envelope, KernelCosts& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::KernelCosts>();
    out.task = table.task();
    out.kernels =
        in.structs(table.kernels(), kMaxOps, "kernels", [](const fb::KernelCost& cost) { return unpack(cost); });
}

Frames encode(const MeasureLink& message) {
    flat::FlatBufferBuilder builder;
    const auto peer = pack_name(builder, message.peer, "board's name");
    const auto sizes = builder.CreateVector(message.sizes);
    builder.Finish(fb::CreateMeasureLink(builder, message.task, peer, sizes, message.repeat));
    return seal(Kind::measure_link, builder);
}

void read(const Envelope& envelope, MeasureLink& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::MeasureLink>();
    out.task = table.task();
    out.peer = in.name(table.peer(), "board's name");
    out.sizes = in.numbers(table.sizes(), kMaxProbes, "sizes");
    out.repeat = table.repeat();
    for (const auto size : out.sizes) {
        if (size > kMaxChunkBytes) Unpacker::refuse("a probe of ", size, " bytes; at most ", kMaxChunkBytes);
    }
}

Frames encode(const LinkMeasured& message) {
    flat::FlatBufferBuilder builder;
    const auto times = pack_structs(builder, message.times, [](const ProbeTime& time) { return pack(time); });
    builder.Finish(fb::CreateLinkMeasured(builder, message.task, times));
    return seal(Kind::link_measured, builder);
}

void read(const Envelope& envelope, LinkMeasured& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::LinkMeasured>();
    out.task = table.task();
    out.times = in.structs(table.times(), kMaxProbes, "probes", [](const fb::ProbeTime& time) { return unpack(time); });
}

Frames encode(const TaskFailed& message) {
    flat::FlatBufferBuilder builder;
    builder.Finish(fb::CreateTaskFailed(builder, message.task, static_cast<std::uint32_t>(message.code),
                                        pack_text(builder, message.text)));
    return seal(Kind::task_failed, builder);
}

void read(const Envelope& envelope, TaskFailed& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::TaskFailed>();
    out = {table.task(), checked_code(table.code()), in.text(table.text())};
}

}  // namespace shoal::wire
