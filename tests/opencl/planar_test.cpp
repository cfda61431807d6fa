// Convolutions of few channels whose kernel reads planes, against the host's operators in every shape of border.
#include <doctest/doctest.h>

#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "graph/planar_convolution.hpp"
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
