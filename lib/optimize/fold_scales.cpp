#include <unordered_map>

#include "graph/cards.hpp"
#include "optimize/optimize.hpp"
#include "optimize/rewriter.hpp"

namespace shoal::optimize {
namespace {

namespace cards = graph::cards;
using graph::Shape;

class Folder {
public:
    explicit Folder(const Graph& old) : rewriter_(old), reader_count_(old.values.size(), 0) {
        for (const Op& op : old.ops) {
            for (const auto id : op.inputs) {
                if (id != kNoValue) ++reader_count_[id];
            }
        }
        for (const auto& port : old.outputs)
            ++reader_count_[port.value];
    }

    Graph run() {
        for (const Op& op : rewriter_.old().ops) {
            builder().set_origin(op.name);
            const ValueId folded = op.is(cards::map) ? fold(op) : kNoValue;
            if (folded == kNoValue) {
                rewriter_.copy(op);
            } else {
                rewriter_.set(op.outputs[0], folded);
            }
            note_maker();
            single_use_[rewriter_[op.outputs[0]]] = reader_count_[op.outputs[0]] == 1;
        }
        return rewriter_.finish();
    }

private:
    graph::Builder& builder() { return rewriter_.builder(); }

    // Remembers which operator of the new graph made which value.
    void note_maker() {
        const auto& ops = builder().graph().ops;
        for (; noted_ < ops.size(); ++noted_) {
            for (const auto id : ops[noted_].outputs)
                maker_[id] = noted_;
        }
    }
    const Op* maker(ValueId id) {
        note_maker();
        const auto at = maker_.find(id);
        return at == maker_.end() ? nullptr : &builder().graph().ops[at->second];
    }

    // A constant that is one number or one number for each entry of the last axis.
    bool is_per_channel(ValueId id, const Shape& of) {
        if (!builder().is_constant(id) || !builder().graph().value(id).constant->bound(builder().type(id)))
            return false;
        const Shape& shape = builder().shape(id);
        if (shape.rank() > of.rank()) return false;
        return shape.count() == 1 || (shape.count() == shape.back() && of.rank() > 0 && shape.back() == of.back());
    }

    // `op` as x <fn> constant with x computed, or nothing.
    struct Step {
        std::string fn;
        ValueId x, constant;
    };
    std::optional<Step> as_step(const Op& op) {
        const std::string& fn = op.attrs.text("fn");
        const bool commutes = fn == "add" || fn == "mul";
        if (!commutes && fn != "sub" && fn != "div") return std::nullopt;
        ValueId x = rewriter_[op.inputs[0]], c = rewriter_[op.inputs[1]];
        if (commutes && builder().is_constant(x)) std::swap(x, c);
        if (builder().is_constant(x)) return std::nullopt;
        const auto element = builder().element(x);
        if (element != tensor::ElementType::f32 && element != tensor::ElementType::f64) return std::nullopt;
        if (!is_per_channel(c, builder().shape(x))) return std::nullopt;
        return Step{fn, x, c};
    }

    // The new value of a foldable map, kNoValue when it has to stay as it is.
    ValueId fold(const Op& op) {
        const auto step = as_step(op);
        if (!step) return kNoValue;
        const ValueId folded = is_single_use(step->x) ? moved(*step) : kNoValue;
        const bool constant_first = rewriter_[op.inputs[1]] == step->x;
        if (folded == kNoValue && constant_first) return builder().map(step->fn, {step->x, step->constant});
        return folded;
    }

    ValueId moved(const Step& step) {
        if (step.fn == "add") return added(step.x, step.constant);
        if (step.fn == "sub") return added(step.x, builder().map("neg", {step.constant}));
        if (step.fn == "mul") return scaled(step.x, step.constant);
        return scaled(step.x, builder().map("reciprocal", {step.constant}));
    }

    bool is_single_use(ValueId id) {
        const auto at = single_use_.find(id);
        return at != single_use_.end() && at->second;
    }

    // x + c, when x is y + b already.
    ValueId added(ValueId x, ValueId c) {
        const Op* made = maker(x);
        if (made == nullptr || !is_constant_add(*made)) return kNoValue;
        const auto [y, b] = std::pair(made->inputs[0], made->inputs[1]);
        return keep(builder().map("add", {y, builder().map("add", {b, c})}));
    }

    // x * c, when x is a contraction with constant weights, perhaps with a constant added.
    ValueId scaled(ValueId x, ValueId c) {
        const Op* made = maker(x);
        if (made == nullptr) return kNoValue;
        if (is_constant_add(*made)) {
            const auto [y, b] = std::pair(made->inputs[0], made->inputs[1]);
            const ValueId inner = scaled(y, c);
            return inner == kNoValue ? kNoValue : keep(builder().map("add", {inner, builder().map("mul", {b, c})}));
        }
        const bool contraction = made->is(cards::conv) || made->is(cards::matmul);
        if (!contraction || !builder().is_constant(made->inputs[1])) return kNoValue;
        if (!builder().graph().value(made->inputs[1]).constant->bound(builder().type(made->inputs[1]))) return kNoValue;
        const Op copy = *made;  // the builder's list of operators may move
        const ValueId weights = builder().map("mul", {copy.inputs[1], along_outputs(copy, c)});
        return keep(builder().add(*copy.card, {copy.inputs[0], weights}, copy.attrs)[0]);
    }

    // The per-channel constant shaped so that it multiplies each output channel's weights.
    ValueId along_outputs(const Op& op, ValueId c) {
        const Shape& weights = builder().shape(op.inputs[1]);
        const std::int64_t count = builder().shape(c).count();
        graph::Ints extents(weights.extents().size(), 1);
        if (op.is(cards::conv))
            extents.front() = count;
        else if (op.attrs.integer("transpose_b") != 0)
            extents[extents.size() - 2] = count;
        else
            extents.back() = count;
        return builder().reshape(c, Shape(std::move(extents)));
    }

    bool is_constant_add(const Op& op) {
        return op.is(cards::map) && op.attrs.text("fn") == "add" && !builder().is_constant(op.inputs[0]) &&
               is_per_channel(op.inputs[1], builder().shape(op.inputs[0]));
    }

    // Values made inside a rewrite have one reader: the rewrite.
    ValueId keep(ValueId id) {
        single_use_[id] = true;
        return id;
    }

    Rewriter rewriter_;
    std::vector<int> reader_count_;
    std::unordered_map<ValueId, std::size_t> maker_;
    std::unordered_map<ValueId, bool> single_use_;
    std::size_t noted_ = 0;
};

}  // namespace

Graph fold_scales(const Graph& graph) {
    return Folder(graph).run();
}

}  // namespace shoal::optimize
