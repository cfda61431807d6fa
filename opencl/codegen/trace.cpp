#include "opencl/codegen/trace.hpp"

#include <algorithm>
#include <map>
#include <variant>

#include "graph/cards.hpp"
#include "opencl/codegen/collapse.hpp"

namespace shoal::opencl {
namespace {

namespace cards = graph::cards;
using graph::Ints;
using graph::kNoValue;
using graph::Op;

// The group has an operator that no loop nest expresses.
struct NotALoop {};

// A reduction's domain: which axes of `full` are folded.
struct Rows {
    Shape full;
    std::vector<bool> folded;

    [[nodiscard]] Shape part(bool want_folded) const {
        Ints out;
        for (int k = 0; k < full.rank(); ++k) {
            if (folded[static_cast<std::size_t>(k)] == want_folded) out.push_back(full[k]);
        }
        return Shape(std::move(out));
    }
};

Rows rows_of(const Graph& graph, const Op& reduce) {
    Rows out{graph.type(reduce.inputs[0]).shape, {}};
    const auto& axes = reduce.attrs.ints("axes");
    for (int k = 0; k < out.full.rank(); ++k) {
        out.folded.push_back(std::find(axes.begin(), axes.end(), k) != axes.end());
    }
    return out;
}

class Tracer {
public:
    Tracer(const Graph& graph, graph::GroupRange group, Nest nest) : graph_(graph), nest_(std::move(nest)) {
        for (std::uint32_t i = group.first; i < group.last; ++i) {
            for (const auto id : graph.ops[i].outputs)
                maker_[id] = &graph.ops[i];
        }
    }

    void set_given(ValueId value, Index at) {
        given_ = value;
        given_at_ = std::move(at);
    }
    void set_rows(const Rows& rows) {
        rows_ = rows;
        // Where an element of the full domain lies, for this outer and folded position.
        const auto outer = coordinates(nest_.flat_outer(), rows.part(false));
        const auto folded = coordinates(nest_.flat_folded(), rows.part(true));
        std::vector<Index> at;
        std::size_t o = 0, f = 0;
        for (const bool is_folded : rows.folded)
            at.push_back(is_folded ? folded[f++] : outer[o++]);
        full_at_ = flatten(at, rows.full);
    }

    void store(ValueId value) {
        if (!rows_) {
            out_.stores.push_back({value, eval(value, nest_.flat_outer()), nest_.flat_outer(), false});
            return;
        }
        const bool per_row =
            graph_.type(value).shape.count() == rows_->part(false).count() && !depends_on_folded(value);
        const Index at = per_row ? nest_.flat_outer() : full_at_;
        const int node = eval(value, at);
        out_.stores.push_back({value, node, at, per_row});
    }
    void store_at(ValueId source, ValueId into, const Index& at) {
        out_.stores.push_back({into, eval(source, nest_.flat_outer()), at, false});
    }

    Trace finish(bool keep_digits = false) {
        out_.nest = nest_;
        if (!keep_digits) collapse(out_);
        return std::move(out_);
    }

private:
    // A value of the reduced size could also be of the full size when every folded extent is 1; then both are the same.
    [[nodiscard]] bool depends_on_folded(ValueId value) const {
        return graph_.type(value).shape.count() == rows_->full.count() && rows_->part(true).count() != 1;
    }

    int add(Node node) {
        const auto [at, fresh] = numbers_.try_emplace(node, static_cast<int>(out_.nodes.size()));
        if (fresh) out_.nodes.push_back(std::move(node));
        return at->second;
    }

    [[nodiscard]] const Shape& shape(ValueId id) const { return graph_.type(id).shape; }
    [[nodiscard]] ElementType element(ValueId id) const { return graph_.type(id).element; }

    // The node that computes element `at` (flat) of a value.
    int eval(ValueId id, const Index& at) {
        const auto key = std::make_tuple(id, at, guards_);
        const auto known = evaluated_.find(key);
        if (known != evaluated_.end()) return known->second;
        const int node = eval_fresh(id, at);
        evaluated_.emplace(key, node);
        return node;
    }

