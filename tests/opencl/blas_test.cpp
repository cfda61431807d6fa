// Matrix products by CLBlast, as a step among kernels.
#include "opencl/blas.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "graph/builder.hpp"
#include "opencl/emit/emitter.hpp"
#include "opencl/executable.hpp"
#include "optimize/optimize.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/device_under_test.hpp"
#include "support/random.hpp"

using namespace shoal;
using graph::Builder;
using tensor::ElementType;
using tensor::Shape;

namespace {

// Products with and without something behind them, of inputs, constants and of what another kernel has made.
graph::Graph chained(ElementType element) {
    Builder builder("chained");
    auto random = test::generator();
    const auto constant = [&](const Shape& shape) {
        const auto values = test::random_tensor(random, {ElementType::f32, shape}, -0.5, 0.5);
        return builder.constant(tensor::from_doubles(element, shape, tensor::to_doubles(values)));
    };
    const auto x = builder.input("x", {element, {2, 9, 21}});
    const auto hidden =
        builder.map("tanh", {builder.map("add", {builder.matmul(x, constant({21, 34})), constant({34})})});
    const auto back = builder.matmul(hidden, constant({17, 34}), true);
    builder.output("rows", back);
    builder.output("batches", builder.map("relu", {builder.matmul(hidden, builder.transpose(hidden, {0, 2, 1}))}));
    builder.output("turned", builder.matmul(builder.map("relu", {hidden}), hidden, true));
    return builder.finish();
}

// "blas" wherever it is offered.
std::vector<std::string> wanted(const graph::Graph& graph, const device::DeviceInfo& device, std::size_t& count) {
    std::vector<std::string> out;
    for (const auto& range : graph::groups(graph)) {
        const auto names = opencl::variants(graph, range, device);
        const bool offered = std::find(names.begin(), names.end(), "blas") != names.end();
        out.emplace_back(offered ? "blas" : "");
        count += offered ? 1 : 0;
    }
    return out;
}

std::size_t library_steps(const opencl::Emission& emission) {
    std::size_t out = 0;
    for (const auto& group : emission.groups) {
        for (const auto& launch : group.launches)
            out += launch.blas ? 1 : 0;
    }
    return out;
}

}  // namespace

TEST_CASE("products by the library stand among kernels and give what loops in double give") {
    const auto backend = test::device_under_test(opencl::Dispatch::automatic, device::KernelClass::gpu);
    if (backend == nullptr) return;
    if (!backend->device().blas) {
        MESSAGE("skipped: CLBlast is not there");
        return;
    }
    const auto graph = optimize::optimize(chained(ElementType::f32));
    std::size_t offered = 0;
    const auto variants = wanted(graph, backend->device(), offered);
    CHECK(offered == 4);
    CHECK(library_steps(opencl::emit(graph, backend->device(), variants)) == offered);
    auto random = test::generator();
    const auto input = test::random_tensor(random, graph.type(graph.inputs[0].value));
    const auto host = runtime::make_host_backend();
    const auto want = runtime::run_on_host_tensors(
        *host, *host->compile(chained(ElementType::f64)),
        std::vector{tensor::from_doubles(ElementType::f64, input.shape(), tensor::to_doubles(input))});
    const auto executable = opencl::make_executable(opencl::open_device_of(*backend), graph, variants);
    for (int again = 0; again < 2; ++again) {
        const auto got = runtime::run_on_host_tensors(*backend, *executable, std::vector{input});
        REQUIRE(got.size() == want.size());
        for (std::size_t i = 0; i < got.size(); ++i) {
            const auto exact = tensor::from_doubles(ElementType::f32, want[i].shape(), tensor::to_doubles(want[i]));
            CHECK_EQ(test::difference(got[i], exact, {1e-5, 1e-5}), "");
        }
    }
    for (const auto& report : executable->profile(1))
        CHECK(report.seconds > 0);
}

TEST_CASE("a GPU takes the library first, a CPU only when something measured says so") {
    const auto graph = optimize::optimize(chained(ElementType::f32));
    device::DeviceInfo device;
    device.kernels = device::KernelClass::gpu;
    device.largest_group = 256;
    device.local_bytes = 32 << 10;
    CHECK(library_steps(opencl::emit(graph, device)) == 0);
    device.blas = true;
    device.kind = device::Kind::cpu;
    CHECK(library_steps(opencl::emit(graph, device)) == 0);
    std::size_t offered = 0;
    (void)wanted(graph, device, offered);
    CHECK(offered == 4);
    device.kind = device::Kind::gpu;
    CHECK(library_steps(opencl::emit(graph, device)) == offered);
    CHECK(library_steps(opencl::emit(optimize::optimize(chained(ElementType::f64)), [&] {
              device.fp64 = true;
              return device;
          }())) == 0);
}
