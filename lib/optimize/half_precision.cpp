#include <algorithm>

#include "graph/cards.hpp"
#include "optimize/optimize.hpp"
#include "optimize/rewriter.hpp"

namespace shoal::optimize {
namespace {

namespace cards = graph::cards;
using tensor::ElementType;

// Long sums kept in a variable, and counters: a half would lose them.
bool stays_single(const Op& op) {
    return op.is(cards::recurrent) || op.is(cards::cumulate) || op.is(cards::iota);
}

// The element type that an operator's attributes make, not its inputs.
const char* made_element(const Op& op) {
    return op.is(cards::cast) ? "to" : nullptr;
}

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
        const bool single = id != kNoValue && rewriter_.builder().element(id) == ElementType::f32;
        return single ? with_element(id, ElementType::f16) : id;
    }

    void copy(const Op& op) {
        graph::Builder& builder = rewriter_.builder();
        builder.set_origin(op.name);
        const bool single = stays_single(op);
        std::vector<ValueId> inputs;
        for (const auto id : op.inputs) {
            const ValueId own = rewriter_[id];
            inputs.push_back(single && id != kNoValue ? with_element(own, rewriter_.old().type(id).element)
                                                      : halved(own));
        }
        graph::Attrs attrs = op.attrs;
        const char* made = made_element(op);
        if (made != nullptr && attrs.integer(made) == static_cast<std::int64_t>(ElementType::f32))
            attrs.set(made, static_cast<std::int64_t>(ElementType::f16));
        const auto outputs = builder.add(*op.card, std::move(inputs), std::move(attrs));
        for (std::size_t i = 0; i < outputs.size(); ++i)
            rewriter_.set(op.outputs[i], halved(outputs[i]));
    }

    Rewriter rewriter_;
};

}  // namespace

Graph half_precision(const Graph& graph) {
    return Halver(graph).run();
}

}  // namespace shoal::optimize
