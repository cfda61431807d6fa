// Whole graphs divided along every axis that allows it: the shards, run on the host backend in uneven shares and put
// together, give the same bytes as the graph in one piece.
#include <doctest/doctest.h>

#include <optional>

#include "graph/cards.hpp"
#include "graph/shard.hpp"
#include "runtime/host_backend.hpp"
#include "support/networks.hpp"
#include "support/random_operators.hpp"
#include "support/shares.hpp"

using namespace shoal;
using tensor::Tensor;

namespace {

std::vector<Tensor> run(runtime::Backend& backend, const graph::Graph& graph, const std::vector<Tensor>& inputs) {
    graph::validate(graph);
    return runtime::run_on_host_tensors(backend, *backend.compile(graph), inputs);
}

// The shard, or nothing where some operator divides only at coarser steps than these.
std::optional<graph::GraphShard> try_shard(const graph::Graph& graph, int axis, std::int64_t begin, std::int64_t end) {
    try {
        return graph::shard(graph, axis, begin, end);
    } catch (const base::Error& error) {
        REQUIRE(error.code() == base::Code::unsupported);
        return std::nullopt;
    }
}

// How many axes of the outputs were divided.
int check_axes(runtime::Backend& backend, const graph::Graph& graph, const std::vector<Tensor>& inputs,
               std::mt19937& random) {
    const auto whole = run(backend, graph, inputs);
    int checked = 0;
    for (int axis = 0; axis < whole[0].shape().rank(); ++axis) {
        if (!graph::can_shard(graph, axis)) continue;
        CAPTURE(axis);
        const auto at = test::uneven_shares(random, whole[0].shape()[axis]);
        CAPTURE(at);
        std::vector<std::vector<Tensor>> parts(whole.size());
        bool divides = true;
        for (std::size_t n = 0; divides && n + 1 < at.size(); ++n) {
            const auto part = try_shard(graph, axis, at[n], at[n + 1]);
            divides = part.has_value();
            if (!divides) break;
            std::vector<Tensor> slices;
            for (std::size_t i = 0; i < inputs.size(); ++i)
                slices.push_back(test::cut(inputs[i], part->inputs[i].slice));
            const auto results = run(backend, part->graph, slices);
            for (std::size_t i = 0; i < results.size(); ++i)
                parts[i].push_back(results[i]);
        }
        if (!divides) continue;
        for (std::size_t i = 0; i < whole.size(); ++i)
            CHECK_EQ(test::byte_difference(test::concatenated(parts[i], axis), whole[i]), "");
        ++checked;
    }
    return checked;
}

}  // namespace

TEST_CASE("every operator as a graph, divided along every axis") {
    const auto backend = runtime::make_host_backend();
    auto random = test::generator();
    int axes = 0;
    for (const auto& sample : test::operator_samples()) {
        CAPTURE(sample.name);
        axes += check_axes(*backend, sample.graph, sample.inputs(random), random);
    }
    CHECK(axes > 150);
}

TEST_CASE("random operators of every card as graphs, divided along every axis") {
    constexpr int kEach = 40;
    const auto backend = runtime::make_host_backend();
    auto random = test::generator();
    int axes = 0;
    for (const graph::Card* card : graph::all_cards()) {
        for (int i = 0; i < kEach; ++i) {
            const auto sample = test::random_operator(*card, random);
            CAPTURE(to_string(sample.graph));
            axes += check_axes(*backend, sample.graph, sample.inputs(random), random);
        }
    }
    CHECK(axes > 19 * kEach / 2);
}

TEST_CASE("networks, divided along every axis that all of their operators allow") {
    const auto backend = runtime::make_host_backend();
    auto random = test::generator();
    int axes = 0;
    for (const auto& network : test::networks()) {
        CAPTURE(network.name);
        axes += check_axes(*backend, network.graph, network.inputs(random), random);
    }
    CHECK(axes > 10);
}
