#include <algorithm>
#include <functional>
#include <map>

#include "graph/cards.hpp"
#include "optimize/optimize.hpp"
#include "optimize/permutation.hpp"
#include "optimize/rewriter.hpp"

namespace shoal::optimize {
namespace {

namespace cards = graph::cards;

// An old value as a transpose, not yet made, of a value of the new graph.
struct Carried {
    ValueId base = kNoValue;
    Ints perm{};
};

class Sinker {
public:
    explicit Sinker(const Graph& old) : rewriter_(old), carried_(old.values.size()) {}

    Graph run() {
        for (const Op& op : rewriter_.old().ops) {
            builder().set_origin(op.name);
            const auto rule = rules().find(op.card);
            if (rule == rules().end() || !(this->*rule->second)(op)) materialise_and_copy(op);
        }
        for (const auto& port : rewriter_.old().outputs)
            rewriter_.set(port.value, materialised(port.value));
        return rewriter_.finish();
    }

private:
    using Rule = bool (Sinker::*)(const Op&);  // false: the operator needs its inputs as they were

    static const std::map<const graph::Card*, Rule>& rules() {
        static const std::map<const graph::Card*, Rule> table = {
            {&cards::transpose, &Sinker::transpose}, {&cards::map, &Sinker::map},
            {&cards::cast, &Sinker::unary},          {&cards::reduce, &Sinker::reduce},
            {&cards::arg_reduce, &Sinker::one_axis}, {&cards::cumulate, &Sinker::one_axis},
            {&cards::topk, &Sinker::one_axis},       {&cards::concat, &Sinker::concat},
            {&cards::slice, &Sinker::per_axis},      {&cards::pad, &Sinker::per_axis},
            {&cards::expand, &Sinker::expand},       {&cards::reshape, &Sinker::reshape},
            {&cards::gather, &Sinker::gather},       {&cards::matmul, &Sinker::matmul},
        };
        return table;
    }

    graph::Builder& builder() { return rewriter_.builder(); }

    Carried& at(ValueId id) {
        Carried& value = carried_[id];
        if (value.base == kNoValue) {
            value.base = rewriter_[id];
            value.perm = identity(builder().shape(value.base).rank());
        }
        return value;
    }
    [[nodiscard]] bool transposed(ValueId id) { return !is_identity(at(id).perm); }
    [[nodiscard]] const Shape& old_shape(ValueId id) const { return rewriter_.old().type(id).shape; }

    ValueId materialised(ValueId id) {
        const Carried& value = at(id);
        return builder().transpose(value.base, value.perm);
    }

    void carry(const Op& op, const std::vector<ValueId>& bases, const Ints& perm) {
        for (std::size_t i = 0; i < bases.size(); ++i)
            carry(op.outputs[i], bases[i], perm);
    }
    void carry(ValueId old_id, ValueId base, Ints perm) {
        const Shape& shape = builder().shape(base);
        if (!is_identity(perm) && only_moves_ones(shape, perm)) {
            base = builder().reshape(base, permuted(shape, perm));
            perm = identity(builder().shape(base).rank());
        }
        if (is_identity(perm)) rewriter_.set(old_id, base);
        carried_[old_id] = {base, std::move(perm)};
    }

    void materialise_and_copy(const Op& op) {
        std::vector<ValueId> inputs;
        for (const auto id : op.inputs)
            inputs.push_back(id == kNoValue ? kNoValue : materialised(id));
        carry_plain(op, builder().add(*op.card, std::move(inputs), op.attrs));
    }
    void carry_plain(const Op& op, const std::vector<ValueId>& outputs) {
        for (std::size_t i = 0; i < outputs.size(); ++i)
            carry(op.outputs[i], outputs[i], identity(builder().shape(outputs[i]).rank()));
    }

    bool transpose(const Op& op) {
        const Carried value = at(op.inputs[0]);
        carry(op.outputs[0], value.base, compose(value.perm, op.attrs.ints("perm")));
        return true;
    }

    // The permutation under which most bytes of the operands lie already; constants do not vote, folding moves them.
    Ints majority(const Op& op, int rank) {
        std::map<Ints, double> votes;
        for (const auto id : op.inputs) {
            if (id == kNoValue || rewriter_.old().is_constant(id) || old_shape(id).rank() != rank) continue;
            votes[at(id).perm] += static_cast<double>(rewriter_.old().type(id).size_bytes());
        }
        Ints best = identity(rank);
        double most = 0;
        for (const auto& [perm, bytes] : votes) {
            const bool wins = bytes > most || (bytes == most && is_identity(best));  // ties: keep what is channels-last
            if (wins) best = perm, most = bytes;
        }
        return best;
    }

    // An operand in the order of the base, for operators that see it at `rank` axes and permuted by `perm`.
    ValueId in_base_order(ValueId id, const Ints& perm) {
        const Carried value = at(id);
        if (value.perm == perm) return value.base;
        const int rank = static_cast<int>(perm.size()), lead = rank - old_shape(id).rank();
        ValueId full = materialised(id);
        if (lead > 0) {
            Ints extents(static_cast<std::size_t>(lead), 1);
            extents.insert(extents.end(), old_shape(id).begin(), old_shape(id).end());
            full = builder().reshape(full, Shape(std::move(extents)));
        }
        const Ints back = inverse(perm);
        const Shape& shape = builder().shape(full);
        return only_moves_ones(shape, back) ? builder().reshape(full, permuted(shape, back))
                                            : builder().transpose(full, back);
    }

