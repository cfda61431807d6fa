// What every pass does: walk a graph's operators in order and build a new graph from them.
#pragma once

#include <vector>

#include "graph/builder.hpp"

namespace shoal::optimize {

using graph::Graph;
using graph::kNoValue;
using graph::Op;
using graph::ValueId;

class Rewriter {
public:
    explicit Rewriter(const Graph& old) : old_(old), builder_(old.name), map_(old.values.size(), kNoValue) {
        for (const auto& port : old.inputs)
            map_[port.value] = builder_.input(port.name, old.type(port.value));
    }

    [[nodiscard]] graph::Builder& builder() noexcept { return builder_; }
    [[nodiscard]] const Graph& old() const noexcept { return old_; }

    /// The new value that stands for an old one; constants are taken over when first asked for.
    ValueId operator[](ValueId id) {
        if (id == kNoValue) return kNoValue;
        if (map_[id] == kNoValue) {
            const auto& value = old_.value(id);
            base::ensure(value.constant.has_value(), "value '", value.name, "' is read before it is made");
            map_[id] = builder_.constant_value(value);
        }
        return map_[id];
    }
    void set(ValueId old_id, ValueId new_id) {
        map_[old_id] = new_id;
        // Names follow the data, so that stages and reports speak the model's language.
        if (!builder_.is_constant(new_id) && builder_.graph().value(new_id).name.empty()) {
            builder_.set_name(new_id, old_.value(old_id).name);
        }
    }

    /// Takes an operator over as it is.
    void copy(const Op& op) {
        builder_.set_origin(op.name);
        std::vector<ValueId> inputs;
        for (const auto id : op.inputs)
            inputs.push_back((*this)[id]);
        const auto outputs = builder_.add(*op.card, std::move(inputs), op.attrs);
        for (std::size_t i = 0; i < outputs.size(); ++i)
            set(op.outputs[i], outputs[i]);
    }

    [[nodiscard]] Graph finish() {
        for (const auto& port : old_.outputs)
            builder_.output(port.name, (*this)[port.value]);
        return builder_.finish();
    }

private:
    const Graph& old_;
    graph::Builder builder_;
    std::vector<ValueId> map_;
};

}  // namespace shoal::optimize
