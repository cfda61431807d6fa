// Shapes and values at the edges of what the kernels are written for.
#include <doctest/doctest.h>

#include <limits>

#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "opencl/emit/emitter.hpp"
#include "optimize/optimize.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/device_under_test.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"

using namespace shoal;
using graph::Attrs;
using graph::Builder;
using graph::Ints;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;
using tensor::Type;

namespace {

void check_as_on_host(runtime::Backend& backend, const graph::Graph& graph, const std::vector<Tensor>& inputs) {
    const auto host = runtime::make_host_backend();
    const auto got = runtime::run_on_host_tensors(backend, *backend.compile(graph), inputs);
    const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        CHECK_EQ(test::difference(got[i], want[i], {2e-5, 2e-6}), "");
}

Attrs points(std::size_t axes) {
    return {{"strides", Ints(axes, 1)},
            {"dilations", Ints(axes, 1)},
            {"pads_begin", Ints(axes, 0)},
            {"pads_end", Ints(axes, 0)}};
}

}  // namespace

TEST_CASE("a depthwise convolution of single points in three axes makes every line") {
    SHOAL_NEEDS_DEVICE(backend);
    auto random = test::generator();
    Builder builder("points");
    const Type type{ElementType::f32, Shape{1, 3, 4, 5, 32}};
    const auto x = builder.input("x", type);
    const auto w = builder.constant(test::random_tensor(random, {ElementType::f32, Shape{32, 1, 1, 1, 1}}));
    builder.output("y", builder.add(graph::cards::conv, {x, w}, points(3).set("groups", std::int64_t{32}))[0]);
    check_as_on_host(*backend, builder.finish(), {test::random_tensor(random, type)});
}

TEST_CASE("two reductions over different domains meet in one value") {
    SHOAL_NEEDS_DEVICE(backend);
    auto random = test::generator();
    Builder builder("mean");
    const Type few{ElementType::f32, Shape{3}}, many{ElementType::f32, Shape{3, 5, 41}};
    const auto a = builder.input("a", few), b = builder.input("b", many);
    const auto top = builder.reshape(builder.reduce("sum", a, {0}), Shape{});
    const auto bottom = builder.reshape(builder.reduce("sum", b, {0, 1, 2}), Shape{});
    builder.output("y", builder.map("div", {top, bottom}));
    const auto graph = optimize::optimize(builder.finish());
    check_as_on_host(*backend, graph, {test::random_tensor(random, few), test::random_tensor(random, many, 1, 2)});
}

TEST_CASE("reductions over an axis without elements give what they start from") {
    SHOAL_NEEDS_DEVICE(backend);
    Builder builder("nothing");
    const Type none{ElementType::f32, Shape{2, 0, 4}};
    const auto x = builder.input("x", none);
    for (const auto fn : {"sum", "product", "max", "min"})
        builder.output(fn, builder.reduce(fn, builder.map("exp", {x}), {1}));
    check_as_on_host(*backend, optimize::optimize(builder.finish()), {Tensor(none)});
}

TEST_CASE("4-bit results fill their bytes and nothing behind them") {
    SHOAL_NEEDS_DEVICE(backend);
    auto random = test::generator();
    Builder builder("nibbles");
    const Type reals{ElementType::f32, Shape{3, 13}};
    const auto x = builder.input("x", reals);
    std::vector<Tensor> inputs{test::random_tensor(random, reals, -9, 17)};
    for (const auto nibble : {ElementType::i4, ElementType::u4}) {
        const std::string name(tensor::name(nibble));
        builder.output("to " + name, builder.cast(x, nibble));
        const Type type{nibble, Shape{5, 3}};
        builder.output("turned " + name, builder.transpose(builder.input("given " + name, type), {1, 0}));
        inputs.push_back(test::random_tensor(random, type, 0, 7));
    }
    check_as_on_host(*backend, builder.finish(), inputs);
}

TEST_CASE("a pool of few positions is shared by its channels") {
    SHOAL_NEEDS_DEVICE(backend);
    device::DeviceInfo device;
    device.f32_vector_width = 8;
    device.compute_units = 4;
    auto random = test::generator();
    for (const std::int64_t channels : {16, 37, 64, 131, 1000}) {
        for (const std::int64_t images : {1, 3}) {
            CAPTURE(channels);
            CAPTURE(images);
            Builder builder("pools");
            const Type type{ElementType::f32, Shape{images, 7, 5, channels}};
            const auto x = builder.input("x", type);
            for (const char* fn : {"max", "sum"}) {
                builder.output(fn, builder.add(graph::cards::pool, {x},
                                               points(2).set("kernel", Ints{7, 5}).set("fn", std::string(fn)))[0]);
            }
            const auto graph = builder.finish();
            std::size_t items = 1;
            const auto emission = opencl::emit(graph, device);
            for (const auto extent : emission.groups.at(0).launches.at(0).global)
                items *= extent;
            CHECK(items >= (channels >= 64 ? 8 : 2));
            check_as_on_host(*backend, graph, {test::random_tensor(random, type)});
        }
    }
}

TEST_CASE("NaN goes through maxima and minima, whatever the kernel") {
    SHOAL_NEEDS_DEVICE(backend);
    Builder builder("extremes");
    const Type type{ElementType::f32, Shape{1, 6, 33}};
    const auto x = builder.input("x", type);
    for (const char* fn : {"max", "min"}) {
        builder.output(std::string(fn) + " of rows", builder.reduce(fn, x, {2}));
        builder.output(std::string(fn) + " of columns", builder.reduce(fn, x, {1}));
    }
    builder.output("pooled", builder.add(graph::cards::pool, {x},
                                         points(1).set("kernel", Ints{2}).set("fn", std::string("max")))[0]);
    auto random = test::generator();
    auto values = tensor::to_doubles(test::random_tensor(random, type));
    for (std::size_t i = 0; i < values.size(); i += 41)
        values[i] = std::numeric_limits<double>::quiet_NaN();
    check_as_on_host(*backend, builder.finish(), {tensor::from_doubles(ElementType::f32, type.shape, values)});
}

TEST_CASE("more elements than kernels can count are refused by name, before any memory is taken") {
    SHOAL_NEEDS_DEVICE(backend);
    Builder builder("wide");
    const auto x = builder.input("x", {ElementType::u8, Shape{1, 1}});
    builder.output("y", builder.map("add", {builder.expand(x, Shape{65536, 65536}), x}));
    const auto graph = builder.finish();
    CHECK(test::code_of([&] { (void)backend->compile(graph); }) == base::Code::unsupported);
}
