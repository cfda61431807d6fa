// Attention as one kernel: sizes that its tiles do not divide, masks, shared keys, rows that are masked whole.
#include <doctest/doctest.h>

#include <limits>

#include "graph/attention.hpp"
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
using graph::Builder;
using graph::ValueId;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;
using tensor::Type;

namespace {

struct Form {
    std::int64_t batch, heads, rows, keys, inner, columns;
    bool transposed, masked, guarded, shared;
};

graph::Graph attention(const Form& f, std::vector<Type>& types) {
    Builder b("attention");
    const Shape batch = f.shared ? Shape{1, 1} : Shape{f.batch, f.heads};
    types = {{ElementType::f32, Shape{f.batch, f.heads, f.rows, f.inner}},
             {ElementType::f32, f.transposed ? Shape{batch[0], batch[1], f.keys, f.inner}
                                             : Shape{batch[0], batch[1], f.inner, f.keys}},
             {ElementType::f32, Shape{batch[0], batch[1], f.keys, f.columns}}};
    const ValueId q = b.input("q", types[0]), k = b.input("k", types[1]), v = b.input("v", types[2]);
    const auto number = [&](double value) { return b.scalar(ElementType::f32, value); };
    ValueId s = b.map("mul", {b.matmul(q, k, f.transposed), number(0.37)});
    if (f.masked) {
        types.push_back({ElementType::f32, Shape{f.batch, 1, f.rows, f.keys}});
        s = b.map("add", {s, b.input("mask", types[3])});
    }
    ValueId top = b.reduce("max", s, {3});
    if (f.guarded) top = b.map("max", {top, number(std::numeric_limits<float>::lowest())});
    const ValueId powers = b.map("exp", {b.map("sub", {s, top})});
    ValueId total = b.reduce("sum", powers, {3});
    if (f.guarded) total = b.map("max", {total, number(1e-30)});
    b.output("y", b.matmul(b.map("div", {powers, total}), v));
    return optimize::optimize(b.finish());
}

ValueId softmax(Builder& b, ValueId scores) {
    const int last = b.type(scores).shape.rank() - 1;
    const ValueId powers = b.map("exp", {b.map("sub", {scores, b.reduce("max", scores, {last})})});
    return b.map("div", {powers, b.reduce("sum", powers, {last})});
}

std::vector<Tensor> inputs_for(const Form& f, const std::vector<Type>& types) {
    auto random = test::generator();
    std::vector<Tensor> out;
    for (const auto& type : types)
        out.push_back(test::random_tensor(random, type, -2, 2));
    if (!f.masked) return out;
    auto mask = tensor::to_doubles(out[3]);
    for (std::size_t i = 0; i < mask.size(); i += 3)
        mask[i] = -std::numeric_limits<double>::infinity();
    if (f.guarded)  // the second row sees nothing at all
        std::fill_n(mask.begin() + f.keys, f.keys, -std::numeric_limits<double>::infinity());
    out[3] = tensor::from_doubles(ElementType::f32, types[3].shape, mask);
    return out;
}

const std::vector<Form> kForms{
    {1, 1, 2, 16, 1, 16, false, false, false, false},   {1, 3, 17, 33, 5, 24, true, false, false, false},
    {2, 3, 9, 130, 16, 16, false, true, true, false},   {1, 2, 1, 257, 64, 64, true, false, false, false},
    {2, 2, 41, 100, 20, 80, true, true, true, false},   {2, 4, 8, 31, 8, 40, false, true, true, true},
    {1, 12, 197, 197, 64, 64, true, false, true, false}, {1, 2, 3, 7, 4, 5, true, true, true, false},
};

}  // namespace

TEST_CASE("attention is one kernel group, and computes what its operators do one by one") {
    SHOAL_NEEDS_DEVICE(backend);
    const auto host = runtime::make_host_backend();
    for (const Form& form : kForms) {
        CAPTURE(form.keys);
        std::vector<Type> types;
        const auto graph = attention(form, types);
        const auto groups = graph::groups(graph);
        const auto attends = [&](const graph::GroupRange& range) { return graph::attention_of(graph, range).has_value(); };
        CHECK(std::count_if(groups.begin(), groups.end(), attends) == 1);
        const auto inputs = inputs_for(form, types);
        const auto got = runtime::run_on_host_tensors(*backend, *backend->compile(graph), inputs);
        const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
        CHECK_EQ(test::difference(got[0], want[0], {2e-5, 1e-5}), "");
    }
}

