// What kernels store right where a concatenation lies, and what has to be copied there all the same.
#include "opencl/emit/concatenation.hpp"

#include <doctest/doctest.h>

#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "opencl/backend.hpp"
#include "opencl/emit/emitter.hpp"
#include "opencl/executable.hpp"
#include "opencl/storage.hpp"
#include "opencl/tune.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/device_under_test.hpp"
#include "support/random.hpp"

using namespace shoal;
using graph::Ints;
using graph::ValueId;
using tensor::ElementType;
using tensor::Shape;

namespace {

constexpr std::int64_t kChannels = 24;

// Branches of one input, as Inception has them; an input wide enough for two vectors, positions that no tile divides.
class Branches {
public:
    explicit Branches(std::mt19937& random) : random_(random) {}

    ValueId conv(std::int64_t outputs, std::int64_t kernel, std::int64_t groups = 1) {
        const Shape shape{outputs, kernel, kernel, kChannels / groups};
        const ValueId weights = builder_.constant(test::random_tensor(random_, {ElementType::f32, shape}, -1, 1));
        graph::Attrs attrs = window(kernel / 2);
        attrs.set("groups", groups);
        return builder_.add(graph::cards::conv, {x_, weights}, attrs)[0];
    }
    ValueId pool() {
        graph::Attrs attrs = window(1);
        attrs.set("fn", std::string("max"));
        attrs.set("kernel", Ints{3, 3});
        return builder_.add(graph::cards::pool, {x_}, attrs)[0];
    }
    [[nodiscard]] ValueId x() const { return x_; }
    graph::Builder& builder() { return builder_; }

private:
    static graph::Attrs window(std::int64_t pad) {
        return {{"strides", Ints{1, 1}},
                {"dilations", Ints{1, 1}},
                {"pads_begin", Ints{pad, pad}},
                {"pads_end", Ints{pad, pad}}};
    }

    std::mt19937& random_;
    graph::Builder builder_{"branches"};
    const ValueId x_ = builder_.input("x", {ElementType::f32, Shape{2, 9, 7, kChannels}});
};

void check_as_on_host(runtime::Backend& backend, const graph::Graph& graph) {
    auto random = test::generator();
    const std::vector inputs{test::random_tensor(random, graph.type(graph.inputs[0].value), -1, 1)};
    const auto host = runtime::make_host_backend();
    const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
    const auto got = runtime::run_on_host_tensors(backend, *backend.compile(graph), inputs);
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        CHECK_EQ(test::difference(got[i], want[i], {1e-4, 1e-5}), "");
}

std::size_t launches(const opencl::Emission& emission) {
    std::size_t out = 0;
    for (const auto& group : emission.groups)
        out += group.launches.size();
    return out;
}

}  // namespace

TEST_CASE("convolutions and pools store their channels where the concatenation has them; what else there is, is copied") {
    auto random = test::generator();
    Branches b(random);
    const ValueId shared = b.conv(20, 1);
    const std::vector<ValueId> parts{b.conv(17, 1), b.x(), b.conv(32, 3), b.pool(), shared, b.conv(kChannels, 3, kChannels),
                                     b.conv(3, 1)};
    b.builder().output("all", b.builder().map("relu", {b.builder().concat(parts, 3)}));
    b.builder().output("shared", shared);
    const graph::Graph graph = b.builder().finish();

    const auto places = opencl::destinations(graph);
    CHECK(places.size() == 5);  // not the input, not what the graph returns
    CHECK(places.at(parts[2]).first_column == 17 + kChannels);
    CHECK(places.at(parts[6]).first_column == 17 + kChannels + 32 + kChannels + 20 + kChannels);
    CHECK(places.at(parts[6]).row == 17 + kChannels + 32 + kChannels + 20 + kChannels + 3);

    SHOAL_NEEDS_DEVICE(backend);
    check_as_on_host(*backend, graph);
}

