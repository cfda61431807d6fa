// Operators that always run alone: a plain kernel each, for every element type and device.
#include <functional>
#include <sstream>

#include "graph/cards.hpp"
#include "graph/scalar_function.hpp"
#include "opencl/codegen/text.hpp"
#include "opencl/emit/emitter.hpp"

namespace shoal::opencl {
namespace {

namespace cards = graph::cards;
using base::text;

NumberArgument number(std::int64_t value) {
    return {value};
}

Defines element_defines(const Emitter& emitter, ElementType element) {
    return {{"X", storage_name(element)},
            {"VALUE", type_name(compute_of(element), 1)},
            {"LOAD_X(p, i)", load_macro(element)},
            {"STORE_ONE(at, value)", store_macro(element, 1)},
            {"LOCAL", std::to_string(emitter.style().dialect.local_size)}};
}

// x seen as [outer, extent, inner] around `axis`.
struct Middle {
    std::int64_t outer, extent, inner;
};
Middle around(const Shape& shape, std::int64_t axis) {
    const int k = static_cast<int>(axis);
    return {shape.count(0, k), shape[k], shape.count(k + 1, shape.rank())};
}

GroupCode one_launch(Emitter& emitter, graph::GroupRange range, std::string_view name, const Defines& defines,
                     std::vector<LaunchArgument> arguments, std::int64_t items) {
    GroupCode out{range, {}, {}, emitter.graph().ops[range.first].outputs, std::string(name)};
    out.launches.push_back(
        flat_launch(emitter.style(), emitter.instantiate(name, defines), std::move(arguments), items));
    return out;
}

GroupCode arg_reduce(Emitter& emitter, graph::GroupRange range, const Op& op) {
    const Middle m = around(emitter.shape(op.inputs[0]), op.attrs.integer("axis"));
    Defines defines = element_defines(emitter, emitter.element(op.inputs[0]));
    defines.emplace_back("BETTER(a, b)", op.attrs.text("fn") == "max" ? "((a) > (b))" : "((a) < (b))");
    if (op.attrs.integer("last") != 0) defines.emplace_back("LAST", "");
    const std::int64_t items = m.outer * m.inner;
    return one_launch(emitter, range, "arg_reduce", defines,
                      {BufferArgument{op.inputs[0], false}, BufferArgument{op.outputs[0], true}, number(items),
                       number(m.extent), number(m.inner)},
                      items);
}

GroupCode cumulate(Emitter& emitter, graph::GroupRange range, const Op& op) {
    const Middle m = around(emitter.shape(op.inputs[0]), op.attrs.integer("axis"));
    Defines defines = element_defines(emitter, emitter.element(op.inputs[0]));
    if (op.attrs.integer("exclusive") != 0) defines.emplace_back("EXCLUSIVE", "");
    if (op.attrs.integer("reverse") != 0) defines.emplace_back("REVERSE", "");
    const std::int64_t items = m.outer * m.inner;
    return one_launch(emitter, range, "cumulate", defines,
                      {BufferArgument{op.inputs[0], false}, BufferArgument{op.outputs[0], true}, number(items),
                       number(m.extent), number(m.inner)},
                      items);
}

GroupCode topk(Emitter& emitter, graph::GroupRange range, const Op& op) {
    const Middle m = around(emitter.shape(op.inputs[0]), op.attrs.integer("axis"));
    Defines defines = element_defines(emitter, emitter.element(op.inputs[0]));
    const bool real = tensor::is_floating(emitter.element(op.inputs[0]));
    const std::string larger = real ? "((a) > (b) || ((a) != (a) && (b) == (b)))" : "((a) > (b))";
    const std::string smaller = real ? "((a) < (b) || ((b) != (b) && (a) == (a)))" : "((a) < (b))";
    defines.emplace_back("BETTER(a, b)", op.attrs.integer("largest") != 0 ? larger : smaller);
    const std::int64_t k = op.attrs.integer("k"), rows = m.outer * m.inner;
    // Counting ranks takes extent^2 comparisons a row and any number of work items; a heap takes one item a row.
    const std::int64_t long_row = emitter.style().wide_simd ? 256 : 4096;
    const bool heap = m.extent > long_row && k > 0;
    const std::int64_t items = heap ? rows : rows * m.extent;
    return one_launch(
        emitter, range, heap ? "topk_heap" : "topk", defines,
        {BufferArgument{op.inputs[0], false}, BufferArgument{op.outputs[0], true}, BufferArgument{op.outputs[1], true},
         number(items), number(m.extent), number(k), number(m.inner)},
        items);
}

std::optional<GroupCode> scatter(Emitter& emitter, graph::GroupRange range, const Op& op) {
    if (tensor::is_nibble(emitter.element(op.inputs[0]))) return std::nullopt;
    // First the data as it is, then the updates on top.
    const Shape& data = emitter.shape(op.inputs[0]);
    Defines defines = element_defines(emitter, emitter.element(op.inputs[0]));
    defines.emplace_back("INDEX", storage_name(emitter.element(op.inputs[1])));
    const std::string& fn = op.attrs.text("fn");
    const bool real = tensor::is_floating(emitter.element(op.inputs[0]));
    const std::string combine = fn == "add"   ? "((old) + (new))"
                                : fn == "mul" ? "((old) * (new))"
                                : fn == "set" ? "(new)"
                                              : text(real ? "f" : "", fn, "(old, new)");
    defines.emplace_back("COMBINE(old, new)", combine);
    const std::int64_t inner = data.count(1, data.rank());
    GroupCode out = one_launch(
        emitter, range, "scatter", defines,
        {BufferArgument{op.outputs[0], true}, BufferArgument{op.inputs[1], false}, BufferArgument{op.inputs[2], false},
         number(emitter.shape(op.inputs[1])[0]), number(data[0]), number(inner)},
        inner);
    constexpr const char* by_bytes[] = {"", "uchar", "ushort", "", "uint", "", "", "", "ulong"};
    const int bytes = tensor::bits(emitter.element(op.inputs[0])) / 8;
    const std::string copy = emitter.instantiate(
        "copy", {{"X", by_bytes[bytes]}, {"LOCAL", std::to_string(emitter.style().dialect.local_size)}});
    const std::int64_t blocks = (data.count() + 4095) / 4096;
    out.launches.insert(out.launches.begin(), flat_launch(emitter.style(), copy,
                                                          {BufferArgument{op.inputs[0], false},
                                                           BufferArgument{op.outputs[0], true}, number(data.count())},
                                                          blocks));
    return out;
}

std::string activation(const Op& op, std::size_t which, ElementType element) {
    std::istringstream names(op.attrs.text("activations"));
    std::string name;
    for (std::size_t k = 0; k <= which && names >> name; ++k) {}
    const auto parameter = [&](std::string_view list) {
        for (const auto& [key, value] : op.attrs.all()) {
            const auto* values = std::get_if<std::vector<double>>(&value);
            if (key == list && values != nullptr && which < values->size()) return (*values)[which];
        }
        return 0.0;
    };
    return apply(*graph::find_scalar_function(name), {"(v)"}, parameter("alphas"), parameter("betas"), element, 1);
}

GroupCode recurrent(Emitter& emitter, graph::GroupRange range, const Op& op) {
    const Shape &gates = emitter.shape(op.inputs[0]), &r = emitter.shape(op.inputs[1]);
    const ElementType element = emitter.element(op.inputs[0]);
    const std::int64_t batch = gates[1], hidden = r[1];
    const std::string& cell = op.attrs.text("cell");
    Defines defines = element_defines(emitter, element);
    if (cell == "lstm") defines.emplace_back("LSTM", "");
    if (cell == "gru") defines.emplace_back("GRU", "");
    defines.emplace_back("F(v)", activation(op, 0, element));
    if (cell != "rnn") defines.emplace_back("G(v)", activation(op, 1, element));
    if (cell == "lstm") defines.emplace_back("H_(v)", activation(op, 2, element));
    const double clip = op.attrs.real("clip");
    const std::string limit = literal(clip, compute_of(element)), type = type_name(compute_of(element), 1);
    defines.emplace_back(
        "CLIP(v)",
        clip > 0 ? text("clamp((", type, ")(v), (", type, ")-", limit, ", (", type, ")", limit, ")") : "(v)");
    if (op.attrs.integer("input_forget") != 0) defines.emplace_back("INPUT_FORGET", "");
    if (op.attrs.integer("linear_before_reset") != 0) defines.emplace_back("LINEAR_BEFORE_RESET", "");
    if (op.attrs.integer("reverse") != 0) defines.emplace_back("REVERSE", "");
    // Where an optional input is left out, any buffer of the same type stands in; its flag says not to read it.
    std::vector<LaunchArgument> arguments{BufferArgument{op.inputs[0], false}, BufferArgument{op.inputs[1], false}};
    std::vector<LaunchArgument> flags;
    for (std::size_t i = 2; i < 7; ++i) {
        const bool given = i < op.inputs.size() && op.inputs[i] != graph::kNoValue;
        arguments.emplace_back(given ? LaunchArgument(BufferArgument{op.inputs[i], false})
                                     : LaunchArgument(ZerosArgument{}));
        flags.emplace_back(number(given ? 1 : 0));
    }
    emitter.need_zeros(64);
    arguments.emplace_back(BufferArgument{op.outputs[0], true});
    arguments.emplace_back(BufferArgument{op.outputs[1], true});
    arguments.emplace_back(cell == "lstm" ? LaunchArgument(BufferArgument{op.outputs[2], true})
                                          : LaunchArgument(ZerosArgument{}));
    arguments.emplace_back(WorkspaceArgument{0});
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    for (const auto value : {gates[0], batch, hidden})
        arguments.emplace_back(number(value));
    GroupCode out = one_launch(emitter, range, "recurrent", defines, std::move(arguments), batch);
    const std::int64_t value_bytes = element == ElementType::f64 ? 8 : 4;
    out.workspaces.push_back(static_cast<std::uint64_t>(batch * 4 * hidden * value_bytes));
    return out;
}

}  // namespace

std::optional<GroupCode> emit_single(Emitter& emitter, graph::GroupRange range, const std::vector<ValueId>&) {
    const Op& op = emitter.graph().ops[range.first];
    if (op.is(cards::arg_reduce)) return arg_reduce(emitter, range, op);
    if (op.is(cards::cumulate)) return cumulate(emitter, range, op);
    if (op.is(cards::topk)) return topk(emitter, range, op);
    if (op.is(cards::scatter)) return scatter(emitter, range, op);
    if (op.is(cards::recurrent)) return recurrent(emitter, range, op);
    return std::nullopt;
}

}  // namespace shoal::opencl
