// Deploying: the last part of board_messages.hpp.
#include "wire/board_messages.hpp"
#include "wire/board_messages_generated.h"
#include "wire/codec.hpp"
#include "wire/graph_codec.hpp"
#include "wire/values.hpp"

namespace shoal::wire {

namespace {

static_assert(static_cast<int>(graph::Merge::concat) == 0 && static_cast<int>(graph::Merge::sum) == 1 &&
              static_cast<int>(graph::Merge::product) == 2 && static_cast<int>(graph::Merge::max) == 3 &&
              static_cast<int>(graph::Merge::min) == 4);

fb::InputSlice pack(const graph::InputSlice& part) {
    return {part.axis, part.begin, part.end};
}

graph::InputSlice unpack(const fb::InputSlice* part) {
    if (part == nullptr) return graph::InputSlice::whole();
    return {part->axis(), part->begin(), part->end()};
}

flat::Offset<fb::Source> pack(flat::FlatBufferBuilder& builder, const Source& source) {
    const auto board = pack_name(builder, source.board, "board's name");
    const auto part = pack(source.part);
    return fb::CreateSource(builder, board, source.stage, source.port, &part);
}

Source unpack(Unpacker& in, const fb::Source& source) {
    return {in.name(source.board(), "board's name"), source.stage(), source.port(), unpack(source.part())};
}

flat::Offset<fb::InputRoute> pack(flat::FlatBufferBuilder& builder, const InputRoute& route) {
    const auto sources =
        pack_list(builder, route.sources, [](auto& out, const Source& source) { return pack(out, source); });
    return fb::CreateInputRoute(builder, sources, static_cast<std::uint8_t>(route.merge));
}

InputRoute unpack(Unpacker& in, const fb::InputRoute& route) {
    return {in.list(route.sources(), kMaxBoards, "sources",
                    [](Unpacker& inner, const fb::Source& source) { return unpack(inner, source); }),
            checked_enum(route.merge(), graph::Merge::concat, graph::Merge::min, "merge")};
}

flat::Offset<fb::Destination> pack(flat::FlatBufferBuilder& builder, const Destination& destination) {
    const auto board = pack_name(builder, destination.board, "board's name");
    const auto part = pack(destination.part);
    return fb::CreateDestination(builder, board, destination.stage, destination.port, destination.source, &part);
}

Destination unpack(Unpacker& in, const fb::Destination& destination) {
    return {in.name(destination.board(), "board's name"), destination.stage(), destination.port(), destination.source(),
            unpack(destination.part())};
}

flat::Offset<fb::Fan> pack(flat::FlatBufferBuilder& builder, const Fan& fan) {
    const auto choices =
        pack_list(builder, fan.choices, [](auto& out, const Destination& choice) { return pack(out, choice); });
    return fb::CreateFan(builder, choices, builder.CreateVector(fan.shares));
}

Fan unpack(Unpacker& in, const fb::Fan& fan) {
    Fan out;
    out.choices = in.list(fan.choices(), kMaxBoards, "destinations",
                          [](Unpacker& inner, const fb::Destination& choice) { return unpack(inner, choice); });
    out.shares = in.finites(fan.shares(), kMaxBoards, "shares");
    double total = 0;
    for (const double share : out.shares)
        total += not_negative(share, "a share");
    const bool alone = out.choices.size() == 1 && out.shares.empty();
    if (!alone && (out.shares.size() != out.choices.size() || !(finite(total, "the sum of shares") > 0)))
        Unpacker::refuse(out.choices.size(), " destinations with ", out.shares.size(), " shares of ", total);
    return out;
}

flat::Offset<fb::OutputRoute> pack(flat::FlatBufferBuilder& builder, const OutputRoute& route) {
    return fb::CreateOutputRoute(
        builder, pack_list(builder, route.fans, [](auto& out, const Fan& fan) { return pack(out, fan); }));
}

OutputRoute unpack(Unpacker& in, const fb::OutputRoute& route) {
    return {in.list(route.fans(), kMaxBoards, "fans",
                    [](Unpacker& inner, const fb::Fan& fan) { return unpack(inner, fan); })};
}

// A part of a value of that type.
void expect_part(const graph::InputSlice& part, const graph::Type& type) {
    if (part.axis == -1) return;
    if (part.axis < 0 || part.axis >= type.shape.rank() || part.begin < 0 || part.begin > part.end ||
        part.end > type.shape[part.axis]) {
        Unpacker::refuse("rows ", part.begin, " to ", part.end, " of axis ", part.axis, " of ", type);
    }
}

void expect_port(std::uint32_t port) {
    if (port >= kMaxPorts) Unpacker::refuse("port ", port, "; at most ", kMaxPorts, " are allowed");
}

// Every port has its route, and every route fits its port.
void expect_routes(const Deploy& deploy) {
    const auto& graph = deploy.graph;
    if (deploy.inputs.size() != graph.inputs.size() || deploy.outputs.size() != graph.outputs.size()) {
        Unpacker::refuse("routes for ", deploy.inputs.size(), " inputs and ", deploy.outputs.size(),
                         " outputs of a graph with ", graph.inputs.size(), " and ", graph.outputs.size());
    }
    for (std::size_t i = 0; i < deploy.inputs.size(); ++i) {
        if (deploy.inputs[i].sources.empty()) Unpacker::refuse("input ", i, " comes from nowhere");
        for (const auto& source : deploy.inputs[i].sources) {
            expect_port(source.port);
            expect_part(source.part, graph.type(graph.inputs[i].value));
        }
    }
    for (std::size_t i = 0; i < deploy.outputs.size(); ++i) {
        for (const auto& fan : deploy.outputs[i].fans) {
            for (const auto& choice : fan.choices) {
                expect_port(choice.port);
                expect_part(choice.part, graph.type(graph.outputs[i].value));
            }
        }
    }
}

}  // namespace

Frames encode(const Deploy& message) {
    flat::FlatBufferBuilder builder;
    const auto graph = pack(builder, message.graph);
    const auto inputs =
        pack_list(builder, message.inputs, [](auto& out, const InputRoute& route) { return pack(out, route); });
    const auto outputs =
        pack_list(builder, message.outputs, [](auto& out, const OutputRoute& route) { return pack(out, route); });
    const auto settings = pack_list(builder, message.settings, kPackOne);
    const auto digest = pack(message.digest);
    builder.Finish(fb::CreateDeploy(builder, message.deployment, message.epoch, message.stage, message.device,
                                    message.credits, message.memory_bytes, &digest, graph, inputs, outputs, settings));
    return seal(Kind::deploy, builder);
}

void read(const Envelope& envelope, Deploy& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::Deploy>();
    out.deployment = table.deployment();
    out.epoch = table.epoch();
    out.stage = table.stage();
    out.device = table.device();
    out.credits = table.credits();
    out.memory_bytes = table.memory_bytes();
    out.digest = unpack(table.digest());
    out.graph = unpack(in, table.graph());
    out.inputs = in.list(table.inputs(), kMaxPorts, "inputs",
                         [](Unpacker& inner, const fb::InputRoute& route) { return unpack(inner, route); });
    out.outputs = in.list(table.outputs(), kMaxPorts, "outputs",
                          [](Unpacker& inner, const fb::OutputRoute& route) { return unpack(inner, route); });
    out.settings = in.list(table.settings(), kMaxSettings, "settings", kUnpackOne);
    if (out.credits == 0) Unpacker::refuse("a stage with room for no request");
    expect_routes(out);
    if (digest_of(out.graph) != out.digest) Unpacker::refuse("the graph's content hash is not ", out.digest.brief());
}

Frames encode(const DeployProgress& message) {
    flat::FlatBufferBuilder builder;
    const auto phase = pack_name(builder, message.phase, "phase");
    builder.Finish(fb::CreateDeployProgress(builder, message.deployment, message.epoch, message.stage, phase,
                                            message.done, message.total));
    return seal(Kind::deploy_progress, builder);
}

void read(const Envelope& envelope, DeployProgress& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::DeployProgress>();
    out = {table.deployment(), table.epoch(), table.stage(), in.name(table.phase(), "phase"),
           table.done(),       table.total()};
}

Frames encode(const Ready& message) {
    flat::FlatBufferBuilder builder;
    builder.Finish(fb::CreateReady(builder, message.deployment, message.epoch, message.stage, message.weight_bytes,
                                   message.activation_bytes, message.result_bytes, message.fetched_s,
                                   message.compiled_s));
    return seal(Kind::ready, builder);
}

void read(const Envelope& envelope, Ready& out) {
    envelope.expect_payloads(0);
    const Unpacker in(envelope);
    const auto& table = in.root<fb::Ready>();
    out.deployment = table.deployment();
    out.epoch = table.epoch();
    out.stage = table.stage();
    out.weight_bytes = table.weight_bytes();
    out.activation_bytes = table.activation_bytes();
    out.result_bytes = table.result_bytes();
    out.fetched_s = not_negative(table.fetched_s(), "a time");
    out.compiled_s = not_negative(table.compiled_s(), "a time");
}

Frames encode(const DeployFailed& message) {
    flat::FlatBufferBuilder builder;
    const auto text = pack_text(builder, message.text);
    builder.Finish(fb::CreateDeployFailed(builder, message.deployment, message.epoch, message.stage,
                                          static_cast<std::uint32_t>(message.code), text));
    return seal(Kind::deploy_failed, builder);
}

void read(const Envelope& envelope, DeployFailed& out) {
    envelope.expect_payloads(0);
    Unpacker in(envelope);
    const auto& table = in.root<fb::DeployFailed>();
    out = {table.deployment(), table.epoch(), table.stage(), checked_code(table.code()), in.text(table.text())};
}

Frames encode(const Undeploy& message) {
    flat::FlatBufferBuilder builder;
    builder.Finish(fb::CreateUndeploy(builder, message.deployment, message.epoch));
    return seal(Kind::undeploy, builder);
}

void read(const Envelope& envelope, Undeploy& out) {
    envelope.expect_payloads(0);
    const Unpacker in(envelope);
    const auto& table = in.root<fb::Undeploy>();
    out = {table.deployment(), table.epoch()};
}

}  // namespace shoal::wire
