// Precisions: what they round stays within what their steps allow, and devices that cannot refuse.
#include <doctest/doctest.h>

#include <cmath>

#include "importer/quantise.hpp"
#include "optimize/optimize.hpp"
#include "runtime/host_backend.hpp"
#include "session/session.hpp"
#include "support/model_maker.hpp"
#include "support/networks.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;
using tensor::ElementType;
using tensor::Tensor;

namespace {

// A convolution of 12 channels and a product with a bias: odd sizes, blocks that do not divide.
importer::Model small_network(std::int64_t opset) {
    auto random = test::generator();
    test::ModelMaker maker(opset);
    auto graph = maker.graph();
    graph.input("x", ElementType::f32, {1, 7, 5, 5});
    graph.initialiser("conv", test::random_tensor(random, {ElementType::f32, {12, 7, 3, 3}}));
    graph.initialiser("dense", test::random_tensor(random, {ElementType::f32, {108, 13}}));
    graph.initialiser("turned", test::random_tensor(random, {ElementType::f32, {90, 13}}));
    graph.initialiser("bias", test::random_tensor(random, {ElementType::f32, {13}}));
    graph.op("Conv", {"x", "conv"}, {"a"}).op("Relu", {"a"}, {"b"}).op("Flatten", {"b"}, {"c"});
    graph.op("MatMul", {"c", "dense"}, {"d"}).op("Add", {"d", "bias"}, {"e"});
    graph.op("Gemm", {"e", "turned"}, {"f"}, {{"transB", std::int64_t{1}}}).op("Softmax", {"f"}, {"y"}).output("f");
    graph.output("y");
    return maker.model();
}

double relative_error(const Tensor& got, const Tensor& want) {
    const auto a = tensor::to_doubles(got), b = tensor::to_doubles(want);
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
    }
    return std::sqrt(difference / size);
}

std::vector<Tensor> run(const importer::Model& model, const Tensor& x) {
    session::Session session(model, runtime::make_host_backend());
    std::vector<Tensor> out;
    for (auto& [name, tensor] : session.run({{"x", x}}))
        out.push_back(tensor);
    return out;
}

}  // namespace

TEST_CASE("weights in 8 and 4 bits, in blocks and whole columns, in files for old and new versions") {
    auto random = test::generator();
    const Tensor x = test::random_tensor(random, {ElementType::f32, {1, 7, 5, 5}});
    const test::TemporaryFolder folder;
    for (const std::int64_t opset : {9, 13, 21}) {
        CAPTURE(opset);
        const auto model = small_network(opset);
        const auto want = run(model, x);
        for (const int bits : {8, 4}) {
            for (const std::int64_t block : {0, 32, 7}) {
                CAPTURE(bits);
                CAPTURE(block);
                importer::WeightQuantisation how;
                how.bits = bits;
                how.block = block;
                how.least = 700;
                const auto made = importer::quantise_weights(model, how);
                CHECK(made.weights == std::vector<std::string>{"conv", "dense", "turned"});
                CHECK(made.bytes_after < made.bytes_before / (bits == 4 ? 3 : 2));
                const std::int64_t least = bits == 8 && block == 0 ? 13 : 21;
                CHECK(made.model.opsets().find("")->second == std::max(opset, least));
                importer::save(made.model, folder.path() / "q.onnx");
                const auto got = run(importer::Model::load(folder.path() / "q.onnx"), x);
                const double error = relative_error(got[0], want[0]);
                CHECK(error < (bits == 8 ? 0.02 : 0.2));
                CHECK(error > 0);
            }
        }
    }
}

