#include <doctest/doctest.h>

#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "opencl/backend.hpp"
#include "support/compare.hpp"
#include "support/opencl.hpp"
#include "support/random.hpp"

using namespace shoal;

namespace {

// A convolution that Winograd's algorithm serves well: 3x3, many channels, many positions.
graph::Graph wide_convolution(std::mt19937& random) {
    graph::Builder builder("wide");
    const auto x = builder.input("x", {tensor::ElementType::f32, tensor::Shape{1, 32, 32, 32}});
    const auto w =
        builder.constant(test::random_tensor(random, {tensor::ElementType::f32, tensor::Shape{64, 3, 3, 32}}, -1, 1));
    graph::Attrs attrs;
    attrs.set("strides", graph::Ints{1, 1});
    attrs.set("dilations", graph::Ints{1, 1});
    attrs.set("pads_begin", graph::Ints{1, 1});
    attrs.set("pads_end", graph::Ints{1, 1});
    attrs.set("groups", std::int64_t{1});
    builder.output("y", builder.add(graph::cards::conv, {x, w}, attrs).front());
    return builder.finish();
}

}  // namespace

TEST_CASE("compact weights take no more memory than the model's own, and give the same within rounding") {
    const auto device = test::device_or_skip();
    if (!device) return;
    auto random = test::generator();
    const auto graph = wide_convolution(random);
    opencl::BackendOptions options;
    options.compact_weights = true;
    const auto compact = opencl::make_backend(*device, options), quick = opencl::make_backend(*device);
    CHECK(compact->device().identity() != quick->device().identity());
    const auto small = compact->compile(graph), large = quick->compile(graph);
    const std::uint64_t own = 64 * 9 * 32 * sizeof(float);
    CHECK(small->memory().weights >= own);
    CHECK(small->memory().weights <= own + own / 8);  // padding to whole panels
    CHECK(small->memory().weights <= large->memory().weights);
    const std::vector<tensor::Tensor> inputs{test::random_tensor(random, graph.type(graph.inputs[0].value), -1, 1)};
    const auto a = run_on_host_tensors(*compact, *small, inputs), b = run_on_host_tensors(*quick, *large, inputs);
    CHECK(test::difference(a[0], b[0], {1e-5, 1e-5}) == "");
}