TEST_CASE("attention in parts gives the same, where a measurement asks for it or the whole has no kernel") {
    SHOAL_NEEDS_DEVICE(backend);
    std::vector<Type> types;
    const auto graph = attention(kForms[2], types);
    for (const auto& range : graph::groups(graph)) {
        if (!graph::attention_of(graph, range)) continue;
        for (const auto& timed : opencl::time_variants(*backend, graph, range, 2))
            CHECK(timed.cost.seconds > 0);
        const auto names = opencl::variants(*backend, graph, range);
        if (names.empty()) continue;
        const auto parts = opencl::emit(graph, backend->device(), std::vector<std::string>(graph.ops.size(), "parts"));
        const auto whole = opencl::emit(graph, backend->device(), std::vector<std::string>(graph.ops.size(), "whole"));
        CHECK(parts.groups.size() == whole.groups.size() + 2);
    }
}

TEST_CASE("attention as one kernel of the GPU class, whatever the device is") {
    const auto backend = test::device_under_test(opencl::Dispatch::automatic, device::KernelClass::gpu);
    if (backend == nullptr) {
        MESSAGE("skipped: no OpenCL device");
        return;
    }
    const auto host = runtime::make_host_backend();
    const auto open = opencl::open_device_of(*backend);
    for (const Form& form : kForms) {
        CAPTURE(form.keys);
        std::vector<Type> types;
        const auto graph = attention(form, types);
        std::vector<std::string> ways;
        int whole = 0;
        for (const auto& range : graph::groups(graph)) {
            const bool attends = graph::attention_of(graph, range).has_value();
            ways.emplace_back(attends ? "whole" : "");
            whole += attends ? 1 : 0;
            if (attends) CHECK(opencl::variants(*backend, graph, range) == std::vector<std::string>{"parts", "whole"});
        }
        REQUIRE(whole == 1);
        const auto emitted = opencl::emit(graph, backend->device(), ways);
        CHECK(std::count_if(emitted.groups.begin(), emitted.groups.end(),
                            [](const auto& group) { return group.kernel == "attention_gpu"; }) == 1);
        const auto inputs = inputs_for(form, types);
        const auto got = runtime::run_on_host_tensors(*backend, *opencl::make_executable(open, graph, ways), inputs);
        const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
        CHECK_EQ(test::difference(got[0], want[0], {2e-5, 1e-5}), "");
    }
}

TEST_CASE("an attention whose weights are wanted too is no single kernel") {
    Builder b("weights");
    const Type type{ElementType::f32, Shape{2, 24, 24}};
    const ValueId q = b.input("q", type), k = b.input("k", type), v = b.input("v", type);
    const ValueId s = b.matmul(q, k);
    const ValueId powers = b.map("exp", {b.map("sub", {s, b.reduce("max", s, {2})})});
    const ValueId weights = b.map("div", {powers, b.reduce("sum", powers, {2})});
    b.output("y", b.matmul(weights, v));
    b.output("weights", weights);
    const auto graph = optimize::optimize(b.finish());
    for (const auto& range : graph::groups(graph))
        CHECK_FALSE(graph::attention_of(graph, range));
}

TEST_CASE("weights that multiply weights or scores are matrices like any other") {
    SHOAL_NEEDS_DEVICE(backend);
    const auto host = runtime::make_host_backend();
    auto random = test::generator();
    for (const bool scores_again : {false, true}) {
        CAPTURE(scores_again);
        graph::Builder builder("own");
        const auto x = builder.input("x", {ElementType::f32, Shape{2, 24, 24}});
        const auto scores = builder.matmul(x, x);
        const auto weights = softmax(builder, builder.map("mul", {scores, builder.scalar(ElementType::f32, 0.2)}));
        builder.output("y", builder.matmul(weights, scores_again ? scores : weights));
        const auto graph = optimize::optimize(builder.finish());
        const std::vector inputs{test::random_tensor(random, {ElementType::f32, Shape{2, 24, 24}}, -1, 1)};
        const auto got = runtime::run_on_host_tensors(*backend, *backend->compile(graph), inputs);
        const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
        CHECK_EQ(test::difference(got[0], want[0], {2e-5, 1e-5}), "");
    }
}

TEST_CASE("values too wide for a tile's stack run in parts") {
    SHOAL_NEEDS_DEVICE(backend);
    const auto host = runtime::make_host_backend();
    auto random = test::generator();
    graph::Builder builder("wide");
    const Type queries{ElementType::f32, Shape{9, 8}}, keys{ElementType::f32, Shape{8, 40}},
        values{ElementType::f32, Shape{40, 3000}};
    const ValueId q = builder.input("q", queries), k = builder.input("k", keys), v = builder.input("v", values);
    builder.output("y", builder.matmul(softmax(builder, builder.matmul(q, k)), v));
    const auto graph = optimize::optimize(builder.finish());
    const std::vector inputs{test::random_tensor(random, queries, -1, 1), test::random_tensor(random, keys, -1, 1),
                             test::random_tensor(random, values, -1, 1)};
    const auto got = runtime::run_on_host_tensors(*backend, *backend->compile(graph), inputs);
    const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
    CHECK_EQ(test::difference(got[0], want[0], {2e-5, 1e-5}), "");
}