    int eval_fresh(ValueId id, const Index& at) {
        if (id == given_) {
            if (at != given_at_) throw NotLinear{};
            return add({.kind = Node::Kind::given, .element = element(id)});
        }
        const auto made = maker_.find(id);
        if (made == maker_.end()) return load(id, at);
        const Op& op = *made->second;
        if (op.is(cards::map))
            return apply(op, [&](ValueId input) { return eval(input, broadcast(at, shape(id), shape(input))); });
        if (op.is(cards::cast))
            return add({.kind = Node::Kind::cast, .element = element(id), .args = {eval(op.inputs[0], at)}});
        if (op.is(cards::reshape)) return eval(op.inputs[0], at);
        if (op.is(cards::transpose)) return transpose(op, coordinates(at, shape(id)));
        if (op.is(cards::expand)) return eval(op.inputs[0], broadcast(at, shape(id), shape(op.inputs[0])));
        if (op.is(cards::slice)) return slice(op, coordinates(at, shape(id)));
        if (op.is(cards::pad))
            return op.attrs.text("mode") == "constant" ? pad(op, coordinates(at, shape(id))) : repeat(op, at);
        if (op.is(cards::iota)) return iota(op, at);
        if (op.is(cards::gather)) return gather(op, at);
        if (op.is(cards::reduce)) return reduce(op, at);
        throw NotALoop{};
    }

    // The same for an element given by its coordinates. Behind a pad they may leave the axes where the guards do not
    // hold, so they are taken through what works axis by axis and made one index as late as can be.
    int eval_at(ValueId id, const std::vector<Index>& at) {
        const auto made = maker_.find(id);
        if (id != given_ && made != maker_.end()) {
            const Op& op = *made->second;
            if (op.is(cards::transpose)) return transpose(op, at);
            if (op.is(cards::slice)) return slice(op, at);
            if (op.is(cards::pad) && op.attrs.text("mode") == "constant") return pad(op, at);
            if (op.is(cards::cast))
                return add({.kind = Node::Kind::cast, .element = element(id), .args = {eval_at(op.inputs[0], at)}});
            if (op.is(cards::map))
                return apply(op, [&](ValueId input) { return eval_at(input, aligned(at, shape(input))); });
        }
        return eval(id, flatten(at, shape(id)));
    }

    // Coordinates in a shape that broadcasts to the one they are of.
    static std::vector<Index> aligned(const std::vector<Index>& at, const Shape& to) {
        std::vector<Index> out(at.end() - to.rank(), at.end());
        for (std::size_t k = 0; k < out.size(); ++k) {
            if (to[static_cast<int>(k)] == 1) out[k] = Index();
        }
        return out;
    }

    int load(ValueId id, const Index& at) {
        const bool one = graph_.is_constant(id) && shape(id).count() == 1 && !tensor::is_nibble(element(id)) &&
                         graph_.value(id).constant->bound(graph_.type(id));
        if (one) return add({.kind = Node::Kind::scalar, .element = element(id), .value = id});
        return add({.kind = Node::Kind::load, .element = element(id), .value = id, .at = at, .bounds = guards_});
    }

    // Axes are taken in runs that are broadcast or kept together, so that a bias along the last axis costs one
    // division.
    static Index broadcast(Index rest, const Shape& from, const Shape& to) {
        if (to.count() == from.count()) return rest;
        const int lead = from.rank() - to.rank();
        const auto kept = [&](int k) { return k >= lead && to[k - lead] != 1; };
        Index out;
        std::int64_t stride = 1;
        for (int k = from.rank() - 1; k >= 0 && stride < to.count();) {
            std::int64_t run = from[k];
            const bool keep = kept(k);
            for (--k; k >= 0 && (from[k] == 1 || kept(k) == keep); --k)
                run *= from[k];
            const bool outermost = from.count(0, k + 1) == 1;
            Division at = outermost ? Division{Index(), rest} : divide(rest, run);
            if (keep) {
                out += at.remainder * stride;
                stride *= run;
            }
            rest = std::move(at.quotient);
        }
        return out;
    }

    template <class Input>
    int apply(const Op& op, Input&& input) {
        Node node{.kind = Node::Kind::apply,
                  .element = element(op.outputs[0]),
                  .fn = graph::find_scalar_function(op.attrs.text("fn"))};
        node.p = op.attrs.real("p", 0);
        node.q = op.attrs.real("q", 0);
        for (const auto id : op.inputs)
            node.args.push_back(input(id));
        return add(std::move(node));
    }

    int transpose(const Op& op, const std::vector<Index>& outer) {
        const auto& perm = op.attrs.ints("perm");
        std::vector<Index> inner(perm.size());
        for (std::size_t k = 0; k < perm.size(); ++k)
            inner[static_cast<std::size_t>(perm[k])] = outer[k];
        return eval_at(op.inputs[0], inner);
    }

    int slice(const Op& op, std::vector<Index> inner) {
        const auto &begins = op.attrs.ints("begins"), &steps = op.attrs.ints("steps");
        for (std::size_t k = 0; k < inner.size(); ++k)
            inner[k] = inner[k] * steps[k] + Index(begins[k]);
        return eval_at(op.inputs[0], inner);
    }

