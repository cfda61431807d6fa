#include "graph/attention.hpp"

#include <algorithm>
#include <set>

#include "graph/cards.hpp"

namespace shoal::graph {

namespace {

constexpr std::size_t kLongestChain = 16;  // between scores and softmax: scale, cap, biases, masks

class Finder {
public:
    Finder(const Graph& graph, const std::vector<std::uint32_t>& makers) : graph_(graph), makers_(makers) {}

    std::optional<Attention> find(std::uint32_t product) {
        const Op& last = graph_.ops[product];
        if (!last.is(cards::matmul) || last.attrs.integer("transpose_b") != 0) return std::nullopt;
        out_.product = product;
        out_.weights = last.inputs[0];
        take(product);
        ValueId weights = out_.weights;
        while (const Op* shape = made_by(weights, cards::reshape)) {
            if (!keeps_rows(shape->inputs[0], weights)) return std::nullopt;
            weights = shape->inputs[0];
        }
        if (!softmax(weights)) return std::nullopt;
        const auto chain = chain_to(out_.biased, 0);
        if (chain.empty()) return std::nullopt;
        for (const auto i : chain)
            take(i);
        out_.scores = chain.back();
        std::sort(out_.members.begin(), out_.members.end());
        out_.members.erase(std::unique(out_.members.begin(), out_.members.end()), out_.members.end());
        // Weights by weights, or by scores: these are needed as matrices all the same.
        const bool own = std::binary_search(out_.members.begin(), out_.members.end(), makers_[last.inputs[1]]);
        return own ? std::nullopt : std::optional(out_);
    }

private:
    void take(std::uint32_t op) { out_.members.push_back(op); }

    [[nodiscard]] const Op* maker(ValueId value) const {
        const auto at = value == kNoValue ? graph_.ops.size() : makers_[value];
        return at < graph_.ops.size() ? &graph_.ops[at] : nullptr;
    }
    // The operator that makes `value` if it is of this card, which then belongs to the attention.
    const Op* made_by(ValueId value, const Card& card) {
        const Op* op = maker(value);
        if (op == nullptr || !op->is(card)) return nullptr;
        take(makers_[value]);
        return op;
    }
    const Op* map_of(ValueId value, const char* fn) {
        const Op* op = made_by(value, cards::map);
        return op != nullptr && op->attrs.text("fn") == fn ? op : nullptr;
    }
    // The reduction of `of` over its last axis, or the larger of that and a constant number, which `bound` then names.
    bool reduced(ValueId value, const char* fn, ValueId of, ValueId& bound) {
        const Op* op = maker(value);
        if (op != nullptr && op->is(cards::map) && op->attrs.text("fn") == "max") {
            take(makers_[value]);
            const auto number = std::find_if(op->inputs.begin(), op->inputs.end(), [&](ValueId id) {
                return graph_.is_constant(id) && graph_.type(id).shape.count() == 1;
            });
            if (number == op->inputs.end()) return false;
            bound = *number;
            value = op->inputs[number == op->inputs.begin() ? 1 : 0];
        }
        const Op* reduce = made_by(value, cards::reduce);
        return reduce != nullptr && reduce->attrs.text("fn") == fn && reduce->inputs[0] == of &&
               reduce->attrs.ints("axes") == Ints{graph_.type(of).shape.rank() - 1};
    }
    bool softmax(ValueId weights) {
        const Op* division = map_of(weights, "div");
        const Op* powers = division != nullptr ? map_of(division->inputs[0], "exp") : nullptr;
        const Op* shifted = powers != nullptr ? map_of(powers->inputs[0], "sub") : nullptr;
        if (shifted == nullptr || graph_.type(weights).element != ElementType::f32) return false;
        out_.biased = shifted->inputs[0];
        return reduced(division->inputs[1], "sum", division->inputs[0], out_.least_total) &&
               reduced(shifted->inputs[1], "max", out_.biased, out_.least_top);
    }
    [[nodiscard]] bool keeps_rows(ValueId from, ValueId to) const {
        const Shape &a = graph_.type(from).shape, &b = graph_.type(to).shape;
        return a.rank() > 0 && b.rank() > 0 && a.back() == b.back() && a.count() == b.count();
    }
    // The element-wise operators from `value` back to a matmul, which is the last of them; empty where none leads there.
    [[nodiscard]] std::vector<std::uint32_t> chain_to(ValueId value, std::size_t depth) {
        const Op* op = maker(value);
        if (op == nullptr || depth > kLongestChain || !tried_.insert(value).second) return {};
        if (op->is(cards::matmul)) return {makers_[value]};
        if (!op->is(cards::map) && !op->is(cards::cast) && !op->is(cards::reshape)) return {};
        for (const auto id : op->inputs) {
            if (id == kNoValue || !keeps_rows(id, value)) continue;
            auto rest = chain_to(id, depth + 1);
            if (rest.empty()) continue;
            rest.insert(rest.begin(), makers_[value]);
            return rest;
        }
        return {};
    }

    const Graph& graph_;
    const std::vector<std::uint32_t>& makers_;
    Attention out_;
    std::set<ValueId> tried_;  // what leads nowhere is not walked again
};

}  // namespace

std::optional<Attention> attention_before(const Graph& graph, std::uint32_t product,
                                          const std::vector<std::vector<std::uint32_t>>& readers,
                                          const std::vector<std::uint32_t>& makers) {
    auto out = Finder(graph, makers).find(product);
    if (!out) return std::nullopt;
    const auto inside = [&](std::uint32_t op) {
        return std::binary_search(out->members.begin(), out->members.end(), op);
    };
    for (const auto member : out->members) {
        const ValueId made = graph.ops[member].outputs[0];
        const bool returned = std::any_of(graph.outputs.begin(), graph.outputs.end(),
                                          [&](const Port& port) { return port.value == made; });
        const bool stays = !returned && std::all_of(readers[made].begin(), readers[made].end(), inside);
        if (member != product && !stays) return std::nullopt;
    }
    return out;
}

std::optional<Attention> attention_of(const Graph& graph, GroupRange group) {
    const auto& ops = graph.ops;
    if (group.last - group.first < 5 || !ops[group.first].is(cards::matmul) || !ops[group.last - 1].is(cards::matmul))
        return std::nullopt;
    std::vector<std::uint32_t> makers(graph.values.size(), ~std::uint32_t{0});
    for (std::uint32_t i = group.first; i < group.last; ++i) {
        for (const auto id : ops[i].outputs)
            makers[id] = i;
    }
    auto out = Finder(graph, makers).find(group.last - 1);
    const bool whole = out && out->scores == group.first && out->members.size() == group.last - group.first;
    return whole ? out : std::nullopt;
}

}  // namespace shoal::graph
