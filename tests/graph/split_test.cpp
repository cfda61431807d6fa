// The split algebra, held for every card and every axis it says can be split: running the shards on their slices and
// merging gives what the whole operator gives. Shares are uneven on purpose.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "graph/cards/support.hpp"
#include "support/compare.hpp"
#include "support/samples.hpp"

using namespace shoal;
using graph::InputSlice;
using graph::Merge;
using tensor::Tensor;

namespace {

std::vector<Tensor> evaluate(const graph::Card& card, const graph::Attrs& attrs,
                             const std::vector<const Tensor*>& inputs) {
    graph::Signature signature{attrs, {}, {}};
    for (const Tensor* input : inputs)
        signature.inputs.push_back(input != nullptr ? &input->type() : nullptr);
    const auto types = card.infer(signature);
    std::vector<Tensor> out(types.begin(), types.end());
    for (const auto& type : types)
        signature.outputs.push_back(&type);
    card.evaluate(signature, inputs, out);
    return out;
}

Tensor cut(const Tensor& whole, const InputSlice& slice) {
    if (slice.axis < 0) return whole;
    REQUIRE(slice.axis < whole.shape().rank());
    REQUIRE(slice.begin >= 0);
    REQUIRE(slice.begin <= slice.end);
    REQUIRE(slice.end <= whole.shape()[slice.axis]);
    const auto strides = tensor::strides(whole.shape());
    const auto size = static_cast<std::size_t>(tensor::bits(whole.element()) / 8);
    Tensor out(tensor::Type{whole.element(), whole.shape().with(slice.axis, slice.end - slice.begin)});
    if (out.count() == 0) return out;
    graph::copy_strided(
        out.edit().data(), tensor::strides(out.shape()),
        whole.bytes().data() +
            static_cast<std::size_t>(slice.begin * strides[static_cast<std::size_t>(slice.axis)]) * size,
        strides, out.shape(), size);
    return out;
}

void merge_into(std::vector<double>& total, const std::vector<double>& part, Merge merge) {
    for (std::size_t i = 0; i < total.size(); ++i) {
        switch (merge) {
            case Merge::sum: total[i] += part[i]; break;
            case Merge::product: total[i] *= part[i]; break;
            case Merge::max: total[i] = std::max(total[i], part[i]); break;
            case Merge::min: total[i] = std::min(total[i], part[i]); break;
            case Merge::concat: break;
        }
    }
}

Tensor concatenated(const std::vector<Tensor>& parts, int axis) {
    std::vector<const Tensor*> pointers;
    for (const auto& part : parts)
        pointers.push_back(&part);
    return evaluate(*graph::find_card("concat"), {{"axis", std::int64_t{axis}}}, pointers)[0];
}

// Shares of about a fifth, a half and the rest, in granules.
std::vector<std::int64_t> cuts(const graph::SplitAxis& split) {
    const std::int64_t units = (split.extent + split.granule - 1) / split.granule;
    std::set<std::int64_t> at{0, units};
    at.insert(std::clamp<std::int64_t>(units / 5, 1, units));
    at.insert(std::clamp<std::int64_t>(units * 7 / 10, 1, units));
    std::vector<std::int64_t> out;
    for (const auto unit : at)
        out.push_back(std::min(unit * split.granule, split.extent));
    return out;
}

void check_split(const graph::Op& op, const graph::Graph& graph, const graph::SplitAxis& split,
                 const std::vector<const Tensor*>& inputs, const std::vector<Tensor>& whole) {
    const auto signature = graph::signature(graph, op);
    std::vector<std::vector<Tensor>> parts(whole.size());
    const auto at = cuts(split);
    for (std::size_t n = 0; n + 1 < at.size(); ++n) {
        const auto shard = op.card->shard(signature, split, at[n], at[n + 1]);
        REQUIRE(shard.inputs.size() == inputs.size());
        std::vector<Tensor> slices;
        std::vector<const Tensor*> pointers;
        slices.reserve(inputs.size());
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (inputs[i] != nullptr) slices.push_back(cut(*inputs[i], shard.inputs[i]));
            pointers.push_back(inputs[i] != nullptr ? &slices.back() : nullptr);
        }
        const auto results = evaluate(*op.card, shard.attrs, pointers);
        for (std::size_t i = 0; i < results.size(); ++i)
            parts[i].push_back(results[i]);
    }
    for (std::size_t i = 0; i < whole.size(); ++i) {
        if (split.merge == Merge::concat) {
            CHECK_EQ(test::difference(concatenated(parts[i], split.output_axes.at(i)), whole[i]), "");
            continue;
        }
        auto total = tensor::to_doubles(parts[i][0]);
        for (std::size_t n = 1; n < parts[i].size(); ++n)
            merge_into(total, tensor::to_doubles(parts[i][n]), split.merge);
        const auto merged = tensor::from_doubles(whole[i].element(), whole[i].shape(), total);
        CHECK_EQ(test::difference(merged, whole[i], {1e-5, 1e-6}), "");
    }
}

}  // namespace

TEST_CASE("every split of every operator gives the whole's result") {
    auto random = test::generator();
    int splits = 0;
    for (const auto& sample : test::operator_samples()) {
        CAPTURE(sample.name);
        const auto tensors = sample.inputs(random);
        const graph::Op& op = sample.graph.ops.at(0);
        std::vector<const Tensor*> inputs;
        std::size_t next = 0;
        for (const auto id : op.inputs)
            inputs.push_back(id == graph::kNoValue ? nullptr : &tensors[next++]);
        const auto whole = evaluate(*op.card, op.attrs, inputs);
        for (const auto& split : op.card->splits(graph::signature(sample.graph, op))) {
            CAPTURE(split.name);
            check_split(op, sample.graph, split, inputs, whole);
            ++splits;
        }
    }
    CHECK(splits > 150);
}

TEST_CASE("every card has a sample") {
    std::set<std::string_view> seen;
    for (const auto& sample : test::operator_samples())
        seen.insert(sample.graph.ops.at(0).card->name);
    for (const graph::Card* card : graph::all_cards()) {
        CAPTURE(card->name);
        CHECK(seen.count(card->name) == 1);
    }
}
