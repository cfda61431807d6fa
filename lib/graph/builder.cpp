#include "graph/builder.hpp"

#include <algorithm>
#include <numeric>

#include "graph/cards.hpp"

namespace shoal::graph {
namespace {

// Constants up to this size are folded even when that makes them larger than what they are made of.
constexpr std::size_t kAlwaysFold = 64 * 1024;
// More work than this is left to the device: a small result may be the sum of more than anybody can wait for.
constexpr double kMostFoldedFlops = 1e9;

}  // namespace

Builder::Builder(std::string name) {
    graph_.name = std::move(name);
}

ValueId Builder::new_value(Type type, std::string name) {
    graph_.values.push_back({std::move(name), std::move(type), std::nullopt});
    return static_cast<ValueId>(graph_.values.size() - 1);
}

ValueId Builder::input(std::string name, Type type) {
    const ValueId id = new_value(std::move(type), name);
    graph_.inputs.push_back({std::move(name), id});
    return id;
}

void Builder::output(std::string name, ValueId value) {
    graph_.outputs.push_back({std::move(name), value});
}

ValueId Builder::constant(Tensor tensor, std::string name) {
    const ValueId id = new_value(tensor.type(), std::move(name));
    graph_.values[id].constant = Constant{tensor.shared_bytes(), std::nullopt};
    return id;
}

ValueId Builder::constant_value(const Value& value) {
    graph_.values.push_back(value);
    return static_cast<ValueId>(graph_.values.size() - 1);
}

ValueId Builder::scalar(ElementType element, double value) {
    return constant(tensor::from_doubles(element, Shape{}, std::span(&value, 1)));
}

bool Builder::foldable(const std::vector<ValueId>& inputs, const std::vector<Type>& outputs) const {
    if (!folding_) return false;
    std::size_t in = 0, out = 0;
    for (const auto id : inputs) {
        if (id == kNoValue) continue;
        if (!is_constant(id) || !graph_.value(id).constant->bound(type(id))) return false;
        in += type(id).size_bytes();
    }
    for (const Type& type : outputs)
        out += type.size_bytes();
    return out <= std::max(in, kAlwaysFold);
}

std::vector<ValueId> Builder::add(const Card& card, std::vector<ValueId> inputs, Attrs attrs) {
    if (graph_.ops.size() >= most_operators_ || graph_.values.size() / kMostValuesEach >= most_operators_)
        base::fail(base::Code::unsupported, "more than ", most_operators_, " operators of the core language");
    Op op{&card, origin_, std::move(attrs), std::move(inputs), {}, static_cast<std::uint32_t>(graph_.ops.size())};
    Signature given = signature(graph_, op);
    const auto types = card.infer(given);
    for (const Type& type : types)
        given.outputs.push_back(&type);
    if (foldable(op.inputs, types) && card.flops(given) <= kMostFoldedFlops) {
        std::vector<Tensor> values, results;
        std::vector<const Tensor*> pointers;
        values.reserve(op.inputs.size());
        for (const auto id : op.inputs) {
            if (id != kNoValue) values.push_back(value_of(id));
            pointers.push_back(id == kNoValue ? nullptr : &values.back());
        }
        for (const Type& type : types)
            results.emplace_back(type);
        card.evaluate(given, pointers, results);
        std::vector<ValueId> out;
        for (Tensor& result : results)
            out.push_back(constant(std::move(result)));
        return out;
    }
    for (const Type& type : types)
        op.outputs.push_back(new_value(type));
    graph_.ops.push_back(std::move(op));
    return graph_.ops.back().outputs;
}

ValueId Builder::map(std::string_view fn, std::vector<ValueId> inputs, double p, double q) {
    Attrs attrs{{"fn", std::string(fn)}};
    if (p != 0) attrs.set("p", p);
    if (q != 0) attrs.set("q", q);
    return add(cards::map, std::move(inputs), std::move(attrs))[0];
}

ValueId Builder::cast(ValueId x, ElementType to) {
    if (element(x) == to) return x;
    return add(cards::cast, {x}, {{"to", static_cast<std::int64_t>(to)}})[0];
}

ValueId Builder::reshape(ValueId x, Shape shape) {
    if (this->shape(x) == shape) return x;
    return add(cards::reshape, {x}, {{"shape", shape.extents()}})[0];
}

ValueId Builder::transpose(ValueId x, Ints perm) {
    if (std::is_sorted(perm.begin(), perm.end()) && static_cast<int>(perm.size()) == shape(x).rank()) return x;
    return add(cards::transpose, {x}, {{"perm", std::move(perm)}})[0];
}

ValueId Builder::slice(ValueId x, Ints begins, Ints sizes, Ints steps) {
    const bool whole =
        sizes == shape(x).extents() && std::all_of(steps.begin(), steps.end(), [](auto step) { return step == 1; });
    if (whole) return x;
    return add(cards::slice, {x},
               {{"begins", std::move(begins)}, {"sizes", std::move(sizes)}, {"steps", std::move(steps)}})[0];
}

ValueId Builder::slice_axis(ValueId x, int axis, std::int64_t begin, std::int64_t size) {
    Ints begins(shape(x).extents().size(), 0), sizes = shape(x).with(axis, size).extents(), steps(begins.size(), 1);
    begins[static_cast<std::size_t>(axis)] = begin;
    return slice(x, std::move(begins), std::move(sizes), std::move(steps));
}

ValueId Builder::pad(ValueId x, Ints before, Ints after, std::string mode, double value) {
    const auto zero = [](const Ints& list) {
        return std::all_of(list.begin(), list.end(), [](auto n) { return n == 0; });
    };
    if (zero(before) && zero(after)) return x;
    return add(
        cards::pad, {x},
        {{"before", std::move(before)}, {"after", std::move(after)}, {"mode", std::move(mode)}, {"value", value}})[0];
}

ValueId Builder::concat(std::vector<ValueId> parts, int axis) {
    if (parts.size() == 1) return parts[0];
    return add(cards::concat, std::move(parts), {{"axis", static_cast<std::int64_t>(axis)}})[0];
}

ValueId Builder::expand(ValueId x, Shape shape) {
    if (this->shape(x) == shape) return x;
    return add(cards::expand, {x}, {{"shape", shape.extents()}})[0];
}

ValueId Builder::reduce(std::string_view fn, ValueId x, Ints axes) {
    if (axes.empty()) return x;
    std::sort(axes.begin(), axes.end());
    return add(cards::reduce, {x}, {{"fn", std::string(fn)}, {"axes", std::move(axes)}})[0];
}

ValueId Builder::gather(ValueId data, ValueId indices, int axis) {
    return add(cards::gather, {data, indices}, {{"axis", static_cast<std::int64_t>(axis)}})[0];
}

ValueId Builder::matmul(ValueId a, ValueId b, bool transpose_b) {
    return add(cards::matmul, {a, b}, {{"transpose_b", static_cast<std::int64_t>(transpose_b)}})[0];
}

ValueId Builder::iota(ElementType element, Shape shape, int axis, double start, double step) {
    return add(cards::iota, {},
               {{"element", static_cast<std::int64_t>(element)},
                {"shape", shape.extents()},
                {"axis", static_cast<std::int64_t>(axis)},
                {"start", start},
                {"step", step}})[0];
}

Graph Builder::finish() {
    Graph out = without_dead(graph_);
    unique_names(out);
    for (std::uint32_t i = 0; i < out.ops.size(); ++i)
        out.ops[i].group = i;
    graph_ = {};
    return out;
}

}  // namespace shoal::graph
