#include "graph/shard.hpp"

#include <algorithm>

#include "graph/builder.hpp"
#include "graph/cards.hpp"

namespace shoal::graph {

using base::Code;
using base::fail;

namespace {

using Need = std::optional<InputSlice>;  // which part of a value is needed; nothing: none yet

// What two readers need together: the hull of both ranges, or everything when one needs everything.
Need united(const Need& a, const InputSlice& b, const std::string& name) {
    if (!a) return b;
    if (a->axis == -1 || b.axis == -1) return InputSlice::whole();
    if (a->axis != b.axis)
        fail(Code::unsupported, "value '", name, "' is needed along axis ", a->axis, " and along axis ", b.axis);
    return InputSlice{a->axis, std::min(a->begin, b.begin), std::max(a->end, b.end)};
}

class Sharder {
public:
    explicit Sharder(const Graph& graph) : graph_(graph), needs_(graph.values.size()), shards_(graph.ops.size()) {}

    GraphShard run(int axis, std::int64_t begin, std::int64_t end) {
        for (const auto& port : graph_.outputs)
            need(port.value, {axis, begin, end});
        for (std::size_t i = graph_.ops.size(); i-- > 0;)
            demand(i);
        return rebuild(InputSlice{axis, begin, end});
    }

private:
    void need(ValueId id, const InputSlice& slice) {
        const Value& value = graph_.value(id);
        InputSlice wanted = slice;
        if (wanted.axis >= 0) {
            if (wanted.axis >= value.type.shape.rank())
                fail(Code::unsupported, "value '", value.name, "' ", value.type, " has no axis ", wanted.axis);
            if (wanted.begin == 0 && wanted.end == value.type.shape[wanted.axis]) wanted = InputSlice::whole();
        }
        needs_[id] = united(needs_[id], wanted, value.name);
    }

    // Asks the inputs of operator i for what its outputs need.
    void demand(std::size_t i) {
        const Op& op = graph_.ops[i];
        Need out;
        for (const auto id : op.outputs) {
            if (needs_[id]) out = united(out, *needs_[id], graph_.value(id).name);
        }
        if (!out) return;
        for (const auto id : op.outputs)
            needs_[id] = out;
        if (out->axis == -1) {
            for (const auto id : op.inputs) {
                if (id != kNoValue) need(id, InputSlice::whole());
            }
            return;
        }
        shards_[i] = shard_of(op, *out);
        for (std::size_t k = 0; k < op.inputs.size(); ++k) {
            if (op.inputs[k] != kNoValue) need(op.inputs[k], shards_[i]->inputs[k]);
        }
    }

    Shard shard_of(const Op& op, const InputSlice& out) const {
        const Signature s = signature(graph_, op);
        for (const auto& split : op.card->splits(s)) {
            const auto& axes = split.output_axes;
            const bool along = split.merge == Merge::concat && !axes.empty() &&
                               std::all_of(axes.begin(), axes.end(), [&](int axis) { return axis == out.axis; });
            if (!along) continue;
            const bool aligned =
                out.begin % split.granule == 0 && (out.end % split.granule == 0 || out.end == split.extent);
            if (!aligned)
                fail(Code::unsupported, "operator '", op.name, "' (", op.card->name, ") divides axis ", out.axis,
                     " in steps of ", split.granule);
            return op.card->shard(s, split, out.begin, out.end);
        }
        fail(Code::unsupported, "operator '", op.name, "' (", op.card->name, ") cannot be divided along axis ",
             out.axis, " of its output");
    }

    // A slice of what was computed for `have`, as the value that a reader of `want` sees.
    ValueId narrowed(Builder& builder, ValueId made, const Need& have, const InputSlice& want) const {
        if (want.axis == -1 || (have && *have == want)) return made;
        const std::int64_t offset = have && have->axis == want.axis ? have->begin : 0;
        return builder.slice_axis(made, want.axis, want.begin - offset, want.end - want.begin);
    }

