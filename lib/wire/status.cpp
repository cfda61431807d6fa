#include "wire/status.hpp"

#include "wire/codec.hpp"
#include "wire/status_generated.h"
#include "wire/values.hpp"

namespace shoal::wire {

namespace {

constexpr std::size_t kMaxListed = 65536;  // models, links, clients

flat::Offset<fb::BoardStatus> pack(flat::FlatBufferBuilder& builder, const BoardStatus& board) {
    const auto name = pack_name(builder, board.board, "board's name");
    const auto address = pack_text(builder, board.address), software = pack_text(builder, board.software);
    const auto devices = pack_list(builder, board.devices, kPackOne);
    const auto loads = pack_structs(builder, board.loads, kPackStruct);
    const auto facts = pack_list(builder, board.facts, kPackOne);
    const auto readings = pack_list(builder, board.readings, kPackOne);
    return fb::CreateBoardStatus(builder, name, static_cast<std::uint8_t>(board.state), address, software, devices,
                                 loads, board.memory_used_bytes, board.memory_limit_bytes, board.cached_bytes,
                                 board.heartbeat_age_ms, facts, readings);
}

BoardStatus unpack(Unpacker& in, const fb::BoardStatus& board) {
    BoardStatus out;
    out.board = in.name(board.board(), "board's name");
    out.state = checked_enum(board.state(), BoardState::joining, BoardState::left, "board state");
    out.address = in.text(board.address());
    out.software = in.text(board.software());
    out.devices = in.list(board.devices(), kMaxDevices, "devices", kUnpackOne);
    out.loads = in.structs(board.loads(), kMaxDevices, "devices", kUnpackStruct);
    out.memory_used_bytes = board.memory_used_bytes();
    out.memory_limit_bytes = board.memory_limit_bytes();
    out.cached_bytes = board.cached_bytes();
    out.heartbeat_age_ms = board.heartbeat_age_ms();
    out.facts = in.list(board.facts(), kMaxSettings, "facts", kUnpackOne);
    out.readings = in.list(board.readings(), kMaxSettings, "readings", kUnpackOne);
    if (!out.loads.empty() && out.loads.size() != out.devices.size())
        Unpacker::refuse(out.loads.size(), " loads of ", out.devices.size(), " devices");
    return out;
}

flat::Offset<fb::StageStatus> pack(flat::FlatBufferBuilder& builder, const StageStatus& stage) {
    const auto board = pack_name(builder, stage.board, "board's name");
    const auto work = wire::pack(stage.work);
    return fb::CreateStageStatus(builder, stage.stage, board, stage.device, &work, stage.ready, stage.memory_bytes,
                                 stage.memory_allowed_bytes, stage.runs, stage.failures, stage.mean_compute_ms,
                                 stage.mean_queue_ms, stage.in_flight);
}

StageStatus unpack(Unpacker& in, const fb::StageStatus& stage) {
    StageStatus out;
    out.stage = stage.stage();
    out.board = in.name(stage.board(), "board's name");
    out.device = stage.device();
    if (stage.work() != nullptr) out.work = wire::unpack(*stage.work());
    out.ready = stage.ready();
    out.memory_bytes = stage.memory_bytes();
    out.memory_allowed_bytes = stage.memory_allowed_bytes();
    out.runs = stage.runs();
    out.failures = stage.failures();
    out.mean_compute_ms = not_negative(stage.mean_compute_ms(), "a time");
    out.mean_queue_ms = not_negative(stage.mean_queue_ms(), "a time");
    out.in_flight = stage.in_flight();
    return out;
}

flat::Offset<fb::ModelStatus> pack(flat::FlatBufferBuilder& builder, const ModelStatus& model) {
    std::vector<flat::Offset<flat::String>> names;
    for (const auto& name : model.names)
        names.push_back(pack_text(builder, name));
    const auto name_list = builder.CreateVector(names);
    const auto plan = wire::pack(builder, model.plan);
    const auto stages =
        pack_list(builder, model.stages, [](auto& out, const StageStatus& stage) { return pack(out, stage); });
    const auto text = pack_text(builder, model.text);
    const auto boards = pack_names(builder, model.boards, "board's name");
    return fb::CreateModelStatus(builder, model.model, name_list, static_cast<std::uint8_t>(model.state), model.epoch,
                                 plan, stages, model.in_flight, model.queued, model.answered, model.failed,
                                 model.repeated, model.requests_per_s, model.p50_ms, model.p99_ms, text, boards);
}

ModelStatus unpack(Unpacker& in, const fb::ModelStatus& model) {
    ModelStatus out;
    out.model = model.model();
    out.names = in.names(model.names(), kMaxModels, "models", kMaxTextBytes);
    out.state = checked_enum(model.state(), ModelState::planning, ModelState::failed, "model state");
    out.epoch = model.epoch();
    out.plan = wire::unpack(in, model.plan(), kMaxBoards);
    out.stages = in.list(model.stages(), kMaxStages, "stages",
                         [](Unpacker& inner, const fb::StageStatus& stage) { return unpack(inner, stage); });
    out.in_flight = model.in_flight();
    out.queued = model.queued();
    out.answered = model.answered();
    out.failed = model.failed();
    out.repeated = model.repeated();
    out.requests_per_s = not_negative(model.requests_per_s(), "a rate");
    out.p50_ms = not_negative(model.p50_ms(), "a time");
    out.p99_ms = not_negative(model.p99_ms(), "a time");
    out.text = in.text(model.text());
    out.boards = in.names(model.boards(), kMaxBoards, "boards");
    return out;
}

flat::Offset<fb::LinkStatus> pack(flat::FlatBufferBuilder& builder, const LinkStatus& link) {
    const auto from = pack_name(builder, link.from, "board's name"), to = pack_name(builder, link.to, "board's name");
    return fb::CreateLinkStatus(builder, from, to, link.messages, link.bytes, link.measured_latency_s,
                                link.measured_bytes_per_s, link.mean_ms);
}

LinkStatus unpack(Unpacker& in, const fb::LinkStatus& link) {
    LinkStatus out;
    out.from = in.name(link.from(), "board's name");
    out.to = in.name(link.to(), "board's name");
    out.messages = link.messages();
    out.bytes = link.bytes();
    out.measured_latency_s = not_negative(link.measured_latency_s(), "a link's latency");
    out.measured_bytes_per_s = not_negative(link.measured_bytes_per_s(), "a link's rate");
    out.mean_ms = not_negative(link.mean_ms(), "a time");
    return out;
}

flat::Offset<fb::ClientStatus> pack(flat::FlatBufferBuilder& builder, const ClientStatus& client) {
    const auto name = pack_name(builder, client.client, "client's name"), address = pack_text(builder, client.address);
    return fb::CreateClientStatus(builder, name, address, client.in_flight);
}

ClientStatus unpack(Unpacker& in, const fb::ClientStatus& client) {
    return {in.name(client.client(), "client's name"), in.text(client.address()), client.in_flight()};
}

}  // namespace

std::string_view name(BoardState state) noexcept {
    switch (state) {
        case BoardState::joining: return "joining";
        case BoardState::ready: return "ready";
        case BoardState::lost: return "lost";
        case BoardState::left: return "left";
    }
    return "?";
}

std::string_view name(ModelState state) noexcept {
    switch (state) {
        case ModelState::planning: return "planning";
        case ModelState::deploying: return "deploying";
        case ModelState::serving: return "serving";
        case ModelState::failed: return "failed";
    }
    return "?";
}

Frames encode(const StatusRequest&) {
    flat::FlatBufferBuilder builder;
    builder.Finish(fb::CreateStatusRequest(builder));
    return seal(Kind::status_request, builder);
}

void read(const Envelope& envelope, StatusRequest&) {
    envelope.expect_payloads(0);
    const Unpacker in(envelope);
    static_cast<void>(in.root<fb::StatusRequest>());
}

Frames encode(const Status& message) {
    flat::FlatBufferBuilder builder;
    const auto hub = pack_name(builder, message.hub, "hub's name");
    const auto software = pack_name(builder, message.software, "version");
    const auto each = [](auto& out, const auto& value) { return pack(out, value); };
    const auto boards = pack_list(builder, message.boards, each);
    const auto models = pack_list(builder, message.models, each);
    const auto links = pack_list(builder, message.links, each);
    const auto clients = pack_list(builder, message.clients, each);
    builder.Finish(fb::CreateStatus(builder, hub, software, message.uptime_s, boards, models, links, clients,
                                    message.refused_handshakes, message.dropped_messages, message.cut_peers,
                                    message.broken_messages));
    return seal(Kind::status, builder);
}

void read(const Envelope& envelope, Status& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto each = [](Unpacker& inner, const auto& table) { return unpack(inner, table); };
    const auto& table = in.root<fb::Status>();
    out.hub = in.name(table.hub(), "hub's name");
    out.software = in.name(table.software(), "version");
    out.uptime_s = not_negative(table.uptime_s(), "a time");
    out.boards = in.list(table.boards(), kMaxBoards, "boards", each);
    out.models = in.list(table.models(), kMaxListed, "models", each);
    out.links = in.list(table.links(), kMaxListed, "links", each);
    out.clients = in.list(table.clients(), kMaxListed, "clients", each);
    out.refused_handshakes = table.refused_handshakes();
    out.dropped_messages = table.dropped_messages();
    out.cut_peers = table.cut_peers();
    out.broken_messages = table.broken_messages();
}

}  // namespace shoal::wire
