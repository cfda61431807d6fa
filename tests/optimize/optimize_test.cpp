#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "graph/cards.hpp"
#include "optimize/optimize.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/networks.hpp"

using namespace shoal;
using graph::Graph;
namespace cards = graph::cards;

namespace {

long count(const Graph& graph, const graph::Card& card) {
    return std::count_if(graph.ops.begin(), graph.ops.end(), [&](const graph::Op& op) { return op.is(card); });
}

std::vector<tensor::Tensor> run(const Graph& graph, const std::vector<tensor::Tensor>& inputs) {
    const auto host = runtime::make_host_backend();
    return runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
}

void check_same_results(const test::Network& network, const Graph& optimised) {
    auto random = test::generator();
    const auto inputs = network.inputs(random);
    const auto got = run(optimised, inputs), want = run(network.graph, inputs);
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        CHECK_EQ(test::difference(got[i], want[i], {1e-4, 1e-5}), "");
}

}  // namespace

TEST_CASE("every pass and all together keep a network's results and make a valid graph") {
    for (const auto& network : test::networks()) {
        CAPTURE(network.name);
        const auto passes = std::to_array<Graph (*)(const Graph&)>(
            {optimize::share_equal, optimize::sink_transposes, optimize::fold_scales, optimize::pad_few_channels,
             optimize::fuse, [](const Graph& graph) { return optimize::optimize(graph); }});
        for (const auto pass : passes) {
            const Graph out = pass(network.graph);
            CHECK_NOTHROW(graph::validate(out));
            REQUIRE(out.inputs.size() == network.graph.inputs.size());
            check_same_results(network, out);
        }
    }
}

TEST_CASE("a residual block keeps only the transposes at its ends, and each convolution is one kernel") {
    const Graph out = optimize::optimize(test::residual_block().graph);
    CHECK(count(out, cards::transpose) == 2);
    CHECK(count(out, cards::conv) == 3);
    CHECK(graph::groups(out).size() == 4);  // three convolutions, the first of planes, and the way back into planes
}

TEST_CASE("batch normalisation disappears into the weights and one addition") {
    const Graph out = optimize::optimize(test::residual_block().graph);
    const auto maps = [&](const char* fn) {
        return std::count_if(out.ops.begin(), out.ops.end(),
                             [&](const graph::Op& op) { return op.is(cards::map) && op.attrs.text("fn") == fn; });
    };
    CHECK(maps("mul") == 0);
    CHECK(maps("add") == 4);  // three biases and the residual
}

TEST_CASE("a channel shuffle stays channels-last") {
    const Graph out = optimize::optimize(test::channel_shuffle().graph);
    // The one at the input, the shuffle itself, the one at the output.
    CHECK(count(out, cards::transpose) == 3);
}

TEST_CASE("softmax and layer normalisation are one kernel each") {
    CHECK(graph::groups(optimize::optimize(test::layer_norm().graph)).size() == 1);
    const Graph out = optimize::optimize(test::classifier().graph);
    const auto range = graph::groups(out).back();
    CHECK(range.last - range.first == 5);  // max, sub, exp, sum, div
}

TEST_CASE("a contraction takes what follows it through branches, up to where one value is left") {
    CHECK(graph::groups(optimize::optimize(test::gelu().graph)).size() == 2);  // two products
    const Graph out = optimize::optimize(test::depthwise_chain().graph);
    CHECK(graph::groups(out).size() == 7);  // six convolutions, the first of planes, and a transpose at the end
}

TEST_CASE("a contraction leaves alone what others read too, or what circles back to it") {
    graph::Builder builder;
    const auto x = builder.input("x", {tensor::ElementType::f32, {4, 5}});
    const auto w = builder.input("w", {tensor::ElementType::f32, {5, 5}});
    const auto y = builder.matmul(x, w), gate = builder.map("sigmoid", {y});
    builder.output("gated", builder.map("mul", {builder.matmul(y, w), gate}));
    const Graph out = optimize::optimize(builder.finish());
    CHECK_NOTHROW(graph::validate(out));
    const auto groups = graph::groups(out);
    CHECK(groups[0].last - groups[0].first == 1);  // y, which the other product reads
}

TEST_CASE("a gate is computed once for each channel, not for each element that it scales") {
    const Graph out = optimize::optimize(test::squeeze_excite().graph);
    for (const auto& group : graph::groups(out)) {
        bool sigmoid = false, full_size = false;
        for (auto i = group.first; i < group.last; ++i) {
            sigmoid = sigmoid || (out.ops[i].is(cards::map) && out.ops[i].attrs.text("fn") == "sigmoid");
            full_size = full_size || out.type(out.ops[i].outputs[0]).shape.count() > 2 * 24;
        }
        CHECK_FALSE((sigmoid && full_size));
    }
}

TEST_CASE("a picture is padded while its layout changes") {
    const Graph out = optimize::optimize(test::picture().graph);
    const auto groups = graph::groups(out);
    CHECK(groups.size() == 4);  // into channels-last with all padding, two convolutions, back
    CHECK(count(out, cards::pad) == 2);
    for (auto i = groups[0].first; i < groups[0].last; ++i)
        CHECK_FALSE(out.ops[i].is(cards::conv));
}

TEST_CASE("what is returned is never swallowed by a kernel") {
    graph::Builder builder;
    const auto x = builder.input("x", {tensor::ElementType::f32, {4, 5}});
    const auto a = builder.map("exp", {x}), b = builder.map("neg", {a});
    builder.output("a", a);
    builder.output("b", b);
    const Graph graph = builder.finish();
    const Graph out = optimize::optimize(graph);
    CHECK_NOTHROW(graph::validate(out));
    auto random = test::generator();
    const std::vector inputs{test::random_tensor(random, {tensor::ElementType::f32, {4, 5}})};
    const auto got = run(out, inputs), want = run(graph, inputs);
    CHECK_EQ(test::difference(got[0], want[0]), "");
    CHECK_EQ(test::difference(got[1], want[1]), "");
}

TEST_CASE("equal operators on equal values are computed once") {
    graph::Builder builder;
    const auto x = builder.input("x", {tensor::ElementType::f32, {3}});
    const auto a = builder.map("exp", {x}), b = builder.map("exp", {x});
    builder.output("y", builder.map("add", {a, b}));
    CHECK(optimize::share_equal(builder.finish()).ops.size() == 2);
}

TEST_CASE("operators whose attributes differ in the last digit stay two") {
    const auto kept = [](double a, double b) {
        graph::Builder builder;
        const auto x = builder.input("x", {tensor::ElementType::f64, {1}});
        builder.output("a", builder.pad(x, {0}, {1}, "constant", a));
        builder.output("b", builder.pad(x, {0}, {1}, "constant", b));
        return optimize::share_equal(builder.finish()).ops.size();
    };
    CHECK(kept(1000001, 1000001) == 1);
    CHECK(kept(1000000, 1000001) == 2);
    CHECK(kept(50256003, 50256004) == 2);
    CHECK(kept(0.1, std::nextafter(0.1, 1)) == 2);
    CHECK(kept(0.0, -0.0) == 2);
}