    GraphShard rebuild(const InputSlice& output) {
        Builder builder(graph_.name);
        std::vector<ValueId> made(graph_.values.size(), kNoValue);
        std::vector<ShardInput> inputs;
        for (const auto& port : graph_.inputs) {
            const Need slice = needs_[port.value] ? needs_[port.value] : Need(InputSlice::whole());
            Type type = graph_.type(port.value);
            if (slice->axis >= 0) type.shape = type.shape.with(slice->axis, slice->end - slice->begin);
            made[port.value] = builder.input(port.name, type);
            needs_[port.value] = slice;
            inputs.push_back({port.name, *slice});
        }
        for (std::size_t i = 0; i < graph_.ops.size(); ++i) {
            if (needs_[graph_.ops[i].outputs[0]]) copy(builder, i, made);
        }
        for (const auto& port : graph_.outputs) {
            const InputSlice want = covers_all(port.value, output) ? InputSlice::whole() : output;
            builder.output(port.name, narrowed(builder, value(builder, port.value, made), needs_[port.value], want));
        }
        Graph out = builder.finish();
        keep_groups(out);
        return {std::move(out), std::move(inputs)};
    }

    // What was one kernel stays one, where dividing added nothing between the operators.
    void keep_groups(Graph& out) const {
        const auto same = [](const Op& a, const Op& b) { return a.card == b.card; };
        if (!std::equal(out.ops.begin(), out.ops.end(), graph_.ops.begin(), graph_.ops.end(), same)) return;
        for (std::size_t i = 0; i < out.ops.size(); ++i)
            out.ops[i].group = graph_.ops[i].group;
    }

    [[nodiscard]] bool covers_all(ValueId id, const InputSlice& slice) const {
        return slice.begin == 0 && slice.end == graph_.type(id).shape[slice.axis];
    }

    ValueId value(Builder& builder, ValueId id, std::vector<ValueId>& made) const {
        if (made[id] == kNoValue) {
            made[id] = builder.constant_value(graph_.value(id));
        }
        return made[id];
    }

    void copy(Builder& builder, std::size_t i, std::vector<ValueId>& made) const {
        const Op& op = graph_.ops[i];
        builder.set_origin(op.name);
        std::vector<ValueId> inputs;
        for (std::size_t k = 0; k < op.inputs.size(); ++k) {
            const ValueId id = op.inputs[k];
            if (id == kNoValue) {
                inputs.push_back(kNoValue);
                continue;
            }
            const ValueId source = value(builder, id, made);
            const Need have = graph_.is_constant(id) ? Need(InputSlice::whole()) : needs_[id];
            inputs.push_back(shards_[i] ? narrowed(builder, source, have, shards_[i]->inputs[k]) : source);
        }
        const auto outputs = builder.add(*op.card, std::move(inputs), shards_[i] ? shards_[i]->attrs : op.attrs);
        for (std::size_t k = 0; k < outputs.size(); ++k)
            made[op.outputs[k]] = outputs[k];
    }

    const Graph& graph_;
    std::vector<Need> needs_;
    std::vector<std::optional<Shard>> shards_;
};

}  // namespace

GraphShard shard(const Graph& graph, int axis, std::int64_t begin, std::int64_t end) {
    return Sharder(graph).run(axis, begin, end);
}

bool can_shard(const Graph& graph, int axis) {
    if (graph.outputs.empty()) return false;
    for (const auto& port : graph.outputs) {
        const Shape& shape = graph.type(port.value).shape;
        if (axis >= shape.rank() || shape[axis] < 2 || shape[axis] != graph.type(graph.outputs[0].value).shape[axis])
            return false;
    }
    try {
        (void)shard(graph, axis, 0, 1);
        return true;
    } catch (const base::Error& error) {
        if (error.code() != Code::unsupported) throw;
        return false;
    }
}

}  // namespace shoal::graph
