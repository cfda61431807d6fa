// Contractions of the GPU class, whatever the device is: all ways of computing them, in odd shapes, against loops in
// double.
#include <doctest/doctest.h>

#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "opencl/emit/emitter.hpp"
#include "opencl/executable.hpp"
#include "opencl/tune.hpp"
#include "optimize/optimize.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/device_under_test.hpp"
#include "support/random.hpp"

using namespace shoal;
using graph::Attrs;
using graph::Builder;
using graph::Ints;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;

namespace {

std::shared_ptr<runtime::Backend> gpu_class() {
    return test::device_under_test(opencl::Dispatch::automatic, device::KernelClass::gpu);
}

// Both operands of a contraction, and what it is.
struct Case {
    std::string name;
    Shape x, w;
    bool transposed = false;
    std::optional<Attrs> window{};
};

Attrs window(Ints strides, Ints dilations, Ints before, Ints after, std::int64_t groups = 1) {
    return {{"strides", std::move(strides)},
            {"dilations", std::move(dilations)},
            {"pads_begin", std::move(before)},
            {"pads_end", std::move(after)},
            {"groups", groups}};
}

std::vector<Case> products() {
    return {{"smaller than a tile", {13, 7}, {7, 5}},
            {"just beyond a tile", {65, 33}, {33, 67}},
            {"transposed", {66, 130}, {35, 130}, true},
            {"one step of k", {17, 1}, {1, 9}},
            {"one element", {1, 1}, {1, 1}},
            {"a row", {1, 131}, {131, 77}},
            {"a row, transposed", {1, 131}, {77, 131}, true},
            {"three rows", {3, 50}, {50, 9}},
            {"four rows, transposed", {4, 257}, {3, 257}, true},
            {"a batch", {5, 19, 21}, {5, 21, 11}},
            {"a batch by one matrix", {5, 19, 21}, {21, 11}},
            {"one matrix by a batch", {18, 21}, {3, 21, 11}},
            {"broadcast over two axes", {2, 1, 3, 9, 13}, {4, 1, 13, 6}},
            {"rows of a batch, transposed", {2, 3, 1, 37}, {2, 3, 10, 37}, true}};
}

std::vector<Case> convolutions() {
    return {
        {"points", {2, 5, 7, 19}, {33, 1, 1, 19}, false, window({1, 1}, {1, 1}, {0, 0}, {0, 0})},
        {"one position", {1, 1, 1, 70}, {21, 1, 1, 70}, false, window({1, 1}, {1, 1}, {0, 0}, {0, 0})},
        {"3x3", {1, 9, 11, 5}, {37, 3, 3, 5}, false, window({1, 1}, {1, 1}, {1, 1}, {1, 1})},
        {"strided and dilated, padded unevenly",
         {2, 11, 9, 3},
         {7, 3, 2, 3},
         false,
         window({2, 3}, {2, 1}, {0, 2}, {1, 0})},
        {"groups", {1, 6, 5, 12}, {18, 3, 3, 4}, false, window({1, 1}, {1, 1}, {1, 0}, {1, 2}, 3)},
        {"points in groups", {1, 4, 5, 12}, {36, 1, 1, 3}, false, window({1, 1}, {1, 1}, {0, 0}, {0, 0}, 4)},
        {"one axis", {2, 23, 6}, {10, 5, 6}, false, window({2}, {1}, {2}, {1})},
        {"three axes", {1, 4, 5, 6, 3}, {9, 2, 3, 3, 3}, false, window({1, 2, 1}, {1, 1, 2}, {1, 1, 2}, {0, 1, 2})},
        {"every channel by itself", {1, 7, 9, 21}, {21, 3, 3, 1}, false, window({1, 1}, {1, 1}, {1, 1}, {1, 1}, 21)}};
}

// All of them in one graph, each followed by a bias and an activation, in `element`.
graph::Graph graph_of(const std::vector<Case>& cases, ElementType element) {
    Builder builder("contractions");
    auto random = test::generator();
    for (const Case& own : cases) {
        const auto x = builder.input("x of " + own.name, {element, own.x});
        const auto w =
            own.window
                ? builder.constant(tensor::from_doubles(
                      element, own.w, tensor::to_doubles(test::random_tensor(random, {ElementType::f32, own.w}))))
                : builder.input("w of " + own.name, {element, own.w});
        const auto product =
            own.window ? builder.add(graph::cards::conv, {x, w}, *own.window)[0] : builder.matmul(x, w, own.transposed);
        const Shape row{builder.shape(product).back()};
        const auto bias = builder.constant(tensor::from_doubles(
            element, row, tensor::to_doubles(test::random_tensor(random, {ElementType::f32, row}))));
        builder.output("y of " + own.name, builder.map("relu", {builder.map("add", {product, bias})}));
    }
    return builder.finish();
}

std::vector<Tensor> inputs_of(const graph::Graph& graph) {
    std::vector<Tensor> out;
    auto random = test::generator();
    for (const auto& port : graph.inputs)
        out.push_back(test::random_tensor(random, {ElementType::f32, graph.type(port.value).shape}));
    return out;
}

std::vector<Tensor> in_double(const std::vector<Case>& cases, const std::vector<Tensor>& inputs) {
    const auto graph = graph_of(cases, ElementType::f64);
    std::vector<Tensor> given, out;
    for (const auto& input : inputs)
        given.push_back(tensor::from_doubles(ElementType::f64, input.shape(), tensor::to_doubles(input)));
    const auto host = runtime::make_host_backend();
    for (const auto& result : runtime::run_on_host_tensors(*host, *host->compile(graph), given))
        out.push_back(tensor::from_doubles(ElementType::f32, result.shape(), tensor::to_doubles(result)));
    return out;
}

// A way for every kernel, another one for each `turn`: neighbours take different ones, so that few programs have all.
std::vector<std::string> dealt_variants(const runtime::Backend& backend, const graph::Graph& graph, std::size_t turn) {
    std::vector<std::string> out;
    for (const auto& range : graph::groups(graph)) {
        const auto names = opencl::variants(backend, graph, range);
        for (const auto& name : names)
            CHECK(name.find(' ') == std::string::npos);  // a line of the kernel file has blanks between its fields
        out.push_back(names.empty() ? "" : names[(turn * 4 + out.size()) % names.size()]);
    }
    return out;
}

void check_ways(runtime::Backend& backend, const std::vector<Case>& cases) {
    const auto open = opencl::open_device_of(backend);
    const auto graph = optimize::optimize(graph_of(cases, ElementType::f32));
    const auto inputs = inputs_of(graph);
    const auto want = in_double(cases, inputs);
    for (std::size_t turn = 0; turn < 3; ++turn) {
        const auto wanted = turn == 0 ? std::vector<std::string>{} : dealt_variants(backend, graph, turn);
        const auto executable = opencl::make_executable(open, graph, wanted);
        const auto got = runtime::run_on_host_tensors(backend, *executable, inputs);
        REQUIRE(got.size() == cases.size());
        for (std::size_t i = 0; i < cases.size(); ++i) {
            CAPTURE(cases[i].name);
            CAPTURE(turn);
            CHECK_EQ(test::difference(got[i], want[i], {1e-5, 1e-5}), "");
        }
    }
}

}  // namespace

