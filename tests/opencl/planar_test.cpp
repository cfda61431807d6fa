// Convolutions of few channels whose kernel reads planes, against the host's operators in every shape of border.
#include <doctest/doctest.h>

#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "graph/planar_convolution.hpp"
#include "graph/shard.hpp"
#include "opencl/backend.hpp"
#include "opencl/emit/emitter.hpp"
#include "opencl/executable.hpp"
#include "opencl/tune.hpp"
#include "optimize/optimize.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/device_under_test.hpp"
#include "support/random.hpp"

using namespace shoal;
using graph::Ints;
using tensor::ElementType;
using tensor::Shape;
using tensor::Type;

namespace {

struct Case {
    Ints x;        // [N, C, D1..Dr]
    Ints kernel;   // D1..Dr
    std::int64_t outputs;
    Ints strides, dilations, before, after;
    bool convolution_pads = false;  // rather than an operator of its own
    bool epilogue = true;
};

graph::Graph graph_of(const Case& c, const tensor::Tensor& weights, const tensor::Tensor& bias) {
    graph::Builder builder("planes");
    const auto planes = builder.input("x", {ElementType::f32, Shape(c.x)});
    Ints perm{0};
    for (std::size_t k = 2; k < c.x.size(); ++k)
        perm.push_back(static_cast<std::int64_t>(k));
    perm.push_back(1);
    auto x = builder.transpose(planes, perm);
    const Ints none(c.kernel.size(), 0);
    if (!c.convolution_pads && (c.before != none || c.after != none)) {
        Ints before{0}, after{0};
        before.insert(before.end(), c.before.begin(), c.before.end());
        after.insert(after.end(), c.after.begin(), c.after.end());
        before.push_back(0);
        after.push_back(0);
        x = builder.pad(x, before, after);
    }
    graph::Attrs attrs{{"strides", c.strides},
                       {"dilations", c.dilations},
                       {"pads_begin", c.convolution_pads ? c.before : none},
                       {"pads_end", c.convolution_pads ? c.after : none},
                       {"groups", std::int64_t{1}}};
    auto y = builder.add(graph::cards::conv, {x, builder.constant(weights)}, std::move(attrs))[0];
    if (c.epilogue) y = builder.map("tanh", {builder.map("add", {y, builder.constant(bias)})});
    builder.output("y", y);
    return optimize::optimize(builder.finish());
}

void check_as_on_host(runtime::Backend& backend, const graph::Graph& graph) {
    CAPTURE(graph::to_string(graph));
    const auto host = runtime::make_host_backend();
    auto random = test::generator();
    std::vector<tensor::Tensor> inputs;
    for (const auto& port : graph.inputs)
        inputs.push_back(test::random_tensor(random, graph.type(port.value), -1, 1));
    const auto got = runtime::run_on_host_tensors(backend, *backend.compile(graph), inputs);
    const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
    CHECK_EQ(test::difference(got.at(0), want.at(0), {1e-4, 1e-5}), "");
}

graph::Attrs plain_window(std::int64_t pad = 0) {
    return {{"strides", Ints{1, 1}},
            {"dilations", Ints{1, 1}},
            {"pads_begin", Ints{pad, pad}},
            {"pads_end", Ints{pad, pad}},
            {"groups", std::int64_t{1}}};
}

}  // namespace