    bool map(const Op& op) {
        const int rank = old_shape(op.outputs[0]).rank();
        const Ints perm = majority(op, rank);
        if (is_identity(perm)) return false;
        std::vector<ValueId> inputs;
        for (const auto id : op.inputs)
            inputs.push_back(in_base_order(id, perm));
        carry(op, builder().add(*op.card, std::move(inputs), op.attrs), perm);
        return true;
    }

    bool unary(const Op& op) {
        const Carried value = at(op.inputs[0]);
        carry(op, builder().add(*op.card, {value.base}, op.attrs), value.perm);
        return true;
    }

    bool reduce(const Op& op) {
        const Carried value = at(op.inputs[0]);
        Ints axes;
        for (const auto axis : op.attrs.ints("axes"))
            axes.push_back(value.perm[static_cast<std::size_t>(axis)]);
        carry(op.outputs[0], builder().reduce(op.attrs.text("fn"), value.base, std::move(axes)), value.perm);
        return true;
    }

    bool one_axis(const Op& op) {
        const Carried value = at(op.inputs[0]);
        graph::Attrs attrs = op.attrs;
        attrs.set("axis", value.perm[static_cast<std::size_t>(op.attrs.integer("axis"))]);
        carry(op, builder().add(*op.card, {value.base}, std::move(attrs)), value.perm);
        return true;
    }

    bool concat(const Op& op) {
        const Ints perm = majority(op, old_shape(op.outputs[0]).rank());
        if (is_identity(perm)) return false;
        std::vector<ValueId> inputs;
        for (const auto id : op.inputs)
            inputs.push_back(in_base_order(id, perm));
        const auto axis = perm[static_cast<std::size_t>(op.attrs.integer("axis"))];
        carry(op.outputs[0], builder().concat(std::move(inputs), static_cast<int>(axis)), perm);
        return true;
    }

    // slice and pad: every list has one entry per axis.
    bool per_axis(const Op& op) {
        const Carried value = at(op.inputs[0]);
        graph::Attrs attrs = op.attrs;
        for (const auto& [name, entries] : op.attrs.all()) {
            if (const auto* list = std::get_if<Ints>(&entries)) attrs.set(name, to_base(*list, value.perm));
        }
        carry(op, builder().add(*op.card, {value.base}, std::move(attrs)), value.perm);
        return true;
    }

    bool expand(const Op& op) {
        const Carried value = at(op.inputs[0]);
        const Shape& to = old_shape(op.outputs[0]);
        if (is_identity(value.perm) || to.rank() != old_shape(op.inputs[0]).rank()) return false;
        carry(op.outputs[0], builder().expand(value.base, Shape(to_base(to.extents(), value.perm))), value.perm);
        return true;
    }

    bool reshape(const Op& op) {
        const Carried value = at(op.inputs[0]);
        if (is_identity(value.perm)) return false;
        const Shape &base = builder().shape(value.base), &to = old_shape(op.outputs[0]);
        if (const auto pushed = push_reshape(base, value.perm, to)) {
            carry(op.outputs[0], builder().reshape(value.base, pushed->base), pushed->perm);
            return true;
        }
        // The reshape joins axes that must be brought together first: by one transpose that leaves the others alone.
        const auto order = order_for_reshape(base, value.perm, to);
        if (!order) return false;
        const ValueId ordered = builder().transpose(value.base, *order);
        const auto pushed = push_reshape(builder().shape(ordered), compose(inverse(*order), value.perm), to);
        if (!pushed) return false;
        carry(op.outputs[0], builder().reshape(ordered, pushed->base), pushed->perm);
        return true;
    }

    bool gather(const Op& op) {
        const Carried data = at(op.inputs[0]);
        if (is_identity(data.perm)) return false;
        const auto axis = static_cast<std::size_t>(op.attrs.integer("axis"));
        const std::int64_t base_axis = data.perm[axis];
        const std::int64_t index_rank = old_shape(op.inputs[1]).rank();
        Ints perm;
        for (std::size_t k = 0; k < data.perm.size(); ++k) {
            const std::int64_t shifted = data.perm[k] < base_axis ? data.perm[k] : data.perm[k] + index_rank - 1;
            if (k != axis)
                perm.push_back(shifted);
            else
                for (std::int64_t i = 0; i < index_rank; ++i)
                    perm.push_back(base_axis + i);
        }
        carry(op.outputs[0], builder().gather(data.base, materialised(op.inputs[1]), static_cast<int>(base_axis)),
              perm);
        return true;
    }

    // Keeps the axis that lies densest in memory last, and lets the matrix product read b transposed instead.
    bool matmul(const Op& op) {
        const Carried b = at(op.inputs[1]);
        const std::size_t rank = b.perm.size();
        const auto last = static_cast<std::int64_t>(rank) - 1;
        if (b.perm[rank - 2] != last) return false;
        Ints swapped = b.perm;
        std::swap(swapped[rank - 1], swapped[rank - 2]);
        const bool transpose_b = op.attrs.integer("transpose_b") == 0;
        const ValueId right = builder().transpose(b.base, swapped);
        carry_plain(op, {builder().matmul(materialised(op.inputs[0]), right, transpose_b)});
        return true;
    }

    Rewriter rewriter_;
    std::vector<Carried> carried_;
};

}  // namespace

Graph sink_transposes(const Graph& graph) {
    return Sinker(graph).run();
}

}  // namespace shoal::optimize
