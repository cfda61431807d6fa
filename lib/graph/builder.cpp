#include "graph/builder.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "graph/cards.hpp"

namespace shoal::graph {
namespace {

// Constants up to this size are folded even when that makes them larger than what they are made of.
constexpr std::size_t kAlwaysFold = 64 * 1024;
// More work than this is left to the device: a small result may be the sum of more than anybody can wait for.
constexpr double kMostFoldedFlops = 1e9;
// Folded however much was folded before: the numbers that loops count with and shapes are made of.
constexpr double kAlwaysAfforded = 256;

}  // namespace

Builder::Builder(std::string name, Bounds bounds) : bounds_(bounds) {
    graph_.name = std::move(name);
}

ValueId Builder::new_value(Value value, bool depends_on_inputs) {
    if (value.type.shape.count() > bounds_.elements)
        base::fail(base::Code::unsupported, "a value of type ", value.type, " has more than ", bounds_.elements,
                   " elements");
    if (value.constant && value.constant->bytes.size() > bounds_.constant_bytes - constant_bytes_)
        base::fail(base::Code::unsupported, "more than ", bounds_.constant_bytes, " bytes of constants");
    if (value_count() >= most_values()) base::fail(base::Code::unsupported, "more than ", most_values(), " values");
    if (value.constant) constant_bytes_ += value.constant->bytes.size();
    if (free_.empty()) {
        graph_.values.push_back(std::move(value));
        depends_.push_back(depends_on_inputs);
        return static_cast<ValueId>(graph_.values.size() - 1);
    }
    const ValueId id = free_.back();
    free_.pop_back();
    graph_.values[id] = std::move(value);
    depends_[id] = depends_on_inputs;
    return id;
}

void Builder::forget_constants(const std::vector<ValueId>& named) {
    std::vector<bool> kept(graph_.values.size(), false);
    const auto keep = [&](ValueId id) {
        if (id != kNoValue) kept[id] = true;
    };
    std::for_each(named.begin(), named.end(), keep);
    for (const Op& op : graph_.ops)
        std::for_each(op.inputs.begin(), op.inputs.end(), keep);
    for (const Port& port : graph_.outputs)
        keep(port.value);
    std::unordered_set<const std::byte*> counted;
    constant_bytes_ = 0;
    for (std::size_t id = graph_.values.size(); id-- > 0;) {
        const auto& constant = graph_.values[id].constant;
        if (!constant) continue;
        if (!kept[id]) {
            graph_.values[id] = {};
            free_.push_back(static_cast<ValueId>(id));
        } else if (counted.insert(constant->bytes.data()).second) {
            constant_bytes_ += constant->bytes.size();
        }
    }
}

bool Builder::afford(double work) noexcept {
    if (work > bounds_.work) return false;
    bounds_.work -= work;
    return true;
}

bool Builder::depend(const std::vector<ValueId>& inputs) const {
    return std::any_of(inputs.begin(), inputs.end(), [&](ValueId id) { return id != kNoValue && depends_.at(id); });
}

ValueId Builder::input(std::string name, Type type) {
    const ValueId id = new_value({name, std::move(type)}, true);
    graph_.inputs.push_back({std::move(name), id});
    return id;
}

void Builder::output(std::string name, ValueId value) {
    graph_.outputs.push_back({std::move(name), value});
}

ValueId Builder::constant(Tensor tensor, std::string name) {
    return new_value({std::move(name), tensor.type(), Constant{tensor.shared_bytes()}}, false);
}

ValueId Builder::constant_value(const Value& value) {
    return new_value(value, false);
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

bool Builder::may_fold(double flops, const std::vector<Type>& outputs) {
    double work = flops;
    for (const Type& type : outputs)
        work += static_cast<double>(type.shape.count());
    return flops <= kMostFoldedFlops && (work <= kAlwaysAfforded || afford(work));
}

std::vector<ValueId> Builder::add(const Card& card, std::vector<ValueId> inputs, Attrs attrs) {
    input_count_ += inputs.size();
    if (graph_.ops.size() >= bounds_.operators || input_count_ / kMostInputsEach > bounds_.operators)
        base::fail(base::Code::unsupported, "more than ", bounds_.operators, " operators of the core language");
    Op op{&card, origin_, std::move(attrs), std::move(inputs), {}, static_cast<std::uint32_t>(graph_.ops.size())};
    Signature given = signature(graph_, op);
    const auto types = card.infer(given);
    for (const Type& type : types)
        given.outputs.push_back(&type);
    if (foldable(op.inputs, types) && may_fold(card.flops(given), types)) {
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
    const bool depends = depend(op.inputs);
    for (const Type& type : types)
        op.outputs.push_back(new_value({{}, type}, depends));
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
    depends_.clear();
    free_.clear();
    constant_bytes_ = input_count_ = 0;
    return out;
}

}  // namespace shoal::graph
