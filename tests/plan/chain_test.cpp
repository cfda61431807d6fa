// What crosses a cut, what a stage holds, and that stages compose to the graph.
#include "plan/chain.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "graph/builder.hpp"
#include "plan/instances.hpp"
#include "plan/pipeline.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/random.hpp"

using namespace shoal;
using graph::Builder;
using graph::Graph;
using plan::Chain;
using tensor::ElementType;
using tensor::Tensor;

namespace {

Graph with_random_constants(std::mt19937& random, Graph graph) {
    for (auto& value : graph.values) {
        if (value.constant) value.constant->bytes = test::random_tensor(random, value.type, -1, 1).shared_bytes();
    }
    return graph;
}

std::vector<std::uint32_t> random_cuts(std::mt19937& random, std::uint32_t size) {
    std::vector<std::uint32_t> out{0};
    for (std::uint32_t cut = 1; cut < size; ++cut) {
        if (random() % 3 == 0) out.push_back(cut);
    }
    out.push_back(size);
    return out;
}

std::uint64_t bytes_of(const Graph& graph, const std::vector<graph::Port>& ports) {
    std::uint64_t out = 0;
    for (const auto& port : ports)
        out += graph.type(port.value).size_bytes();
    return out;
}

}  // namespace

TEST_CASE("stages made at any cuts compute what the whole graph computes") {
    auto random = test::generator();
    const auto backend = runtime::make_host_backend();
    int skips = 0;
    for (int round = 0; round < 60; ++round) {
        CAPTURE(round);
        const Graph graph = with_random_constants(random, test::random_graph(random, {1 + round % 13}));
        const Chain chain(graph);
        std::vector<Tensor> inputs;
        for (const auto& port : graph.inputs)
            inputs.push_back(test::random_tensor(random, graph.type(port.value)));
        const auto want = run_on_host_tensors(*backend, *backend->compile(graph), inputs);

        std::vector<Tensor> values(graph.values.size());
        for (std::size_t i = 0; i < inputs.size(); ++i)
            values[graph.inputs[i].value] = inputs[i];
        const auto cuts = random_cuts(random, chain.size());
        for (std::size_t s = 0; s + 1 < cuts.size(); ++s) {
            const Graph stage = stage_graph(graph, chain, cuts[s], cuts[s + 1]);
            REQUIRE_NOTHROW(validate(stage));
            CHECK(bytes_of(stage, stage.inputs) == chain.cut_bytes(cuts[s]));
            CHECK(bytes_of(stage, stage.outputs) == chain.cut_bytes(cuts[s + 1]));
            std::vector<Tensor> message;
            for (const auto id : chain.crossing(cuts[s]))
                message.push_back(values[id]);
            if (message.size() > 1) ++skips;
            const auto made = run_on_host_tensors(*backend, *backend->compile(stage), message);
            values.assign(graph.values.size(), Tensor());  // only what was sent is known to the next stage
            for (std::size_t i = 0; i < made.size(); ++i)
                values[chain.crossing(cuts[s + 1])[i]] = made[i];
        }
        for (std::size_t i = 0; i < want.size(); ++i)
            CHECK(test::difference(values[graph.outputs[i].value], want[i]) == "");
    }
    CHECK(skips > 20);
}

TEST_CASE("a residual block: skip connection, late input and early output cross every cut between") {
    Builder builder;
    const auto x = builder.input("x", {ElementType::f32, {1, 13}});
    const auto late = builder.input("late", {ElementType::f32, {1, 13}});
    const auto a = builder.map("relu", {x});       // kernel 0
    const auto b = builder.map("neg", {a});        // kernel 1
    const auto c = builder.map("add", {b, a});     // kernel 2
    const auto d = builder.map("mul", {c, late});  // kernel 3
    builder.output("b", b);
    builder.output("d", d);
    const Graph graph = builder.finish();
    const Chain chain(graph);
    REQUIRE(chain.size() == 4);
    constexpr std::uint64_t kTensor = 13 * 4;
    CHECK(chain.cut_bytes(0) == 2 * kTensor);  // x, late
    CHECK(chain.cut_bytes(1) == 2 * kTensor);  // a, late
    CHECK(chain.cut_bytes(2) == 3 * kTensor);  // a (skip), b, late
    CHECK(chain.cut_bytes(3) == 3 * kTensor);  // c, late, b (output)
    CHECK(chain.cut_bytes(4) == 2 * kTensor);  // b, d
}