TEST_CASE("a concatenation that has all its parts is no kernel") {
    auto random = test::generator();
    Branches b(random);
    b.builder().output("all", b.builder().concat({b.conv(17, 1), b.conv(32, 3), b.pool()}, 3));
    const graph::Graph graph = b.builder().finish();
    device::DeviceInfo device;
    device.kind = device::Kind::cpu;
    device.kernels = device::KernelClass::wide_simd;
    device.f32_vector_width = 16;
    const auto quick = opencl::emit(graph, device);
    CHECK(quick.groups.size() == 3);
    const auto copied = opencl::emit(graph, device, {}, opencl::Parts::copied);
    CHECK(copied.groups.size() == 4);
    CHECK(copied.concatenated.empty());
    device.kernels = device::KernelClass::plain;
    const auto plain = opencl::emit(graph, device);
    CHECK(plain.groups.size() == 4);
    CHECK(launches(plain) == 6);  // a copy a part

    SHOAL_NEEDS_DEVICE(backend);
    check_as_on_host(*backend, graph);
}

TEST_CASE("groups of a convolution and Winograd's tiles lie side by side in a concatenation too, in either way of running") {
    auto random = test::generator();
    Branches b(random);
    const std::vector<ValueId> parts{b.conv(3, 1), b.conv(48, 1, 2), b.conv(40, 3), b.conv(17, 1)};
    b.builder().output("all", b.builder().concat(parts, 3));
    const graph::Graph graph = b.builder().finish();
    for (const auto dispatch : {opencl::Dispatch::automatic, opencl::Dispatch::separate}) {
        const auto backend = test::device_under_test(dispatch);
        if (backend == nullptr) return;
        const auto inputs = std::vector{test::random_tensor(random, graph.type(graph.inputs[0].value), -1, 1)};
        const auto host = runtime::make_host_backend();
        const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
        for (const char* variant : {"", "winograd"}) {
            const std::vector<std::string> variants(graph::groups(graph).size(), variant);
            const auto executable = opencl::make_executable(opencl::open_device_of(*backend), graph, variants);
            const auto got = runtime::run_on_host_tensors(*backend, *executable, inputs);
            CHECK_EQ(test::difference(got.at(0), want.at(0), {1e-4, 1e-4}), "");
        }
    }
}

TEST_CASE("a concatenation that would fill memory from its first part on is copied together instead") {
    // A narrow branch, and one that is wide on its way: in place, both would live beside the wide values.
    SHOAL_NEEDS_DEVICE(backend);
    auto random = test::generator();
    graph::Builder builder("unlike");
    const auto conv = [&](ValueId x, std::int64_t inputs, std::int64_t outputs) {
        const auto weights = builder.constant(
            test::random_tensor(random, {ElementType::f32, Shape{outputs, 1, 1, inputs}}, -1, 1));
        return builder.add(graph::cards::conv, {x, weights},
                           {{"strides", Ints{1, 1}},
                            {"dilations", Ints{1, 1}},
                            {"pads_begin", Ints{0, 0}},
                            {"pads_end", Ints{0, 0}},
                            {"groups", std::int64_t{1}}})[0];
    };
    const ValueId x = builder.input("x", {ElementType::f32, Shape{1, 16, 16, kChannels}});
    const ValueId narrow = conv(x, kChannels, 16);
    const ValueId wide = conv(conv(conv(x, kChannels, 128), 128, 128), 128, 112);
    builder.output("y", conv(builder.concat({narrow, wide}, 3), 128, 16));
    const graph::Graph graph = builder.finish();
    const auto arena = [&](opencl::Parts parts) {
        return opencl::plan_storage(graph, opencl::emit(graph, backend->device(), {}, parts), 64).arena_bytes;
    };
    const auto executable = backend->compile(graph);
    CHECK(executable->memory().activations <= arena(opencl::Parts::copied) + 4096);
    check_as_on_host(*backend, graph);
}

TEST_CASE("what a concatenation reads twice, or along another axis, keeps its own place") {
    auto random = test::generator();
    Branches twice(random), rows(random);
    const ValueId part = twice.conv(17, 1);
    twice.builder().output("all", twice.builder().concat({part, part}, 3));
    rows.builder().output("all", rows.builder().concat({rows.conv(17, 1), rows.conv(17, 3)}, 1));
    SHOAL_NEEDS_DEVICE(backend);
    for (Branches* b : {&twice, &rows}) {
        const graph::Graph graph = b->builder().finish();
        CHECK(opencl::destinations(graph).empty());
        check_as_on_host(*backend, graph);
    }
}
