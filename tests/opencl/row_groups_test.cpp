// Reductions whose rows are shared by a work-group, whatever the device is, in odd shapes, against loops in double.
#include <doctest/doctest.h>

#include <limits>

#include "graph/builder.hpp"
#include "opencl/emit/emitter.hpp"
#include "optimize/optimize.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/device_under_test.hpp"
#include "support/random.hpp"

using namespace shoal;
using graph::Builder;
using graph::Ints;
using graph::ValueId;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;

namespace {

std::shared_ptr<runtime::Backend> gpu_class() {
    return test::device_under_test(opencl::Dispatch::automatic, device::KernelClass::gpu);
}

struct Rows {
    Shape shape;
    Ints axes;  // folded
};

// Rows shorter and longer than a group, more and fewer than fill one; folded axes inside, outside and between.
std::vector<Rows> rows() {
    return {{{5, 7}, {1}},    {{3, 1000}, {1}},        {{1, 4099}, {1}},        {{131, 17}, {1}},
            {{257, 33}, {1}}, {{2, 3, 5, 67}, {3}},    {{1, 49, 35}, {1}},      {{2, 130, 19}, {1}},
            {{300, 3}, {0}},  {{1, 7, 9, 21}, {1, 2}}, {{4, 6, 5, 11}, {0, 2}}, {{3, 4, 5, 6}, {0, 1, 2, 3}},
            {{64, 16}, {1}},  {{6, 1, 16, 1}, {2, 3}}};
}

ValueId softmax(Builder& builder, ValueId x, const Ints& axes) {
    const auto shifted = builder.map("sub", {x, builder.reduce("max", x, axes)});
    const auto exponents = builder.map("exp", {shifted});
    return builder.map("div", {exponents, builder.reduce("sum", exponents, axes)});
}

ValueId normalised(Builder& builder, ValueId x, const Ints& axes, ElementType element) {
    double count = 1;
    for (const auto axis : axes)
        count *= static_cast<double>(builder.shape(x)[static_cast<int>(axis)]);
    const auto scaled = [&](ValueId sum) { return builder.map("div", {sum, builder.scalar(element, count)}); };
    const auto centred = builder.map("sub", {x, scaled(builder.reduce("sum", x, axes))});
    const auto variance = scaled(builder.reduce("sum", builder.map("mul", {centred, centred}), axes));
    const auto root = builder.map("sqrt", {builder.map("add", {variance, builder.scalar(element, 1e-5)})});
    return builder.map("div", {centred, root});
}

graph::Graph graph_of(ElementType element) {
    Builder builder("rows");
    std::size_t n = 0;
    for (const auto& [shape, axes] : rows()) {
        const std::string name = base::text(n++);
        const auto x = builder.input("x" + name, {element, shape});
        builder.output("softmax" + name, softmax(builder, x, axes));
        builder.output("norm" + name, normalised(builder, x, axes, element));
        builder.output("max" + name, builder.reduce("max", x, axes));
        builder.output("sum" + name, builder.reduce("sum", builder.map("exp", {x}), axes));
    }
    return builder.finish();
}

std::size_t count_shared(const graph::Graph& graph, const device::DeviceInfo& device) {
    std::size_t out = 0;
    for (const auto& group : opencl::emit(graph, device).groups) {
        for (const auto& launch : group.launches)
            out += launch.kernel.rfind("rows_", 0) == 0 ? 1 : 0;
    }
    return out;
}

}  // namespace

TEST_CASE("rows shared by a work-group are folded as loops in double fold them") {
    const auto backend = gpu_class();
    if (backend == nullptr) return;
    auto random = test::generator();
    std::vector<Tensor> inputs, in_double;
    for (const auto& [shape, axes] : rows()) {
        inputs.push_back(test::random_tensor(random, {ElementType::f32, shape}, -3, 3));
        in_double.push_back(tensor::from_doubles(ElementType::f64, shape, tensor::to_doubles(inputs.back())));
    }
    const auto host = runtime::make_host_backend();
    const auto plain = graph_of(ElementType::f32);
    const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph_of(ElementType::f64)), in_double);
    for (const auto& graph : {plain, optimize::optimize(plain)}) {
        CHECK(count_shared(graph, backend->device()) > rows().size());
        const auto got = runtime::run_on_host_tensors(*backend, *backend->compile(graph), inputs);
        REQUIRE(got.size() == want.size());
        for (std::size_t i = 0; i < got.size(); ++i) {
            CAPTURE(plain.outputs[i].name);
            const auto exact = tensor::from_doubles(ElementType::f32, want[i].shape(), tensor::to_doubles(want[i]));
            CHECK_EQ(test::difference(got[i], exact, {2e-5, 2e-6}), "");
        }
    }
}

TEST_CASE("whole numbers, products and NaN go through shared rows as they do on the host") {
    const auto backend = gpu_class();
    if (backend == nullptr) return;
    auto random = test::generator();
    Builder builder("kinds");
    std::vector<Tensor> inputs;
    for (const auto element : {ElementType::i32, ElementType::i64, ElementType::u8, ElementType::f16}) {
        const tensor::Type type{element, {3, 75}};
        const auto x = builder.input(std::string(tensor::name(element)), type);
        for (const auto fn : {"sum", "max", "min", "product"})
            builder.output(base::text(fn, ' ', tensor::name(element)), builder.reduce(fn, x, {1}));
        inputs.push_back(test::random_tensor(random, type, 0, 2));
    }
    const tensor::Type reals{ElementType::f32, {9, 70}};
    const auto x = builder.input("reals", reals);
    builder.output("max of NaN", builder.reduce("max", x, {1}));
    builder.output("min of NaN", builder.reduce("min", x, {1}));
    auto values = tensor::to_doubles(test::random_tensor(random, reals));
    for (std::size_t i = 0; i < values.size(); i += 97)
        values[i] = std::numeric_limits<double>::quiet_NaN();
    inputs.push_back(tensor::from_doubles(ElementType::f32, reals.shape, values));
    const auto graph = builder.finish();
    const auto host = runtime::make_host_backend();
    const auto got = runtime::run_on_host_tensors(*backend, *backend->compile(graph), inputs);
    const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
    for (std::size_t i = 0; i < got.size(); ++i) {
        CAPTURE(graph.outputs[i].name);
        CHECK_EQ(test::difference(got[i], want[i], {1e-3, 1e-3}), "");
    }
}

TEST_CASE("short rows, and rows enough side by side, are left to one work-item each") {
    device::DeviceInfo device;
    device.kind = device::Kind::gpu;
    device.largest_group = 256;
    device.local_bytes = 32 << 10;
    const auto shared = [&](const Shape& shape, std::int64_t axis) {
        Builder builder("rows");
        builder.output("y", builder.reduce("sum", builder.input("x", {ElementType::f32, shape}), {axis}));
        return count_shared(builder.finish(), device) == 1;
    };
    CHECK(shared({4, 768}, 1));
    CHECK_FALSE(shared({4, 8}, 1));
    CHECK(shared({49, 1280}, 0));
    CHECK_FALSE(shared({49, 100000}, 0));
    device.local_bytes = 1 << 10;
    device.kernels = device::KernelClass::gpu;
    CHECK_FALSE(shared({4, 768}, 1));
}