TEST_CASE("values inside a fused kernel neither cross nor take memory") {
    Builder builder;
    auto x = builder.input("x", {ElementType::f32, {1, 64}});
    for (int i = 0; i < 4; ++i)
        x = builder.map("relu", {x});
    builder.output("y", x);
    Graph graph = builder.finish();
    const Chain apart(graph, 1);
    CHECK(apart.size() == 4);
    CHECK(apart.arena_bytes(0, 4) == 2 * 256);
    for (auto& op : graph.ops)
        op.group = 7;
    const Chain fused(graph, 1);
    CHECK(fused.size() == 1);
    CHECK(fused.arena_bytes(0, 1) == 0);
}

TEST_CASE("an unused input does not cross, an input handed back does") {
    Builder builder;
    const auto x = builder.input("x", {ElementType::f32, {3}});
    builder.input("unused", {ElementType::f32, {127}});
    builder.output("same", x);
    builder.output("y", builder.map("relu", {x}));
    const Chain chain(builder.finish());
    CHECK(chain.cut_bytes(0) == 12);
    CHECK(chain.cut_bytes(1) == 24);
}

TEST_CASE("a constant of two kernels counts once in a stage that has both") {
    Builder builder;
    const auto x = builder.input("x", {ElementType::f32, {1, 5}});
    const auto w = builder.constant(Tensor(tensor::Type{ElementType::f32, {5, 5}}));
    auto y = builder.matmul(x, w);
    y = builder.map("relu", {y});
    y = builder.matmul(y, w);
    builder.output("y", y);
    const Chain chain(builder.finish());
    std::vector<plan::KernelCost> costs(3);
    costs[0].weight_bytes = costs[2].weight_bytes = 100;
    CHECK(stage_memory(chain, costs, 0, 3, 1).weights == 100);
    CHECK(stage_memory(chain, costs, 0, 2, 1).weights == 100);
    CHECK(stage_memory(chain, costs, 1, 3, 1).weights == 100);
    // Stored in halves, the shared part is halves too; stored wider, only what is surely shared is saved.
    costs[0].weight_bytes = costs[2].weight_bytes = 50;
    CHECK(stage_memory(chain, costs, 0, 3, 1).weights == 50);
    costs[0].weight_bytes = costs[2].weight_bytes = 160;
    CHECK(stage_memory(chain, costs, 0, 3, 1).weights == 220);
}

TEST_CASE("memory of a stage: arena above the live peak, credits multiply messages, workspace is the largest") {
    auto random = test::generator();
    for (int round = 0; round < 40; ++round) {
        CAPTURE(round);
        const Graph graph = test::random_graph(random, {2 + round % 11});
        const Chain chain(graph, 64);
        std::vector<plan::KernelCost> costs(chain.size());
        for (auto& cost : costs)
            cost.workspace_bytes = random() % 1000;
        for (std::uint32_t first = 0; first < chain.size(); ++first) {
            Chain::PeakScan scan(chain, first);
            std::uint64_t before = 0, workspace = 0;
            for (std::uint32_t last = first + 1; last <= chain.size(); ++last) {
                const std::uint64_t peak = scan.extend();
                CHECK(peak >= before);
                CHECK(chain.arena_bytes(first, last) >= peak);
                CHECK(peak >= graph::peak_live_bytes(stage_graph(graph, chain, first, last)));
                workspace = std::max(workspace, costs[last - 1].workspace_bytes);
                const auto memory = stage_memory(chain, costs, first, last, 3);
                CHECK(memory.workspace == workspace);
                CHECK(memory.messages == 3 * (chain.cut_bytes(first) + chain.cut_bytes(last)));
                before = peak;
            }
        }
    }
}
