// The ways of computing a kernel: all give the same results, and what was measured to be best is what is used.
#include "opencl/tune.hpp"

#include <doctest/doctest.h>

#include <set>

#include "device/kernel_file.hpp"
#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "graph/kernel_signature.hpp"
#include "opencl/backend.hpp"
#include "opencl/emit/emitter.hpp"
#include "opencl/executable.hpp"
#include "optimize/optimize.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/device_under_test.hpp"
#include "support/networks.hpp"
#include "support/opencl.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;

namespace {

// The n-th variant of every kernel that has as many, "" elsewhere; empty when no kernel has.
std::vector<std::string> nth_variants(const runtime::Backend& backend, const graph::Graph& graph, std::size_t n) {
    std::vector<std::string> out;
    bool any = false;
    for (const auto& range : graph::groups(graph)) {
        const auto names = opencl::variants(backend, graph, range);
        CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
        out.push_back(n < names.size() ? names[n] : "");
        any = any || n < names.size();
    }
    return any ? out : std::vector<std::string>{};
}

// A convolution that Winograd's algorithm can do, in a size that has tiles to choose from.
graph::Graph convolution() {
    graph::Builder builder("convolution");
    auto random = test::generator();
    const auto x = builder.input("x", {tensor::ElementType::f32, {1, 9, 13, 48}});
    const auto w = builder.constant(test::random_tensor(random, {tensor::ElementType::f32, {80, 3, 3, 48}}, -0.1, 0.1));
    graph::Attrs attrs{{"strides", graph::Ints{1, 1}},
                       {"dilations", graph::Ints{1, 1}},
                       {"pads_begin", graph::Ints{1, 1}},
                       {"pads_end", graph::Ints{1, 1}},
                       {"groups", std::int64_t{1}}};
    builder.output("y", builder.map("relu", {builder.add(graph::cards::conv, {x, w}, std::move(attrs))[0]}));
    return optimize::optimize(builder.finish());
}

}  // namespace

TEST_CASE("register tiles leave room in what vector registers a CPU has") {
    device::DeviceInfo device;
    for (const int lanes : {4, 8, 16}) {
        device.f32_vector_width = lanes;
        const auto style = opencl::style_for(device);
#if defined(__aarch64__) || defined(__riscv)
        CHECK(style.vector_registers == 32);
#else
        CHECK(style.vector_registers == (lanes == 16 ? 32 : 16));  // SSE, AVX2 and 32-bit NEON have 16
#endif
        CHECK((style.tile_rows + 1) * style.tile_vectors + 1 <= style.vector_registers);
    }
}

TEST_CASE("every way of computing a kernel gives what the plain loops give") {
    SHOAL_NEEDS_DEVICE(backend);
    const auto host = runtime::make_host_backend();
    const auto open = opencl::open_device_of(*backend);
    auto random = test::generator();
    auto networks = test::networks();
    networks.push_back({"convolution", convolution()});
    for (const auto& network : networks) {
        CAPTURE(network.name);
        const auto graph = optimize::optimize(network.graph);
        const auto inputs = network.inputs(random);
        const auto want = runtime::run_on_host_tensors(*host, *host->compile(network.graph), inputs);
        for (std::size_t n = 0;; ++n) {
            const auto wanted = nth_variants(*backend, graph, n);
            if (wanted.empty()) break;
            const auto executable = opencl::make_executable(open, graph, wanted);
            const auto got = runtime::run_on_host_tensors(*backend, *executable, inputs);
            CAPTURE(n);
            CHECK_EQ(test::difference(got.at(0), want.at(0), {1e-4, 1e-5}), "");
        }
    }
}

TEST_CASE("a kernel's variants are timed, and the usual one stands unless another is clearly faster") {
    SHOAL_NEEDS_DEVICE(backend);
    const auto graph = convolution();
    const auto range = graph::groups(graph).front();
    const auto names = opencl::variants(*backend, graph, range);
    const auto timed = opencl::time_variants(*backend, graph, range, 2);
    REQUIRE(timed.size() == names.size());
    for (std::size_t n = 0; n < names.size(); ++n) {
        CHECK(timed[n].variant == names[n]);
        CHECK(timed[n].cost.seconds > 0);
    }
    using opencl::Timed;
    CHECK(opencl::best_of({Timed{"a", {1.0}}, Timed{"b", {0.99}}}).variant == "a");
    CHECK(opencl::best_of({Timed{"a", {1.0}}, Timed{"b", {0.5}}, Timed{"c", {0.9}}}).variant == "b");
}

TEST_CASE("what a table says is what is compiled, and a name that nobody knows is the usual way") {
    const auto device = test::device_or_skip();
    if (!device) return;
    const auto graph = convolution();
    const auto range = graph::groups(graph).front();
    const auto info = opencl::make_backend(*device, {})->device();  // what it is when opened: with a library, or without
    const auto names = opencl::variants(graph, range, info);
    if (names.size() < 2) return;
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "table";
    const auto compiled_with = [&](const std::string& variant) {
        device::KernelTable table;
        const auto signature = graph::kernel_signature(graph, range);
        table.costs[signature] = {1, 0, 0, true};
        table.variants[signature] = variant;
        device::save_kernel_table(file, info, table);
        opencl::BackendOptions options;
        options.kernel_table = file;
        const auto backend = opencl::make_backend(*device, options);
        return backend->compile(graph)->profile(1).front().name;
    };
    for (const auto& name : names) {
        if (name == "blas" || name == names.front()) continue;  // a kernel behind a library's has another's name
        CHECK(compiled_with(name).find(name) != std::string::npos);
    }
    CHECK_NOTHROW((void)compiled_with("of-a-later-version"));
}
