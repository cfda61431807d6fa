// Kernels and links measured on boards.
#include <doctest/doctest.h>

#include "graph/kernel_signature.hpp"
#include "node/boards.hpp"
#include "node/gated_backend.hpp"
#include "node/kernel_timing.hpp"
#include "support/errors.hpp"
#include "support/networks.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

wire::MeasureKernels measure(graph::Graph graph, std::uint64_t task, std::vector<std::uint32_t> groups = {}) {
    wire::MeasureKernels out;
    out.task = task;
    out.repeat = 2;
    wire::address_constants(graph);
    out.graph = std::move(graph);
    out.groups = std::move(groups);
    return out;
}

}  // namespace

TEST_CASE("a board measures the kernels that it is asked for, and knows them the next time") {
    const auto network = transport::make_in_process_network();
    const auto gates = std::make_shared<Gates>();
    FakeHub hub(network);
    TestBoard board(network, "a", 64 << 20, {std::make_shared<GatedBackend>(gates)});
    hub.await_boards(1);
    const auto graph = residual_block().graph;
    const auto count = graph::groups(graph).size();
    hub.say("a", measure(graph, 11));
    const auto costs = hub.expect<wire::KernelCosts>("a");
    CHECK(costs.task == 11);
    REQUIRE(costs.kernels.size() == count);
    for (const auto& cost : costs.kernels) {
        CHECK(cost.measured);
        CHECK(cost.seconds > 0);
    }
    CHECK(hub.blob_bytes_sent == 0);
    const int compiles = gates->compiles;
    hub.say("a", measure(graph, 12, {1, 2}));
    const auto again = hub.expect<wire::KernelCosts>("a");
    REQUIRE(again.kernels.size() == 2);
    CHECK(again.kernels[0] == costs.kernels[1]);
    CHECK(gates->compiles == compiles);

    auto wrong = measure(graph, 13);
    wrong.device = 9;
    hub.say("a", wrong);
    CHECK(hub.expect<wire::TaskFailed>("a").task == 13);
    hub.until([&] { return board->state().memory_used_bytes == 0; });
}

TEST_CASE("what the device's own table says of a kernel stands above what the node has measured") {
    const auto network = transport::make_in_process_network();
    const auto gates = std::make_shared<Gates>();
    auto random = generator();
    const auto graph = layer(random, 8);
    const auto kernel = graph::groups(graph).front();
    const device::KernelTable tuned{{{graph::kernel_signature(graph, kernel), {123, 4, 5, true}}}, {}};
    const auto ask = [&](TestBoard&, FakeHub& hub, const std::string& name) {
        hub.await_boards(1);
        hub.say(name, measure(graph, 1));
        return hub.expect<wire::KernelCosts>(name).kernels;
    };
    const TemporaryFolder cache;
    {
        const auto first = transport::make_in_process_network();
        FakeHub hub(first);
        TestBoard board(first, "a", 64 << 20, {std::make_shared<GatedBackend>(gates)}, cache.path());
        CHECK(ask(board, hub, "a")[0].seconds < 100);
    }
    FakeHub hub(network);
    TestBoard board(network, "a", 64 << 20, {std::make_shared<GatedBackend>(gates, tuned)}, cache.path());
    const auto costs = ask(board, hub, "a");
    CHECK(costs[0].seconds == 123);
    CHECK(costs[1].seconds < 100);
}

TEST_CASE("a kernel that a device refuses is found, and the others are measured") {
    const auto network = transport::make_in_process_network();
    const auto gates = std::make_shared<Gates>();
    gates->profile_fails = true;  // of more than one operator
    FakeHub hub(network);
    TestBoard board(network, "a", 64 << 20, {std::make_shared<GatedBackend>(gates)});
    hub.await_boards(1);
    Builder b("mixed");
    const auto x = b.input("x", Type{ElementType::f32, Shape{5}});
    const auto once = b.map("relu", {x});
    b.output("y", b.map("exp", {b.map("neg", {once})}));
    auto graph = b.finish();
    REQUIRE(graph.ops.size() == 3);
    graph.ops[2].group = graph.ops[1].group;  // a kernel of two operators
    hub.say("a", measure(graph, 1));
    const auto costs = hub.expect<wire::KernelCosts>("a");
    REQUIRE(costs.kernels.size() == 2);
    CHECK(costs.kernels[0].measured);
    CHECK_FALSE(costs.kernels[1].measured);
    CHECK(costs.kernels[1].seconds > 0);
}

TEST_CASE("a kernel too large for the board is estimated") {
    auto random = generator();
    const auto network = transport::make_in_process_network();
    FakeHub hub(network);
    TestBoard board(network, "a", 10'000);
    hub.await_boards(1);
    hub.say("a", measure(layer(random, 127), 1));
    const auto costs = hub.expect<wire::KernelCosts>("a");
    REQUIRE(costs.kernels.size() == 2);
    CHECK_FALSE(costs.kernels[0].measured);  // 64 kB of weights
    CHECK(costs.kernels[0].seconds > 0);
    CHECK(costs.kernels[1].measured);
    CHECK(board->state().memory_peak_bytes <= 10'000);
}

TEST_CASE("boards probe the way to the hub and to each other") {
    const auto network = transport::make_in_process_network();
    FakeHub hub(network);
    TestBoard a(network, "a"), b(network, "b");
    hub.await_boards(2);
    hub.say("a", wire::MeasureLink{5, "b", {64, 100'000}, 3});
    const auto measured = hub.expect<wire::LinkMeasured>("a");
    CHECK(measured.task == 5);
    REQUIRE(measured.times.size() == 6);
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK(measured.times[i].bytes == (i < 3 ? 64 : 100'000));
        CHECK(measured.times[i].seconds > 0);
    }
    hub.say("b", wire::MeasureLink{6, "", {1000}, 2});
    for (std::uint32_t sequence = 0; sequence < 2; ++sequence) {
        const auto probe = hub.expect<wire::Probe>("b");
        CHECK(probe.payload.size() == 1000);
        CHECK(probe.sequence == sequence);
        hub.say("b", wire::ProbeEcho{probe.task, probe.sequence});
    }
    CHECK(hub.expect<wire::LinkMeasured>("b").times.size() == 2);
    hub.say("a", wire::Probe{9, 3, base::SharedBytes::own(std::vector<std::byte>(10))});
    CHECK(hub.expect<wire::ProbeEcho>("a") == wire::ProbeEcho{9, 3});

    for (const auto& wrong :
         {wire::MeasureLink{7, "a", {1}, 1}, wire::MeasureLink{7, "b", {}, 1}, wire::MeasureLink{7, "b", {1}, 0}}) {
        hub.say("a", wrong);
        CHECK(hub.expect<wire::TaskFailed>("a").code == base::Code::invalid_argument);
    }
    hub.say("a", wire::MeasureLink{8, "nobody", {1}, 1});
    CHECK(hub.expect<wire::TaskFailed>("a").code == base::Code::unavailable);
    hub.until([&] { return a->state().memory_used_bytes == 0; });
}