TEST_CASE("a convolution reads planes as it would read rows, at every border") {
    SHOAL_NEEDS_DEVICE(backend);
    const auto host = runtime::make_host_backend();
    auto random = test::generator();
    const std::vector<Case> cases{
        {{1, 3, 19, 23}, {3, 3}, 16, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
        {{2, 3, 31, 29}, {7, 7}, 64, {2, 2}, {1, 1}, {3, 3}, {3, 3}},
        {{1, 1, 8, 8}, {3, 3}, 24, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
        {{1, 4, 9, 40}, {1, 5}, 35, {1, 3}, {1, 1}, {0, 2}, {0, 4}},
        {{1, 2, 17, 18}, {3, 2}, 100, {1, 1}, {2, 3}, {4, 3}, {0, 1}, true},  // dilated, with pads of its own
        {{3, 3, 12, 11}, {3, 3}, 32, {2, 2}, {1, 1}, {0, 0}, {0, 0}, false, false},
        {{1, 2, 57}, {10}, 20, {5}, {1}, {4}, {5}},                           // one axis: sound
        {{1, 3, 4, 2}, {3, 3}, 17, {1, 1}, {1, 1}, {1, 1}, {1, 1}},          // narrower than any tile
        {{1, 3, 6, 6}, {5, 5}, 16, {3, 3}, {1, 1}, {6, 6}, {6, 6}},          // tiles that lie in the padding whole
        {{1, 1, 300}, {251}, 16, {1}, {1}, {125}, {125}},                    // taps too many to be unrolled
        {{1, 3, 8, 8}, {2, 3}, 16, {1, 1}, {1, 1 << 22}, {0, 1 << 22}, {1, 1 << 22}, true},  // too far apart for a stack
    };
    for (const Case& c : cases) {
        Ints w{c.outputs};
        w.insert(w.end(), c.kernel.begin(), c.kernel.end());
        w.push_back(c.x[1]);
        const auto weights = test::random_tensor(random, {ElementType::f32, Shape(w)}, -1, 1);
        const auto bias = test::random_tensor(random, {ElementType::f32, Shape{c.outputs}}, -1, 1);
        const auto graph = graph_of(c, weights, bias);
        CAPTURE(graph::to_string(graph));
        const auto groups = graph::groups(graph);
        REQUIRE(graph::planar_convolution_of(graph, groups.back()));  // behind a reshape, where there is one channel
        const auto input = test::random_tensor(random, {ElementType::f32, Shape(c.x)}, -1, 1);
        const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), std::vector{input}).at(0);
        auto ways = opencl::variants(*backend, graph, groups.back());
        ways.insert(ways.begin(), "");  // the usual one
        for (const auto& way : ways) {
            CAPTURE(way);
            std::vector<std::string> wanted(groups.size());
            wanted.back() = way;
            const auto executable = opencl::make_executable(opencl::open_device_of(*backend), graph, wanted);
            const auto got = runtime::run_on_host_tensors(*backend, *executable, std::vector{input}).at(0);
            CHECK_EQ(test::difference(got, want, {1e-4, 1e-5}), "");
        }
    }
}

TEST_CASE("weights that are no constants, planes without elements, and a picture that is its own weights") {
    SHOAL_NEEDS_DEVICE(backend);
    const auto build = [](const Shape& planes, const Shape& weights) {
        graph::Builder builder("planes");
        const auto rows = builder.transpose(builder.input("x", {ElementType::f32, planes}), {0, 2, 3, 1});
        const auto w = weights.rank() == 0 ? rows : builder.input("w", {ElementType::f32, weights});
        builder.output("y", builder.add(graph::cards::conv, {rows, w}, plain_window())[0]);
        return optimize::optimize(builder.finish());
    };
    check_as_on_host(*backend, build(Shape{2, 3, 9, 10}, Shape{20, 3, 3, 3}));
    check_as_on_host(*backend, build(Shape{1, 0, 9, 10}, Shape{16, 3, 3, 0}));
    check_as_on_host(*backend, build(Shape{16, 3, 8, 8}, Shape{}));
}

TEST_CASE("a kernel group that reads its moved picture twice, as no optimiser makes it") {
    SHOAL_NEEDS_DEVICE(backend);
    graph::Builder builder("planes");
    const auto rows = builder.transpose(builder.input("x", {ElementType::f32, Shape{1, 3, 8, 8}}), {0, 2, 3, 1});
    const auto w = builder.input("w", {ElementType::f32, Shape{3, 3, 3, 3}});
    const auto y = builder.add(graph::cards::conv, {builder.pad(rows, {0, 1, 1, 0}, {0, 1, 1, 0}), w}, plain_window())[0];
    builder.output("y", builder.map("add", {y, rows}));
    auto graph = builder.finish();
    for (auto& op : graph.ops)
        op.group = 0;
    check_as_on_host(*backend, graph);
}

TEST_CASE("parts of the rows agree with the whole") {
    SHOAL_NEEDS_DEVICE(backend);
    auto random = test::generator();
    const Case c{{1, 3, 20, 21}, {3, 3}, 16, {2, 2}, {1, 1}, {1, 1}, {1, 1}};
    const auto graph = graph_of(c, test::random_tensor(random, {ElementType::f32, Shape{16, 3, 3, 3}}, -1, 1),
                                test::random_tensor(random, {ElementType::f32, Shape{16}}, -1, 1));
    for (const auto& [begin, end] : {std::pair{0, 1}, {1, 7}, {7, 10}}) {
        const auto part = graph::shard(graph, 1, begin, end).graph;
        CHECK(graph::planar_convolution_of(part, graph::groups(part).front()));
        check_as_on_host(*backend, part);
    }
}
