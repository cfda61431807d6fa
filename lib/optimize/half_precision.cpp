#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "graph/cards.hpp"
#include "optimize/optimize.hpp"
#include "optimize/rewriter.hpp"

namespace shoal::optimize {
namespace {

namespace cards = graph::cards;
using tensor::ElementType;

constexpr float kLargestHalf = 65504;
constexpr float kLeastHalf = 5.9604645e-8F;  // 2^-24, subnormal

// Long sums kept in a variable: a half would lose them.
bool stays_single(const Op& op) {
    return op.is(cards::recurrent) || op.is(cards::cumulate);
}

// Positions, masks and integer sums: what was whole numbers reaches beyond what halves count (2048) or hold (65504).
bool makes_wide(const Op& op, const Graph& graph) {
    if (graph.type(op.outputs[0]).element != ElementType::f32) return false;
    if (op.is(cards::iota)) return true;
    if (!op.is(cards::cast)) return false;
    const auto from = graph.type(op.inputs[0]).element;
    return from == ElementType::i32 || from == ElementType::i64 || from == ElementType::u32 || from == ElementType::u64;
}

float held(float value) {
    if (std::isnan(value) || std::isinf(value) || value == 0) return value;
    return std::copysign(std::clamp(std::fabs(value), kLeastHalf, kLargestHalf), value);
}

// Everything in halves but for what stays single. Values that are wide stay single as long as they meet only each other
// and constants; where they meet halves the operator computes in single precision. What is halved then, and constants,
// saturate: a mask of -3.4e38 would be -inf, and 0 * -inf is NaN; an epsilon of 1e-12 would be 0.
class Halver {
public:
    explicit Halver(const Graph& graph) : rewriter_(graph) {}

    Graph run() {
        const Graph& old = rewriter_.old();
        for (const auto& port : old.inputs)
            rewriter_.set(port.value, halved(rewriter_[port.value]));
        for (const Op& op : old.ops)
            copy(op);
        graph::Builder& builder = rewriter_.builder();
        for (const auto& port : old.outputs)
            builder.output(port.name, with_element(rewriter_[port.value], old.type(port.value).element));
        return builder.finish();
    }

private:
    ValueId with_element(ValueId id, ElementType element) {
        graph::Builder& builder = rewriter_.builder();
        return id == kNoValue || builder.element(id) == element ? id : builder.cast(id, element);
    }
    ValueId halved(ValueId id) {
        graph::Builder& builder = rewriter_.builder();
        if (id == kNoValue || builder.element(id) != ElementType::f32) return id;
        if (const auto& constant = builder.graph().value(id).constant; constant && constant->bound(builder.type(id)))
            return halved_constant(id);
        if (wide_.count(id) != 0) id = builder.map("clip", {id}, -kLargestHalf, kLargestHalf);
        return builder.cast(id, ElementType::f16);
    }
    ValueId halved_constant(ValueId id) {
        auto& half = constants_[id];
        if (!half) {
            graph::Builder& builder = rewriter_.builder();
            const auto single = builder.value_of(id);
            tensor::Tensor out({ElementType::f16, single.shape()});
            const auto from = single.as<float>();
            std::transform(from.begin(), from.end(), out.edit_as<tensor::Half>().begin(),
                           [](float value) { return tensor::Half(held(value)); });
            half = builder.constant(std::move(out), builder.graph().value(id).name);
        }
        return *half;
    }

    [[nodiscard]] bool is_wide(ValueId old_id) { return old_id != kNoValue && wide_.count(rewriter_[old_id]) != 0; }
    // Whether every real input is wide or constant, and one is wide.
    [[nodiscard]] bool among_wide(const Op& op) {
        bool any = false;
        for (const auto id : op.inputs) {
            if (id == kNoValue || rewriter_.old().type(id).element != ElementType::f32) continue;
            if (is_wide(id))
                any = true;
            else if (!rewriter_.old().is_constant(id))
                return false;
        }
        return any;
    }

    void copy(const Op& op) {
        graph::Builder& builder = rewriter_.builder();
        const Graph& old = rewriter_.old();
        builder.set_origin(op.name);
        const bool elementwise = op.is(cards::map) || op.card->movement;
        const bool wide = makes_wide(op, old) || (elementwise && among_wide(op));
        const bool single = wide || stays_single(op) ||
                            (op.is(cards::map) && std::any_of(op.inputs.begin(), op.inputs.end(),
                                                              [this](ValueId id) { return is_wide(id); }));
        std::vector<ValueId> inputs;
        for (const auto id : op.inputs) {
            const ValueId own = rewriter_[id];
            inputs.push_back(single && id != kNoValue ? with_element(own, old.type(id).element) : halved(own));
        }
        graph::Attrs attrs = op.attrs;
        // The element type that a cast makes is its attribute's, not its input's.
        if (op.is(cards::cast) && !single && attrs.integer("to") == static_cast<std::int64_t>(ElementType::f32))
            attrs.set("to", static_cast<std::int64_t>(ElementType::f16));
        const auto outputs = builder.add(*op.card, std::move(inputs), std::move(attrs));
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            if (single && !op.is(cards::recurrent) && builder.element(outputs[i]) == ElementType::f32)
                wide_.insert(outputs[i]);
            rewriter_.set(op.outputs[i], wide ? outputs[i] : halved(outputs[i]));
        }
    }

    Rewriter rewriter_;
    std::unordered_set<ValueId> wide_;  // new values whose elements may be more than a half holds
    std::unordered_map<ValueId, std::optional<ValueId>> constants_;
};

}  // namespace

Graph half_precision(const Graph& graph) {
    return Halver(graph).run();
}

}  // namespace shoal::optimize
