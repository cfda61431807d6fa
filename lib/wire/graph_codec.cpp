#include "wire/graph_codec.hpp"

#include <unordered_set>

#include "graph/card.hpp"
#include "wire/values.hpp"

namespace shoal::wire {

using base::Code;
using base::fail;
using graph::Graph;

namespace {

constexpr std::size_t kMaxGraphNameBytes = 4096;  // exporters name values by their path in the model
constexpr std::size_t kMaxAttrs = 64;

// The numbers of Attr.kind in graph.fbs, and of the digest: the order of AttrValue's alternatives, from 1.
static_assert(std::is_same_v<graph::AttrValue,
                             std::variant<std::int64_t, double, std::string, graph::Ints, std::vector<double>>>);
enum class AttrKind : std::uint8_t { whole = 1, real = 2, text = 3, wholes = 4, reals = 5 };

const base::Digest& digest_of(const graph::Value& value) {
    base::ensure(value.constant->digest.has_value(), "constant '", value.name, "' has not been addressed");
    return *value.constant->digest;
}

// --- Digest: lengths before everything of variable size, so that no two graphs give the same bytes -------------------

void add(ByteWriter& out, const graph::Attrs& attrs) {
    out.put(static_cast<std::uint64_t>(attrs.all().size()));
    const auto add_list = [&](const auto& list) {
        out.put(static_cast<std::uint64_t>(list.size()));
        for (const auto& item : list)
            out.put(item);
    };
    for (const auto& [name, value] : attrs.all()) {
        out.put_text(name).put(static_cast<std::uint8_t>(value.index() + 1));
        if (const auto* whole = std::get_if<std::int64_t>(&value)) out.put(*whole);
        if (const auto* real = std::get_if<double>(&value)) out.put(*real);
        if (const auto* text = std::get_if<std::string>(&value)) out.put_text(*text);
        if (const auto* wholes = std::get_if<graph::Ints>(&value)) add_list(*wholes);
        if (const auto* reals = std::get_if<std::vector<double>>(&value)) add_list(*reals);
    }
}

void add(ByteWriter& out, const std::vector<graph::ValueId>& ids) {
    out.put(static_cast<std::uint64_t>(ids.size()));
    for (const auto id : ids)
        out.put(id);
}

void add(ByteWriter& out, const graph::Value& value) {
    out.put_text(value.name).put(static_cast<std::uint8_t>(value.type.element));
    out.put(static_cast<std::uint64_t>(value.type.shape.rank()));
    for (const auto extent : value.type.shape)
        out.put(extent);
    out.put(static_cast<std::uint8_t>(value.constant.has_value()));
    if (value.constant) out.put_bytes(std::as_bytes(std::span(digest_of(value).bytes)));
}

void add(ByteWriter& out, const std::vector<graph::Port>& ports) {
    out.put(static_cast<std::uint64_t>(ports.size()));
    for (const auto& port : ports)
        out.put_text(port.name).put(port.value);
}

// --- FlatBuffers
// ------------------------------------------------------------------------------------------------------

flat::Offset<fb::Value> pack_value(flat::FlatBufferBuilder& builder, const graph::Value& value) {
    const auto name = pack_name(builder, value.name, "value's name", kMaxGraphNameBytes);
    const auto extents = builder.CreateVector(value.type.shape.extents());
    const auto element = static_cast<std::uint8_t>(value.type.element);
    if (!value.constant) return fb::CreateValue(builder, name, element, extents);
    const auto digest = pack(digest_of(value));
    return fb::CreateValue(builder, name, element, extents, &digest);
}

graph::Value unpack_value(Unpacker& in, const fb::Value& value) {
    graph::Value out;
    out.name = in.name(value.name(), "value's name", kMaxGraphNameBytes);
    out.type.element = checked_element(value.element());
    out.type.shape = tensor::Shape(in.numbers(value.extents(), tensor::kMaxRank, "extents"));
    static_cast<void>(out.type.size_bytes());  // throws when there are not so many bytes
    if (value.constant() != nullptr) out.constant = graph::Constant{{}, unpack(value.constant())};
    return out;
}

using AttrEntry = std::pair<std::string, graph::AttrValue>;

flat::Offset<fb::Attr> pack_attr(flat::FlatBufferBuilder& builder, const AttrEntry& entry) {
    const auto name = pack_name(builder, entry.first, "attribute's name");
    const auto kind = static_cast<std::uint8_t>(entry.second.index() + 1);
    if (const auto* whole = std::get_if<std::int64_t>(&entry.second))
        return fb::CreateAttr(builder, name, kind, *whole);
    if (const auto* real = std::get_if<double>(&entry.second)) return fb::CreateAttr(builder, name, kind, 0, *real);
    if (const auto* text = std::get_if<std::string>(&entry.second))
        return fb::CreateAttr(builder, name, kind, 0, 0, pack_name(builder, *text, "attribute", kMaxTextBytes));
    if (const auto* wholes = std::get_if<graph::Ints>(&entry.second))
        return fb::CreateAttr(builder, name, kind, 0, 0, 0, builder.CreateVector(*wholes));
    const auto& reals = std::get<std::vector<double>>(entry.second);
    return fb::CreateAttr(builder, name, kind, 0, 0, 0, 0, builder.CreateVector(reals));
}

AttrEntry unpack_attr(Unpacker& in, const fb::Attr& attr) {
    auto name = in.name(attr.name(), "attribute's name");
    switch (checked_enum(attr.kind(), AttrKind::whole, AttrKind::reals, "attribute kind")) {
        case AttrKind::whole: return {std::move(name), attr.whole()};
        case AttrKind::real: return {std::move(name), attr.real()};
        case AttrKind::text: return {std::move(name), in.text(attr.text())};
        case AttrKind::wholes: return {std::move(name), in.numbers(attr.wholes(), kMaxValues, "integers")};
        case AttrKind::reals: return {std::move(name), in.numbers(attr.reals(), kMaxValues, "reals")};
    }
    Unpacker::refuse("an attribute of no kind");
}

flat::Offset<fb::Op> pack_op(flat::FlatBufferBuilder& builder, const graph::Op& op) {
    const auto card = builder.CreateString(op.card->name.data(), op.card->name.size());
    const auto name = pack_name(builder, op.name, "operator's name", kMaxGraphNameBytes);
    const auto attrs = pack_list(builder, op.attrs.all(), pack_attr);
    const auto inputs = builder.CreateVector(op.inputs), outputs = builder.CreateVector(op.outputs);
    return fb::CreateOp(builder, card, name, attrs, inputs, outputs, op.group);
}

graph::Op unpack_op(Unpacker& in, const fb::Op& op) {
    graph::Op out;
    const std::string card = in.name(op.card(), "card's name");
    out.card = graph::find_card(card);
    if (out.card == nullptr) Unpacker::refuse("there is no operator '", card, "'");
    out.name = in.name(op.name(), "operator's name", kMaxGraphNameBytes);
    for (auto& [name, value] : in.list(op.attrs(), kMaxAttrs, "attributes", unpack_attr)) {
        if (out.attrs.has(name)) Unpacker::refuse("operator '", out.name, "' has attribute '", name, "' twice");
        out.attrs.set(name, std::move(value));
    }
    out.inputs = in.numbers(op.inputs(), kMaxValues, "inputs");
    out.outputs = in.numbers(op.outputs(), kMaxValues, "outputs");
    out.group = op.group();
    return out;
}

flat::Offset<fb::Port> pack_port(flat::FlatBufferBuilder& builder, const graph::Port& port) {
    return fb::CreatePort(builder, pack_name(builder, port.name, "port's name", kMaxGraphNameBytes), port.value);
}

graph::Port unpack_port(Unpacker& in, const fb::Port& port) {
    return {in.name(port.name(), "port's name", kMaxGraphNameBytes), port.value()};
}

void check_count(std::size_t count, std::size_t limit, const char* what) {
    if (count > limit)
        fail(Code::invalid_argument, "a graph of ", count, " ", what, "; at most ", limit, " may be sent");
}

}  // namespace

void address_constants(Graph& graph) {
    for (auto& value : graph.values) {
        if (!value.constant || value.constant->digest || !value.constant->bound(value.type)) continue;
        value.constant->digest = base::Digest::of(value.constant->bytes.view());
    }
}

base::Digest digest_of(const Graph& graph) {
    ByteWriter out;
    out.put_text("shoal graph 1").put_text(graph.name);
    out.put(static_cast<std::uint64_t>(graph.values.size()));
    for (const auto& value : graph.values)
        add(out, value);
    out.put(static_cast<std::uint64_t>(graph.ops.size()));
    for (const auto& op : graph.ops) {
        out.put_text(op.card->name).put_text(op.name).put(op.group);
        add(out, op.attrs);
        add(out, op.inputs);
        add(out, op.outputs);
    }
    add(out, graph.inputs);
    add(out, graph.outputs);
    return base::Digest::of(out.take());
}

std::vector<BlobNeed> blobs_of(const Graph& graph) {
    std::vector<bool> read(graph.values.size(), false);
    for (const auto& op : graph.ops) {
        for (const auto id : op.inputs) {
            if (id != graph::kNoValue) read[id] = true;
        }
    }
    for (const auto& port : graph.outputs)
        read[port.value] = true;
    std::vector<BlobNeed> out;
    std::unordered_set<base::Digest> seen;
    for (std::size_t id = 0; id < graph.values.size(); ++id) {
        const auto& value = graph.values[id];
        if (!read[id] || !value.constant || !seen.insert(digest_of(value)).second) continue;
        out.push_back({digest_of(value), value.type.size_bytes()});
    }
    return out;
}

flat::Offset<fb::Graph> pack(flat::FlatBufferBuilder& builder, const Graph& graph) {
    check_count(graph.values.size(), kMaxValues, "values");
    check_count(graph.ops.size(), kMaxOps, "operators");
    check_count(graph.inputs.size(), kMaxPorts, "inputs");
    check_count(graph.outputs.size(), kMaxPorts, "outputs");
    const auto name = pack_name(builder, graph.name, "graph's name", kMaxGraphNameBytes);
    const auto values = pack_list(builder, graph.values, pack_value);
    const auto ops = pack_list(builder, graph.ops, pack_op);
    const auto inputs = pack_list(builder, graph.inputs, pack_port);
    const auto outputs = pack_list(builder, graph.outputs, pack_port);
    return fb::CreateGraph(builder, name, values, ops, inputs, outputs);
}

Graph unpack(Unpacker& in, const fb::Graph* graph) {
    if (graph == nullptr) Unpacker::refuse("a graph is missing");
    Graph out;
    out.name = in.name(graph->name(), "graph's name", kMaxGraphNameBytes);
    out.values = in.list(graph->values(), kMaxValues, "values", unpack_value);
    out.ops = in.list(graph->ops(), kMaxOps, "operators", unpack_op);
    out.inputs = in.list(graph->inputs(), kMaxPorts, "inputs", unpack_port);
    out.outputs = in.list(graph->outputs(), kMaxPorts, "outputs", unpack_port);
    graph::validate(out);
    return out;
}

std::vector<std::byte> encode_graph(const Graph& graph) {
    flat::FlatBufferBuilder builder;
    builder.Finish(pack(builder, graph));
    const auto bytes = std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
    return {bytes.begin(), bytes.end()};
}

Graph decode_graph(base::ByteView bytes) {
    if (bytes.size() > kMaxBodyBytes)
        fail(Code::network, "a graph of ", bytes.size(), " bytes; at most ", kMaxBodyBytes, " may be sent");
    try {
        Unpacker in(bytes);
        return unpack(in, &in.root<fb::Graph>());
    } catch (const base::Error& error) {
        if (error.code() == Code::out_of_memory) throw;
        fail(Code::network, "broken graph: ", error.what());
    }
}

}  // namespace shoal::wire
