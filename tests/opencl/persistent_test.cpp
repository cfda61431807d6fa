// All launches of a graph as one kernel: when it can be, and what it tells of its steps.
#include "opencl/emit/persistent.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "opencl/emit/emitter.hpp"
#include "opencl/persistent_run.hpp"
#include "optimize/optimize.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/device_under_test.hpp"
#include "support/networks.hpp"
#include "support/opencl.hpp"

using namespace shoal;

namespace {

constexpr int kLayers = 150;

// A product and an addition of its own constant for each layer.
graph::Graph many_biases(std::mt19937& random) {
    graph::Builder builder("many biases");
    const tensor::Type type{tensor::ElementType::f32, {4, 16}};
    auto x = builder.input("x", type);
    const auto w = builder.constant(test::random_tensor(random, {tensor::ElementType::f32, {16, 16}}, -0.2, 0.2));
    for (int n = 0; n < kLayers; ++n) {
        const auto bias = builder.constant(test::random_tensor(random, {tensor::ElementType::f32, {16}}));
        x = builder.map("tanh", {builder.map("add", {builder.matmul(x, w), bias})});
    }
    builder.output("y", x);
    return builder.finish();
}

}  // namespace

TEST_CASE("a graph of more constants than a kernel has pointers is one kernel all the same") {
    const auto device = test::device_or_skip();
    if (!device) return;
    auto random = test::generator();
    const auto open = std::make_shared<opencl::OpenDevice>(*device, opencl::BackendOptions{});
    const graph::Graph graph = optimize::optimize(many_biases(random));
    const auto emission = opencl::emit(graph, device->info);
    const auto storage = opencl::plan_storage(graph, emission, device->info.buffer_alignment);
    const opencl::Residence residence(open, graph, emission, storage);
    const auto whole = opencl::make_persistent(graph, emission, residence, {2, true});
    REQUIRE(whole);
    CHECK(whole->bases.size() < 10);
    CHECK(whole->step_count == kLayers);
    REQUIRE(whole->groups.size() == kLayers);
    CHECK(whole->groups.back() == kLayers - 1);
}

TEST_CASE("a resident kernel waits for its groups only where all of them run at once") {
    device::DeviceInfo device;
    device.platform = "Portable Computing Language";
    device.compute_units = 4;
    for (const auto* name : {"pthread-haswell-AMD EPYC", "cpu-cortex-a76-0xd0b", "cpu"}) {
        device.name = name;
        CHECK(opencl::runs_persistently(device));
    }
    for (const auto* name : {"cpu-tbb-haswell-AMD EPYC", "cpu-minimal-haswell-AMD EPYC", "basic", "later"}) {
        device.name = name;
        CHECK_FALSE(opencl::runs_persistently(device));
    }
    device.compute_units = 1;
    CHECK(opencl::runs_persistently(device));
    device.kind = device::Kind::gpu;
    CHECK_FALSE(opencl::runs_persistently(device));
}

TEST_CASE("small constants lie together, and are what they were") {
    SHOAL_NEEDS_DEVICE(any_device);
    auto random = test::generator();
    const graph::Graph graph = optimize::optimize(many_biases(random));
    const std::vector inputs{test::random_tensor(random, graph.type(graph.inputs[0].value))};
    const auto host = runtime::make_host_backend();
    const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
    for (const auto dispatch : {opencl::Dispatch::separate, opencl::Dispatch::automatic}) {
        const auto backend = test::device_under_test(dispatch);
        const auto got = runtime::run_on_host_tensors(*backend, *backend->compile(graph), inputs);
        CHECK_EQ(test::difference(got.at(0), want.at(0), {1e-4, 1e-5}), "");
    }
}

TEST_CASE("a profile has a time for every kernel, however they are launched") {
    SHOAL_NEEDS_DEVICE(any_device);
    for (const auto dispatch : {opencl::Dispatch::separate, opencl::Dispatch::automatic}) {
        const auto backend = test::device_under_test(dispatch);
        for (const auto& network : {test::residual_block(), test::depthwise_chain()}) {
            CAPTURE(network.name);
            const auto graph = optimize::optimize(network.graph);
            const auto executable = backend->compile(graph);
            const auto reports = executable->profile(3);
            for (const auto& report : reports)
                CHECK(report.seconds > 0);
            for (const auto& [first, last] : graph::groups(graph)) {  // one has several where it runs in parts
                const auto own = [first = first, last = last](const runtime::KernelReport& report) {
                    return !report.ops.empty() && report.ops[0] >= first && report.ops[0] < last;
                };
                CHECK(std::any_of(reports.begin(), reports.end(), own));
            }
        }
    }
}