    int pad(const Op& op, std::vector<Index> inner) {
        const auto& before = op.attrs.ints("before");
        const Shape& from = shape(op.inputs[0]);
        Node node{.kind = Node::Kind::padded, .element = element(op.outputs[0]), .p = op.attrs.real("value")};
        for (std::size_t k = 0; k < inner.size(); ++k) {
            inner[k] += Index(-before[k]);
            const std::int64_t extent = from[static_cast<int>(k)];
            if (inner[k].least() < 0 || inner[k].most() >= extent) node.bounds.push_back({inner[k], extent});
        }
        const auto outside = guards_;
        guards_.insert(guards_.end(), node.bounds.begin(), node.bounds.end());
        node.args = {eval_at(op.inputs[0], inner)};
        guards_ = outside;
        return add(std::move(node));
    }

    // Padding that repeats the input: the coordinate folds back into it, computed like a gathered index.
    int repeat(const Op& op, const Index& at) {
        auto inner = coordinates(at, shape(op.outputs[0]));
        const auto &before = op.attrs.ints("before"), &after = op.attrs.ints("after");
        const Shape& from = shape(op.inputs[0]);
        for (std::size_t k = 0; k < inner.size(); ++k) {
            if (before[k] == 0 && after[k] == 0) continue;
            const std::int64_t extent = from[static_cast<int>(k)];
            const int place = add({.kind = Node::Kind::iota,
                                   .element = ElementType::i64,
                                   .at = inner[k] + Index(-before[k]),
                                   .p = 0,
                                   .q = 1});
            inner[k] = Index(loaded(folded(op.attrs.text("mode"), place, extent), extent));
        }
        return eval(op.inputs[0], flatten(inner, from));
    }
    int folded(const std::string& mode, int place, std::int64_t extent) {
        if (mode == "edge")
            return whole("int_max", {place, add({.kind = Node::Kind::number, .element = ElementType::i64, .p = 0})});
        if (mode == "wrap") return whole("int_mod", {place, extent_of(extent)});
        const int period = extent_of(std::max<std::int64_t>(2 * (extent - 1), 1));
        const int there = whole("int_mod", {place, period});
        return whole("int_min", {there, whole("sub", {period, there})});
    }
    int extent_of(std::int64_t extent) {
        return add({.kind = Node::Kind::extent, .element = ElementType::i64, .extent = extent});
    }
    int whole(const char* fn, std::vector<int> args) {
        return add({.kind = Node::Kind::apply,
                    .element = ElementType::i64,
                    .fn = graph::find_scalar_function(fn),
                    .args = std::move(args)});
    }

    // A number that the kernel computes, clamped into [0, extent), as a symbol that addresses may use.
    Symbol loaded(int node, std::int64_t extent) {
        const auto [known, fresh] = symbols_.try_emplace({node, extent}, static_cast<int>(symbols_.size()));
        if (fresh) {
            add({.kind = Node::Kind::index,
                 .element = ElementType::i64,
                 .args = {node},
                 .extent = extent,
                 .symbol = known->second});
        }
        return {Symbol::Kind::loaded, known->second, extent};
    }

    int iota(const Op& op, const Index& at) {
        const auto axis = static_cast<std::size_t>(op.attrs.integer("axis"));
        const auto where = coordinates(at, shape(op.outputs[0]));
        return add({.kind = Node::Kind::iota,
                    .element = element(op.outputs[0]),
                    .at = where[axis],
                    .p = op.attrs.real("start"),
                    .q = op.attrs.real("step")});
    }

    int gather(const Op& op, const Index& at) {
        const auto axis = static_cast<std::size_t>(op.attrs.integer("axis"));
        const auto outer = coordinates(at, shape(op.outputs[0]));
        const Shape &data = shape(op.inputs[0]), &indices = shape(op.inputs[1]);
        const auto index_rank = static_cast<std::size_t>(indices.rank());
        const auto first = outer.begin() + static_cast<std::ptrdiff_t>(axis);
        const std::vector<Index> index_at(first, first + static_cast<std::ptrdiff_t>(index_rank));
        const int number = eval(op.inputs[1], flatten(index_at, indices));
        const std::int64_t extent = data[static_cast<int>(axis)];
        std::vector<Index> inner(outer.begin(), first);
        inner.emplace_back(loaded(number, extent));
        inner.insert(inner.end(), first + static_cast<std::ptrdiff_t>(index_rank), outer.end());
        return eval(op.inputs[0], flatten(inner, data));
    }

    int reduce(const Op& op, const Index& at) {
        // A reduced value is known only at this row: its own position must be the outer one.
        if (!rows_ || at != nest_.flat_outer() || shape(op.inputs[0]).count() != rows_->full.count()) throw NotLinear{};
        auto known = passes_.find(&op);
        if (known == passes_.end()) {
            const int node = eval(op.inputs[0], full_at_);
            out_.passes.push_back({op.attrs.text("fn"), node});
            known = passes_.emplace(&op, static_cast<int>(out_.passes.size()) - 1).first;
        }
        return add({.kind = Node::Kind::accumulated, .element = element(op.outputs[0]), .pass = known->second});
    }