TEST_CASE("a session's weights become small on the device") {
    auto random = test::generator();
    test::ModelMaker maker(17);
    auto graph = maker.graph();
    graph.input("x", ElementType::f32, {3, 301});
    graph.initialiser("w", test::random_tensor(random, {ElementType::f32, {301, 203}}));
    graph.op("MatMul", {"x", "w"}, {"y"}).output("y");
    const auto model = maker.model();
    const Tensor x = test::random_tensor(random, {ElementType::f32, {3, 301}});
    const auto want = run(model, x);
    std::uint64_t weights = 0;
    for (const auto precision : {session::Precision::fp32, session::Precision::int8w, session::Precision::int4w}) {
        session::SessionOptions options;
        options.precision = precision;
        session::Session session(model, runtime::make_host_backend(), options);
        const auto got = session.run({{"x", x}});
        CHECK(relative_error(got[0].second, want[0]) < 0.2);
        CHECK(session::find_precision(session::name(precision)) == precision);
        const auto own = session.memory().weights;
        CHECK((weights == 0 || own * 5 < weights * 4));
        weights = own;
    }
    CHECK_FALSE(session::find_precision("int2").has_value());
}

TEST_CASE("halves: refused where a device has none, close where the graph is computed in them") {
    session::SessionOptions options;
    options.precision = session::Precision::fp16;
    CHECK_THROWS_WITH_AS(session::Session(small_network(17), runtime::make_host_backend(), options),
                         doctest::Contains("fp16"), base::Error);
    auto random = test::generator();
    const auto host = runtime::make_host_backend();
    for (const auto& network : test::networks()) {
        CAPTURE(network.name);
        const auto halved = optimize::half_precision(network.graph);
        graph::validate(halved);
        const auto inputs = network.inputs(random);
        const auto want = runtime::run_on_host_tensors(*host, *host->compile(network.graph), inputs);
        const auto got = runtime::run_on_host_tensors(*host, *host->compile(optimize::optimize(halved)), inputs);
        CHECK(got[0].type() == want[0].type());
        CHECK(relative_error(got[0], want[0]) < 5e-3);
    }
}

TEST_CASE("halves: masks, epsilons, positions and integer sums beyond what a half holds") {
    const auto host = runtime::make_host_backend();
    graph::Builder builder("masked");
    builder.set_folding(false);
    const auto x = builder.input("x", {ElementType::f32, {3, 5}});
    const auto mask = builder.input("mask", {ElementType::i64, {3, 5}});
    const auto real = [&](double value) { return builder.scalar(ElementType::f32, value); };
    // As BERT is exported: where the mask is 0, the lowest float is added; the last row is all masked.
    const auto absent = builder.map("sub", {real(1), builder.cast(mask, ElementType::f32)});
    const auto scores = builder.map("add", {x, builder.map("mul", {absent, real(-3.4028234e38)})});
    const auto exp = builder.map("exp", {builder.map("sub", {scores, builder.reduce("max", scores, {1})})});
    builder.output("softmax", builder.map("div", {exp, builder.reduce("sum", exp, {1})}));
    const auto zero = builder.map("mul", {x, real(0)});
    builder.output("epsilon", builder.map("div", {zero, builder.map("add", {zero, real(1e-12)})}));
    // Positions of a rotary embedding: 4099 is no half.
    const auto positions = builder.iota(ElementType::f32, {3, 5}, 1, 4097, 2);
    builder.output("sine", builder.map("sin", {builder.map("mul", {positions, real(0.01)})}));
    const auto sum = builder.map("mul", {mask, builder.constant(tensor::Tensor::of<std::int64_t>({}, {1000000}))});
    builder.output("scaled", builder.map("mul", {builder.cast(sum, ElementType::f32), real(1e-6)}));
    const auto whole = builder.finish();

    auto random = test::generator();
    const std::vector<Tensor> inputs{test::random_tensor(random, {ElementType::f32, {3, 5}}),
                                     Tensor::of<std::int64_t>({3, 5}, {1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0})};
    const auto want = runtime::run_on_host_tensors(*host, *host->compile(whole), inputs);
    const auto got = runtime::run_on_host_tensors(*host, *host->compile(optimize::half_precision(whole)), inputs);
    for (const std::size_t i : {0, 1, 2, 3}) {
        CAPTURE(whole.outputs[i].name);
        const auto a = want[i].as<float>(), b = got[i].as<float>();
        for (std::size_t k = 0; k < a.size(); ++k)
            if (i != 0 || k < 10)
                CHECK(b[k] == doctest::Approx(a[k]).epsilon(2e-3));
            else
                CHECK(std::isfinite(b[k]));
    }
}
