// The split algebra, held for every card and every axis it says can be split: running the shards on their slices and
// merging gives what the whole operator gives. Shares are uneven on purpose; what is
// concatenated has the same bytes.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "graph/cards/support.hpp"
#include "support/compare.hpp"
#include "support/random_operators.hpp"
#include "support/shares.hpp"

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

void check_split(const graph::Op& op, const graph::Graph& graph, const graph::SplitAxis& split,
                 const std::vector<const Tensor*>& inputs, const std::vector<Tensor>& whole,
                 const std::vector<std::int64_t>& at) {
    const auto signature = graph::signature(graph, op);
    std::vector<std::vector<Tensor>> parts(whole.size());
    for (std::size_t n = 0; n + 1 < at.size(); ++n) {
        const auto shard = op.card->shard(signature, split, at[n], at[n + 1]);
        REQUIRE(shard.inputs.size() == inputs.size());
        std::vector<Tensor> slices;
        std::vector<const Tensor*> pointers;
        slices.reserve(inputs.size());
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (inputs[i] != nullptr) slices.push_back(test::cut(*inputs[i], shard.inputs[i]));
            pointers.push_back(inputs[i] != nullptr ? &slices.back() : nullptr);
        }
        const auto results = evaluate(*op.card, shard.attrs, pointers);
        for (std::size_t i = 0; i < results.size(); ++i)
            parts[i].push_back(results[i]);
    }
    for (std::size_t i = 0; i < whole.size(); ++i) {
        if (split.merge == Merge::concat) {
            CHECK_EQ(test::byte_difference(test::concatenated(parts[i], split.output_axes.at(i)), whole[i]), "");
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

namespace {

// Holds every split of a sample, in uneven shares; returns how many there are.
int check_splits(const test::Sample& sample, std::mt19937& random, int times_each) {
    CAPTURE(sample.name);
    CAPTURE(to_string(sample.graph));
    const auto tensors = sample.inputs(random);
    const graph::Op& op = sample.graph.ops.at(0);
    std::vector<const Tensor*> inputs;
    std::size_t next = 0;
    for (const auto id : op.inputs)
        inputs.push_back(id == graph::kNoValue ? nullptr : &tensors[next++]);
    const auto whole = evaluate(*op.card, op.attrs, inputs);
    const auto splits = op.card->splits(graph::signature(sample.graph, op));
    for (const auto& split : splits) {
        CAPTURE(split.name);
        for (int times = 0; times < times_each; ++times) {
            const auto at = test::uneven_shares(random, split.extent, split.granule);
            CAPTURE(at);
            check_split(op, sample.graph, split, inputs, whole, at);
        }
    }
    return static_cast<int>(splits.size());
}

}  // namespace

TEST_CASE("every split of every operator gives the whole's result") {
    auto random = test::generator();
    int splits = 0;
    for (const auto& sample : test::operator_samples())
        splits += check_splits(sample, random, 3);
    CHECK(splits > 150);
}

TEST_CASE("and of random ones of every card") {
    constexpr int kEach = 100;
    auto random = test::generator();
    for (const graph::Card* card : graph::all_cards()) {
        CAPTURE(card->name);
        int splits = 0;
        for (int i = 0; i < kEach; ++i)
            splits += check_splits(test::random_operator(*card, random), random, 1);
        CHECK(splits > kEach / 2);
    }
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
