#include "plan/cost.hpp"

#include <doctest/doctest.h>

#include "graph/builder.hpp"

using namespace shoal;
using namespace shoal::plan;
using graph::Builder;
using tensor::ElementType;
using tensor::Tensor;

namespace {

// matmul, relu, matmul (the same shapes), relu; named differently.
graph::Graph two_layers() {
    Builder builder("two layers");
    auto x = builder.input("x", {ElementType::f32, {3, 13}});
    for (const char* layer : {"first", "second"}) {
        builder.set_origin(layer);
        x = builder.matmul(x, builder.constant(Tensor(tensor::Type{ElementType::f32, {13, 13}})));
        x = builder.map("relu", {x});
    }
    builder.output("y", x);
    return builder.finish();
}

device::DeviceInfo device_with(double flops, double bytes, double launch) {
    device::DeviceInfo out;
    out.rates = {flops, bytes, launch, launch};
    return out;
}

}  // namespace

TEST_CASE("equal kernels have equal signatures, whatever they are called; others do not") {
    const auto graph = two_layers();
    const auto kernels = groups(graph);
    REQUIRE(kernels.size() == 4);
    CHECK(kernel_signature(graph, kernels[0]) == kernel_signature(graph, kernels[2]));
    CHECK(kernel_signature(graph, kernels[0]) != kernel_signature(graph, kernels[1]));
    Builder builder;
    const auto x = builder.input("x", {ElementType::f32, {3, 13}});
    builder.output("y", builder.map("relu", {builder.map("add", {x, x})}));
    const auto doubled = builder.finish();
    Builder other;
    const auto a = other.input("a", {ElementType::f32, {3, 13}}), b = other.input("b", {ElementType::f32, {3, 13}});
    other.output("y", other.map("relu", {other.map("add", {a, b})}));
    const auto added = other.finish();
    CHECK(kernel_signature(doubled, {0, 1}) != kernel_signature(added, {0, 1}));
    CHECK(kernel_signature(doubled, {1, 2}) == kernel_signature(added, {1, 2}));
}

TEST_CASE("an estimate is the roofline and a launch") {
    const auto graph = two_layers();
    const double flops = 2.0 * 3 * 13 * 13, bytes = 4.0 * (3 * 13 + 13 * 13 + 3 * 13);
    auto costs = kernel_costs(graph, device_with(1e6, 1e9, 1e-3));
    CHECK(costs[0].seconds == doctest::Approx(flops / 1e6 + 1e-3));
    CHECK(costs[0].weight_bytes == 768);  // 13 x 13 x 4, up to the alignment of 128
    CHECK(costs[1].weight_bytes == 0);
    CHECK_FALSE(costs[0].measured);
    costs = kernel_costs(graph, device_with(1e12, 1e6, 0));
    CHECK(costs[0].seconds == doctest::Approx(bytes / 1e6));
}

TEST_CASE("values inside a fused kernel are no traffic") {
    auto graph = two_layers();
    const auto apart = kernel_work(graph, {0, 1}).bytes_written + kernel_work(graph, {1, 2}).bytes_read;
    for (std::size_t i = 0; i < graph.ops.size(); ++i)
        graph.ops[i].group = static_cast<std::uint32_t>(i / 2);
    const auto fused = kernel_work(graph, groups(graph)[0]);
    CHECK(apart == 2 * 3 * 13 * 4);
    CHECK(fused.bytes_written == 3 * 13 * 4);
    CHECK(fused.bytes_read == (3 * 13 + 13 * 13) * 4);
}

TEST_CASE("measured kernels are taken as measured, and what is estimated follows them") {
    const auto graph = two_layers();
    const auto kernels = groups(graph);
    CHECK(unmeasured_kernels(graph, {}) == std::vector<std::uint32_t>{0, 1});
    const auto device = device_with(1e9, 1e9, 0);
    const auto plain = kernel_costs(graph, device);
    MeasuredKernels measured{{kernel_signature(graph, kernels[0]), {plain[0].seconds * 3, 777, 99, true}}};
    CHECK(unmeasured_kernels(graph, measured) == std::vector<std::uint32_t>{1});
    const auto costs = kernel_costs(graph, device, measured);
    CHECK(costs[0] == KernelCost{plain[0].seconds * 3, 777, 99, true});
    CHECK(costs[2] == costs[0]);
    CHECK_FALSE(costs[1].measured);
    CHECK(costs[1].seconds == doctest::Approx(plain[1].seconds * 3));
}

TEST_CASE("measurements merge: new ones are added, known ones move by the weight") {
    MeasuredKernels known{{"a", {1.0, 10, 0, true}}};
    merge_measurements(known, {{"a", {3.0, 20, 5, true}}, {"b", {2.0, 0, 0, true}}}, 0.25);
    CHECK(known.at("a") == KernelCost{1.5, 20, 5, true});
    CHECK(known.at("b").seconds == 2.0);
    merge_measurements(known, {{"a", {9.0, 0, 0, true}}});
    CHECK(known.at("a").seconds == 9.0);
    CHECK_THROWS_AS(merge_measurements(known, {}, 1.5), base::Error);
}

TEST_CASE("a device that was never measured gets rates by its kind, none of them 0") {
    for (const auto kind :
         {device::Kind::cpu, device::Kind::gpu, device::Kind::accelerator, device::Kind::custom, device::Kind::host}) {
        device::DeviceInfo device;
        device.kind = kind;
        const auto rates = usable_rates(device);
        CHECK(rates.flops_per_s > 0);
        CHECK(rates.bytes_per_s > 0);
        CHECK(rates.launch_s > 0);
    }
    Cluster cluster;
    cluster.boards = {{"a", device_with(1e9, 1e9, 1e-6), 1}, {"b", device_with(1e8, 1e9, 1e-6), 1}};
    const auto table = cost_table(two_layers(), cluster);
    REQUIRE(table.size() == 2);
    CHECK(table[1][0].seconds > table[0][0].seconds);
    CHECK_THROWS_AS((void)cost_table(two_layers(), cluster, {{}}), base::Error);
}