TEST_CASE("the GPU class multiplies matrices in all its ways as loops in double do") {
    const auto backend = gpu_class();
    if (backend == nullptr) return;
    check_ways(*backend, products());
}

TEST_CASE("the GPU class convolves in all its ways as loops in double do") {
    const auto backend = gpu_class();
    if (backend == nullptr) return;
    check_ways(*backend, convolutions());
}

TEST_CASE("a device too small for any tile gets the plain kernels, and one that is large enough does not") {
    const auto graph = optimize::optimize(graph_of(products(), ElementType::f32));
    device::DeviceInfo device;
    device.kind = device::Kind::gpu;
    device.largest_group = 256;
    device.local_bytes = 32 << 10;
    const auto kernels = [&] {
        std::string out;
        for (const auto& group : opencl::emit(graph, device).groups)
            out += group.kernel + " ";
        return out;
    };
    CHECK(device::kernel_class(device) == device::KernelClass::gpu);
    CHECK(kernels().find("plain") == std::string::npos);
    device.local_bytes = 0;
    CHECK(device::kernel_class(device) == device::KernelClass::plain);
    CHECK(kernels().find("gpu") == std::string::npos);
    device.kernels = device::KernelClass::gpu;
    CHECK(kernels().find("gpu") == std::string::npos);
    device.local_bytes = 4 << 10;
    device.largest_group = 64;
    for (const auto& group : opencl::emit(graph, device).groups) {
        for (const auto& launch : group.launches)
            CHECK(launch.local[0] <= device.largest_group);
    }
}

TEST_CASE("integers, halves and nibbles are summed in the GPU class as on the host") {
    const auto backend = gpu_class();
    if (backend == nullptr) return;
    auto random = test::generator();
    Builder builder("types");
    std::vector<Tensor> inputs;
    for (const auto element : {ElementType::i8, ElementType::f16, ElementType::bf16, ElementType::i64}) {
        for (const std::int64_t rows : {std::int64_t{2}, std::int64_t{21}}) {
            const std::string name = base::text(tensor::name(element), ' ', rows);
            const tensor::Type a{element, {rows, 19}}, b{element, {19, 23}};
            const double most = tensor::is_floating(element) ? 1 : 9;
            inputs.push_back(test::random_tensor(random, a, -most, most));
            inputs.push_back(test::random_tensor(random, b, -most, most));
            const auto x = builder.input("a " + name, a), w = builder.input("b " + name, b);
            builder.output("y " + name, builder.matmul(x, w));
        }
    }
    const auto graph = builder.finish();
    const auto host = runtime::make_host_backend();
    const auto got = runtime::run_on_host_tensors(*backend, *backend->compile(graph), inputs);
    const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
    for (std::size_t i = 0; i < got.size(); ++i)
        CHECK_EQ(test::difference(got[i], want[i], {1e-2, 1e-3}), "");
}
