#include "wire/client_messages.hpp"

#include <algorithm>

#include "wire/client_messages_generated.h"
#include "wire/codec.hpp"
#include "wire/graph_codec.hpp"
#include "wire/values.hpp"

namespace shoal::wire {

namespace {

flat::Offset<fb::TensorType> pack(flat::FlatBufferBuilder& builder, const tensor::Tensor& tensor) {
    const auto extents = builder.CreateVector(tensor.shape().extents());
    return fb::CreateTensorType(builder, static_cast<std::uint8_t>(tensor.element()), extents);
}

tensor::Type unpack(Unpacker& in, const fb::TensorType& type) {
    return {checked_element(type.element()), tensor::Shape(in.numbers(type.extents(), tensor::kMaxRank, "extents"))};
}

auto pack_tensors(flat::FlatBufferBuilder& builder, const std::vector<tensor::Tensor>& tensors) {
    return pack_list(builder, tensors, [](auto& out, const tensor::Tensor& tensor) { return pack(out, tensor); });
}

Frames payload_of(const std::vector<tensor::Tensor>& tensors) {
    Frames out;
    for (const auto& tensor : tensors)
        out.push_back(tensor.shared_bytes());
    return out;
}

std::vector<tensor::Tensor> unpack_tensors(Unpacker& in, const Envelope& envelope,
                                           const flat::Vector<flat::Offset<fb::TensorType>>* tables) {
    const auto types = in.list(tables, kMaxPayloads, "tensors",
                               [](Unpacker& inner, const fb::TensorType& type) { return unpack(inner, type); });
    envelope.expect_payloads(types.size());
    std::vector<tensor::Tensor> out;
    for (std::size_t i = 0; i < types.size(); ++i)
        out.push_back(envelope.tensor(i, types[i]));
    return out;
}

Model unpack(Unpacker& in, const fb::Model& model) {
    Model out{wire::unpack(in, model.graph()), wire::unpack(model.digest())};
    if (digest_of(out.graph) != out.digest) Unpacker::refuse("the graph's content hash is not ", out.digest.brief());
    return out;
}

}  // namespace

Frames encode(const ClientHello& message) {
    flat::FlatBufferBuilder builder;
    const auto client = pack_name(builder, message.client, "client's name");
    const auto software = pack_name(builder, message.software, "version");
    builder.Finish(fb::CreateClientHello(builder, client, software));
    return seal(Kind::client_hello, builder);
}

void read(const Envelope& envelope, ClientHello& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::ClientHello>();
    out = {in.name(table.client(), "client's name"), in.name(table.software(), "version")};
}

Frames encode(const OpenModel& message) {
    flat::FlatBufferBuilder builder;
    const auto models = pack_list(builder, message.models, [](auto& out, const Model& model) {
        const auto graph = pack(out, model.graph);
        const auto digest = pack(model.digest);
        return fb::CreateModel(out, graph, &digest);
    });
    const auto weights = builder.CreateVector(message.weights);
    const auto settings = pack_list(builder, message.settings, kPackOne);
    builder.Finish(fb::CreateOpenModel(builder, message.task, models, static_cast<std::uint8_t>(message.objective),
                                       static_cast<std::uint8_t>(message.merge), weights, message.replicas,
                                       message.max_in_flight, message.plan_only, settings));
    return seal(Kind::open_model, builder);
}

void read(const Envelope& envelope, OpenModel& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::OpenModel>();
    out.task = table.task();
    out.models = in.list(table.models(), kMaxModels, "models",
                         [](Unpacker& inner, const fb::Model& model) { return unpack(inner, model); });
    out.objective = checked_enum(table.objective(), plan::Objective::latency, plan::Objective::throughput, "objective");
    out.merge = checked_enum(table.merge(), plan::Merge::hand_over, plan::Merge::mean_of_softmax, "merge");
    out.weights = in.finites(table.weights(), kMaxModels, "weights");
    out.replicas = table.replicas();
    out.max_in_flight = table.max_in_flight();
    out.plan_only = table.plan_only();
    out.settings = in.list(table.settings(), kMaxSettings, "settings", kUnpackOne);
    if (out.models.empty()) Unpacker::refuse("no model");
    if (!out.weights.empty() && out.weights.size() != out.models.size())
        Unpacker::refuse(out.weights.size(), " weights for ", out.models.size(), " models");
}

Frames encode(const OpenProgress& message) {
    flat::FlatBufferBuilder builder;
    const auto phase = pack_name(builder, message.phase, "phase");
    builder.Finish(fb::CreateOpenProgress(builder, message.task, phase, message.done, message.total));
    return seal(Kind::open_progress, builder);
}

void read(const Envelope& envelope, OpenProgress& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::OpenProgress>();
    out = {table.task(), in.name(table.phase(), "phase"), table.done(), table.total()};
}

Frames encode(const Planned& message) {
    flat::FlatBufferBuilder builder;
    const auto plan = pack(builder, message.plan);
    const auto cluster = pack(builder, message.cluster);
    builder.Finish(fb::CreatePlanned(builder, message.task, plan, cluster));
    return seal(Kind::planned, builder);
}

void read(const Envelope& envelope, Planned& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::Planned>();
    out.task = table.task();
    out.cluster = unpack(in, table.cluster());
    out.plan = unpack(in, table.plan(), out.cluster.boards.size());
}

Frames encode(const Opened& message) {
    flat::FlatBufferBuilder builder;
    const auto plan = pack(builder, message.plan);
    const auto boards = pack_names(builder, message.boards, "board's name");
    builder.Finish(fb::CreateOpened(builder, message.task, message.model, message.max_in_flight, plan, boards));
    return seal(Kind::opened, builder);
}

void read(const Envelope& envelope, Opened& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::Opened>();
    out.task = table.task();
    out.model = table.model();
    out.max_in_flight = table.max_in_flight();
    out.boards = in.names(table.boards(), kMaxBoards, "boards");
    out.plan = unpack(in, table.plan(), out.boards.size());
    if (out.max_in_flight == 0) Unpacker::refuse("a model that takes no request");
}

Frames encode(const Replanned& message) {
    flat::FlatBufferBuilder builder;
    const auto reason = pack_text(builder, message.reason);
    const auto plan = pack(builder, message.plan);
    const auto boards = pack_names(builder, message.boards, "board's name");
    builder.Finish(fb::CreateReplanned(builder, message.model, message.epoch, reason, plan, boards));
    return seal(Kind::replanned, builder);
}

void read(const Envelope& envelope, Replanned& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::Replanned>();
    out.model = table.model();
    out.epoch = table.epoch();
    out.reason = in.text(table.reason());
    out.boards = in.names(table.boards(), kMaxBoards, "boards");
    out.plan = unpack(in, table.plan(), out.boards.size());
}

Frames encode(const ModelFailed& message) {
    flat::FlatBufferBuilder builder;
    const auto text = pack_text(builder, message.text);
    builder.Finish(fb::CreateModelFailed(builder, message.model, static_cast<std::uint32_t>(message.code), text));
    return seal(Kind::model_failed, builder);
}

void read(const Envelope& envelope, ModelFailed& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::ModelFailed>();
    out = {table.model(), checked_code(table.code()), in.text(table.text())};
}

Frames encode(const CloseModel& message) {
    flat::FlatBufferBuilder builder;
    builder.Finish(fb::CreateCloseModel(builder, message.model));
    return seal(Kind::close_model, builder);
}

void read(const Envelope& envelope, CloseModel& out) {
    envelope.expect_payloads(0);
    const Unpacker in(envelope);
    out.model = in.root<fb::CloseModel>().model();
}

Frames encode(const Submit& message) {
    flat::FlatBufferBuilder builder;
    const auto inputs = pack_tensors(builder, message.inputs);
    builder.Finish(fb::CreateSubmit(builder, message.model, message.request,
                                    std::min(message.remaining_ms, kMaxRemainingMs), inputs));
    return seal(Kind::submit, builder, payload_of(message.inputs));
}

void read(const Envelope& envelope, Submit& out) {
    Unpacker in(envelope);
    const auto& table = in.root<fb::Submit>();
    out.model = table.model();
    out.request = table.request();
    out.remaining_ms = table.remaining_ms();
    if (out.remaining_ms > kMaxRemainingMs) Unpacker::refuse("a deadline in ", out.remaining_ms, " ms");
    out.inputs = unpack_tensors(in, envelope, table.inputs());
}

Frames encode(const Answer& message) {
    flat::FlatBufferBuilder builder;
    const auto outputs = pack_tensors(builder, message.outputs);
    builder.Finish(
        fb::CreateAnswer(builder, message.request, message.queued_ms, message.ran_ms, message.attempts, outputs));
    return seal(Kind::answer, builder, payload_of(message.outputs));
}

void read(const Envelope& envelope, Answer& out) {
    Unpacker in(envelope);
    const auto& table = in.root<fb::Answer>();
    out.request = table.request();
    out.queued_ms = not_negative(table.queued_ms(), "a time");
    out.ran_ms = not_negative(table.ran_ms(), "a time");
    out.attempts = table.attempts();
    out.outputs = unpack_tensors(in, envelope, table.outputs());
}

Frames encode(const RequestFailed& message) {
    flat::FlatBufferBuilder builder;
    const auto text = pack_text(builder, message.text);
    builder.Finish(fb::CreateRequestFailed(builder, message.request, static_cast<std::uint32_t>(message.code), text));
    return seal(Kind::request_failed, builder);
}

void read(const Envelope& envelope, RequestFailed& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::RequestFailed>();
    out = {table.request(), checked_code(table.code()), in.text(table.text())};
}

Frames encode(const CancelRequest& message) {
    flat::FlatBufferBuilder builder;
    builder.Finish(fb::CreateCancelRequest(builder, message.request));
    return seal(Kind::cancel_request, builder);
}

void read(const Envelope& envelope, CancelRequest& out) {
    envelope.expect_payloads(0);
    const Unpacker in(envelope);
    out.request = in.root<fb::CancelRequest>().request();
}

}  // namespace shoal::wire