    const Graph& graph_;
    Nest nest_;
    std::map<ValueId, const Op*> maker_;
    std::optional<Rows> rows_;
    Index full_at_;
    ValueId given_ = kNoValue;
    Index given_at_;
    Trace out_;
    std::map<Node, int> numbers_;
    std::map<std::tuple<ValueId, Index, std::vector<Bound>>, int> evaluated_;
    std::vector<Bound> guards_;  // of the paddings around what is being evaluated
    std::map<std::pair<int, std::int64_t>, int> symbols_;
    std::map<const Op*, int> passes_;
};

// Runs `build` on a nest that is cut finer until every index is linear.
template <class Build>
std::optional<Trace> with_cuts(Nest nest, Build&& build) {
    constexpr int kMostCuts = 24;
    for (int tries = 0; tries < kMostCuts; ++tries) {
        try {
            return build(nest);
        } catch (const SplitNeeded& split) {
            nest.cut(split);
        } catch (const NotLinear&) {
            return std::nullopt;
        } catch (const NotALoop&) {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<std::vector<Trace>> trace_concat(const Graph& graph, graph::GroupRange group, const Op& concat,
                                               const std::function<bool(ValueId)>& is_stored) {
    const ValueId whole = concat.outputs[0];
    const Shape& shape = graph.type(whole).shape;
    const auto axis = static_cast<std::size_t>(concat.attrs.integer("axis"));
    std::vector<Trace> out;
    std::int64_t offset = 0;
    for (const auto part : concat.inputs) {
        const Shape& own = graph.type(part).shape;
        const std::int64_t first = offset;
        offset += own[static_cast<int>(axis)];
        if (own.count() == 0 || is_stored(part)) continue;
        const auto trace = with_cuts({{own.count()}, {}}, [&](const Nest& nest) {
            Tracer tracer(graph, group, nest);
            auto at = coordinates(nest.flat_outer(), own);
            at[axis] += Index(first);
            tracer.store_at(part, whole, flatten(at, shape));
            return tracer.finish();
        });
        if (!trace) return std::nullopt;
        out.push_back(*trace);
    }
    return out;
}

}  // namespace

std::optional<std::vector<Trace>> trace_loops(const Graph& graph, graph::GroupRange group,
                                              const std::vector<ValueId>& outputs,
                                              const std::function<bool(ValueId)>& is_stored) {
    const Op* reduce = nullptr;
    for (std::uint32_t i = group.first; i < group.last; ++i) {
        const Op& op = graph.ops[i];
        if (op.is(cards::concat)) return trace_concat(graph, group, op, is_stored);
        if (op.is(cards::reduce)) reduce = &op;
    }
    if (outputs.empty()) return std::vector<Trace>{};
    const std::int64_t count = graph.type(outputs.back()).shape.count();
    for (const auto id : outputs) {
        if (reduce == nullptr && graph.type(id).shape.count() != count) return std::nullopt;
    }
    Nest nest{{count}, {}};
    std::optional<Rows> rows;
    if (reduce != nullptr) {
        rows = rows_of(graph, *reduce);
        nest = {{rows->part(false).count()}, {rows->part(true).count()}};
    }
    auto trace = with_cuts(std::move(nest), [&](const Nest& cut_nest) {
        Tracer tracer(graph, group, cut_nest);
        if (rows) tracer.set_rows(*rows);
        for (const auto id : outputs)
            tracer.store(id);
        return tracer.finish();
    });
    if (!trace) return std::nullopt;
    return std::vector<Trace>{std::move(*trace)};
}

std::optional<Trace> trace_epilogue(const Graph& graph, graph::GroupRange group, ValueId given, ValueId output) {
    const Shape& shape = graph.type(given).shape;
    const std::int64_t columns = shape.rank() > 0 ? shape.back() : 1;
    if (graph.type(output).shape.count() != shape.count() || columns == 0) return std::nullopt;
    // Columns stay as they are: the contraction's tiles count in them. Rows may be cut, an operand may be the same for
    // some of their digits.
    return with_cuts({{shape.count() / columns, columns}, {}}, [&](const Nest& nest) {
        if (nest.outer.back() != columns) throw NotALoop{};
        Tracer tracer(graph, group, nest);
        tracer.set_given(given, nest.flat_outer());
        tracer.store(output);
        return tracer.finish(true);
    });
}

}  // namespace shoal::opencl
