#include "opencl/codegen/loop_body.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "opencl/codegen/text.hpp"

namespace shoal::opencl {

using base::text;

bool LoopBody::has_lanes_along(const Symbol& digit) const {
    for (std::size_t n = 0; n < trace_.nodes.size(); ++n) {
        if (depends_.on(static_cast<int>(n), digit.number) && !node_has_lanes(trace_.nodes[n], digit)) return false;
    }
    return std::all_of(trace_.stores.begin(), trace_.stores.end(), [&](const Store& store) {
        const Compute compute = compute_of(graph_.type(store.value).element);
        return compute == Compute::f32 || compute == Compute::i32 || compute == Compute::mask;
    });
}

bool LoopBody::is_along(const Bound& bound, const Symbol& digit) {
    return bound.index.terms().size() == 1 && bound.index.coefficient(digit) == 1;
}

std::optional<LoopBody::Inside> LoopBody::inside_along(const Symbol& digit) const {
    Inside out{0, digit.extent};
    bool any = false;
    for (const Node& node : trace_.nodes) {
        for (const Bound& bound : node.bounds) {
            if (!is_along(bound, digit)) continue;
            any = true;
            out.first = std::max(out.first, -bound.index.offset());
            out.last = std::min(out.last, bound.extent - bound.index.offset());
        }
    }
    return any ? std::optional(out) : std::nullopt;
}

int LoopBody::density_along(const Symbol& digit) const {
    int score = 0;
    const auto judge = [&](const Index& at, int weight) {
        const std::int64_t step = at.coefficient(digit);
        score += step == 1 ? weight : step == 0 ? 0 : -2 * weight;
    };
    for (const Node& node : trace_.nodes) {
        if (node.kind == Node::Kind::load) judge(node.at, 1);
    }
    for (const Store& store : trace_.stores)
        judge(store.at, 2);
    return score;
}

void LoopBody::emit(int node, const Lanes& lanes, std::set<int>& done, std::string& out, const std::string& indent,
                    const Wanted& wanted) {
    if (done.count(node) != 0) return;
    const Node& own = at(node);
    for (const int arg : own.args)
        emit(arg, lanes, done, out, indent, wanted);
    for (const int n : symbols_of(own))
        emit(n, lanes, done, out, indent, wanted);
    if (own.kind == Node::Kind::accumulated || own.kind == Node::Kind::given || !wanted(node)) return;
    done.insert(node);
    out += indent + statement(node, lanes) + "\n";
}

std::string LoopBody::name(int node) const {
    const Node& own = at(node);
    if (own.kind == Node::Kind::accumulated) return text("acc", own.pass);
    if (own.kind == Node::Kind::given) return "given";
    return text('v', node);
}

int LoopBody::lanes_of(int node, const Lanes& lanes) const {
    return lanes.digit && varies(node, *lanes.digit) ? lanes.count : 1;
}

std::string LoopBody::widened(int node, const Lanes& lanes) const {
    if (lanes.count == 1 || lanes_of(node, lanes) == lanes.count) return name(node);
    const Compute compute = compute_of(at(node).element);
    const std::string value = compute == Compute::mask ? text('-', name(node)) : name(node);  // 1 becomes a mask's -1
    return text('(', type_name(compute, lanes.count), ")(", value, ')');
}

std::string LoopBody::store(const Store& target, const Lanes& lanes) {
    const ElementType element = graph_.type(target.value).element;
    const std::string pointer = arguments_.buffer(graph_, target.value, true);
    const std::int64_t step = lanes.digit ? target.at.coefficient(*lanes.digit) : 1;
    const std::string offset = position(target.at), value = widened(target.node, lanes);
    if (lanes.count == 1 || step == 1) return opencl::store(element, pointer, offset, value, lanes.count);
    std::string out = "{ ";
    const std::string stride = step == 0 ? "0" : strides_.at({target.at, lanes.digit->number});
    for (int k = 0; k < lanes.count; ++k) {
        out += opencl::store(element, pointer, text(offset, " + ", k, " * ", stride),
                             text('(', value, ").s", "0123456789abcdef"[k]), 1) +
               " ";
    }
    return out + "}";
}

void LoopBody::declare_arguments() {
    declare_inputs();
    for (const Store& store : trace_.stores)
        declare(store.at);
}

void LoopBody::declare_inputs() {
    for (std::size_t n = 0; n < trace_.nodes.size(); ++n) {
        const Node& node = trace_.nodes[n];
        if (node.kind == Node::Kind::load) pointers_[node.value] = arguments_.buffer(graph_, node.value, false);
        if (node.kind == Node::Kind::scalar) pointers_[node.value] = arguments_.scalar(node.value, node.element);
        if (node.kind == Node::Kind::load || node.kind == Node::Kind::iota) declare(node.at);
        if (node.kind == Node::Kind::index || node.kind == Node::Kind::extent)
            extents_[static_cast<int>(n)] = arguments_.number(node.extent);
        if (node.kind == Node::Kind::iota) {
            scalars_[static_cast<int>(n)] = {count_argument(node, node.p), count_argument(node, node.q)};
        }
        for (std::size_t k = 0; k < node.bounds.size(); ++k) {
            declare(node.bounds[k].index);
            const auto key = std::make_pair(node.bounds[k].index, node.bounds[k].extent);
            if (bounds_.count(key) == 0) bounds_[key] = arguments_.number(node.bounds[k].extent);
        }
    }
}

// Whole numbers that fit are arguments, so that the text holds for others too; the rest stands in the text.
std::string LoopBody::count_argument(const Node& node, double value) {
    const bool is_int = value == std::trunc(value) && std::abs(value) < 0x1p31;
    if (is_int && !tensor::is_floating(node.element)) return arguments_.number(static_cast<std::int64_t>(value));
    return literal(value, compute_of(node.element));
}

std::string LoopBody::position(const Index& index) const {
    std::string out;
    for (const auto& [symbol, factor] : index.terms()) {
        const std::string name =
            symbol.kind == Symbol::Kind::digit ? text('d', symbol.number) : text('x', symbol.number);
        out += out.empty() ? "" : " + ";
        out += factor == 1 ? name : text(strides_.at({index, key_of(symbol)}), " * ", name);
    }
    if (index.offset() != 0 || out.empty()) {
        out += out.empty() ? "" : " + ";
        out += index.offset() == 0 ? "0" : offsets_.at(index);
    }
    return out;
}

int LoopBody::key_of(const Symbol& symbol) {
    return symbol.kind == Symbol::Kind::digit ? symbol.number : -1 - symbol.number;
}

void LoopBody::declare(const Index& index) {
    for (const auto& [symbol, factor] : index.terms()) {
        const auto key = std::make_pair(index, key_of(symbol));
        if (factor != 1 && strides_.count(key) == 0) strides_[key] = arguments_.number(factor);
    }
    if (index.offset() != 0 && offsets_.count(index) == 0) offsets_[index] = arguments_.number(index.offset());
}

bool LoopBody::varies(int node, const Symbol& digit) const {
    const Node& own = at(node);
    if (own.kind == Node::Kind::given) return true;
    if (own.kind == Node::Kind::accumulated) return digit.number < static_cast<int>(trace_.nest.outer.size());
    return depends_.on(node, digit.number) ||
           std::any_of(own.args.begin(), own.args.end(), [&](int arg) { return varies(arg, digit); });
}

std::vector<int> LoopBody::symbols_of(const Node& node) const {
    std::vector<int> out;
    const auto find = [&](const Index& index) {
        for (const auto& [symbol, factor] : index.terms()) {
            if (symbol.kind != Symbol::Kind::loaded) continue;
            for (std::size_t n = 0; n < trace_.nodes.size(); ++n) {
                if (trace_.nodes[n].kind == Node::Kind::index && trace_.nodes[n].symbol == symbol.number)
                    out.push_back(static_cast<int>(n));
            }
        }
    };
    find(node.at);
    for (const Bound& bound : node.bounds)
        find(bound.index);
    return out;
}

bool LoopBody::node_has_lanes(const Node& node, const Symbol& digit) const {
    const Compute compute = compute_of(node.element);
    if (compute != Compute::f32 && compute != Compute::i32 && compute != Compute::mask) return false;
    for (const Bound& bound : node.bounds) {
        if (is_held(bound)) continue;
        if (bound.index.coefficient(digit) != 0 || through_symbols(bound.index, digit)) return false;
    }
    switch (node.kind) {
        case Node::Kind::load: return !tensor::is_nibble(node.element) && !through_symbols(node.at, digit);
        case Node::Kind::index: return false;
        case Node::Kind::apply: return opencl::has_lanes(*node.fn, at(node.args.back()).element);
        case Node::Kind::cast: {
            const Compute from = compute_of(at(node.args[0]).element);
            return from == Compute::f32 || from == Compute::i32 || from == Compute::mask;
        }
        default: return true;
    }
}

bool LoopBody::through_symbols(const Index& index, const Symbol& digit) const {
    for (const auto& [symbol, factor] : index.terms()) {
        if (symbol.kind == Symbol::Kind::loaded && depends_.symbol_on(symbol.number, digit.number)) return true;
    }
    return false;
}

std::string LoopBody::statement(int node, const Lanes& lanes) {
    const Node& own = at(node);
    const int count = lanes_of(node, lanes);
    if (own.kind == Node::Kind::index) {
        const std::string raw = name(own.args[0]), extent = extents_.at(node);
        return text("const int x", own.symbol, " = (int)clamp((long)(", raw, " < 0 ? ", raw, " + ", extent, " : ", raw,
                    "), 0L, (long)(", extent, " - 1));");
    }
    return text("const ", type_name(compute_of(own.element), count), ' ', name(node), " = ",
                expression(node, lanes, count), ';');
}

std::string LoopBody::argument(int node, const Lanes& lanes, int count) const {
    return count == 1 ? name(node) : widened(node, lanes);
}

std::string LoopBody::expression(int node, const Lanes& lanes, int count) {
    const Node& own = at(node);
    const Compute compute = compute_of(own.element);
    switch (own.kind) {
        case Node::Kind::load: return guarded(own, loaded(own, lanes, count), count);
        case Node::Kind::scalar:
            return compute == Compute::mask ? text('(', pointers_.at(own.value), " != 0)") : pointers_.at(own.value);
        case Node::Kind::number: return literal(own.p, compute);
        case Node::Kind::extent: return text("(", type_name(compute, 1), ")", extents_.at(node));
        case Node::Kind::iota: return counted(node, lanes, count);
        case Node::Kind::apply: {
            std::vector<std::string> operands;
            for (const int arg : own.args)
                operands.push_back(argument(arg, lanes, count));
            return apply(*own.fn, operands, own.p, own.q, at(own.args.back()).element, count);
        }
        case Node::Kind::cast:
            return cast(argument(own.args[0], lanes, count), at(own.args[0]).element, own.element, count);
        case Node::Kind::padded: {
            const std::string type = type_name(compute, count);
            const double outside = compute == Compute::mask ? (own.p != 0 ? (count == 1 ? 1 : -1) : 0) : own.p;
            return text(condition(own), " ? ", argument(own.args[0], lanes, count), " : (", type, ")(",
                        literal(outside, compute), ")");
        }
        case Node::Kind::index:
        case Node::Kind::accumulated:
        case Node::Kind::given: break;
    }
    base::fail(base::Code::internal, "a node without an expression");
}

std::string LoopBody::condition(const Node& node) const {
    std::string out;
    for (const Bound& bound : node.bounds) {
        if (is_held(bound)) continue;
        const std::string where = position(bound.index);
        out += text(out.empty() ? "" : " && ", '(', where, ") >= 0 && (", where, ") < ",
                    bounds_.at({bound.index, bound.extent}));
    }
    return out.empty() ? "1" : "(" + out + ")";
}

std::string LoopBody::guarded(const Node& node, const std::string& value, int count) const {
    if (std::all_of(node.bounds.begin(), node.bounds.end(), [&](const Bound& bound) { return is_held(bound); }))
        return value;
    return text(condition(node), " ? ", value, " : (", type_name(compute_of(node.element), count), ")(0)");
}

std::string LoopBody::loaded(const Node& node, const Lanes& lanes, int count) const {
    const std::string &pointer = pointers_.at(node.value), where = position(node.at);
    const std::int64_t step = lanes.digit ? node.at.coefficient(*lanes.digit) : 0;
    if (count == 1 || step == 1) return load(node.element, pointer, where, count);
    const std::string stride = strides_.at({node.at, lanes.digit->number});
    std::string out = text('(', type_name(compute_of(node.element), count), ")(");
    for (int k = 0; k < count; ++k) {
        const std::string one = load(node.element, pointer, text(where, " + ", k, " * ", stride), 1);
        out += text(k ? ", " : "", node.element == ElementType::boolean ? "-" : "", one);
    }
    return out + ")";
}

std::string LoopBody::counted(int node, const Lanes& lanes, int count) const {
    const Node& own = at(node);
    const auto& [start, step] = scalars_.at(node);
    const std::string type = type_name(compute_of(own.element), count), one = type_name(compute_of(own.element), 1);
    const std::string first =
        text("(", type, ")((", one, ")", start, " + (", one, ")", step, " * (", one, ")(", position(own.at), "))");
    if (count == 1) return first;
    const std::int64_t along = own.at.coefficient(*lanes.digit);
    const std::string stride = along == 1 ? "1" : strides_.at({own.at, lanes.digit->number});
    std::string ladder = text('(', type, ")(");
    for (int k = 0; k < count; ++k)
        ladder += text(k ? ", " : "", k);
    return text(first, " + (", type, ")((", one, ")", step, " * (", one, ")", stride, ") * ", ladder, ")");
}

}  // namespace shoal::opencl
