// Which weights are quantised, and what becomes of operators whose form the newer version of ai.onnx changed.
#include "importer/quantise.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "support/compare.hpp"
#include "support/errors.hpp"
#include "support/model_maker.hpp"
#include "support/random.hpp"

using namespace shoal;
using namespace shoal::test;
using importer::Model;

namespace {

Tensor weight(std::int64_t rows = 40, std::int64_t columns = 40) {
    auto random = generator();
    return random_tensor(random, {ElementType::f32, {rows, columns}});
}

// y = rest(x w), in a version that has to be raised.
ModelMaker product_and(std::int64_t opset, const std::function<void(GraphMaker&)>& rest) {
    ModelMaker maker(opset);
    auto graph = maker.graph();
    graph.input("x", ElementType::f32, {3, 40}).initialiser("w", weight()).op("MatMul", {"x", "w"}, {"p"});
    rest(graph);
    graph.output("y");
    return maker;
}

Tensor quantised_result(const Model& model, const Tensor& x) {
    return run_model(importer::quantise_weights(model).model, {{"x", x}})[0];
}

double largest_difference(const Tensor& a, const Tensor& b) {
    REQUIRE(a.type() == b.type());
    const auto left = tensor::to_doubles(a), right = tensor::to_doubles(b);
    double out = 0;
    for (std::size_t i = 0; i < left.size(); ++i)
        out = std::max(out, std::abs(left[i] - right[i]));
    return out;
}

// How many operators of that kind the model has, those of subgraphs included.
std::int64_t count(const Model& model, const std::string& type) {
    for (const auto& kind : model.operators()) {
        if (kind.name == type) return kind.count;
    }
    return 0;
}

}  // namespace

TEST_CASE("Resize of version 10 takes the element above where it shrinks, the one below where it grows") {
    const auto resized = [](std::initializer_list<float> scales) {
        return product_and(10,
                           [&](GraphMaker& graph) {
                               graph.initialiser("scales", floats({2}, scales))
                                   .op("Resize", {"p", "scales"}, {"y"}, {{"mode", std::string("nearest")}});
                           })
            .model();
    };
    const Tensor x = weight(3, 40);
    for (const auto scales : {std::initializer_list<float>{1, 0.6F}, {1, 1.7F}, {1, 1}}) {
        const auto model = resized(scales);
        CHECK(largest_difference(quantised_result(model, x), run_model(model, {{"x", x}})[0]) < 0.3);
    }
    CHECK(says(error_of([&] { (void)importer::quantise_weights(resized({2, 0.6F})); }), "Resize"));
}

TEST_CASE("numbers that become inputs are of the type that they meet") {
    const auto clipped = product_and(10, [](GraphMaker& graph) {
                             graph.op("Cast", {"p"}, {"h"}, {{"to", std::int64_t{10}}})
                                 .op("Clip", {"h"}, {"y"}, {{"min", -0.5}, {"max", 0.5}});
                         }).model();
    const auto padded =
        product_and(10, [](GraphMaker& graph) {
            graph.op("Cast", {"p"}, {"h"}, {{"to", std::int64_t{11}}})
                .op("Pad", {"h"}, {"y"}, {{"pads", std::vector<std::int64_t>{0, 1, 0, 1}}, {"value", 0.5}});
        }).model();
    const Tensor x = weight(3, 40);
    for (const auto& model : {clipped, padded}) {
        const auto made = importer::quantise_weights(model).model;
        CHECK(count(made, "CastLike") > 0);
        CHECK(largest_difference(run_model(made, {{"x", x}})[0], run_model(model, {{"x", x}})[0]) < 0.3);
        importer::WeightQuantisation columns;
        columns.block = 0;  // version 13 has no CastLike
        CHECK_FALSE(error_of([&] { (void)importer::quantise_weights(model, columns); }).empty());
    }
    const auto plain = product_and(10, [](GraphMaker& graph) {
        graph.op("Clip", {"p"}, {"y"}, {{"min", -0.5}, {"max", 0.5}});
    });
    CHECK(count(importer::quantise_weights(plain.model()).model, "CastLike") == 0);
}

TEST_CASE("weights that are not finite are refused by name") {
    for (const float odd : {std::nanf(""), INFINITY}) {
        ModelMaker maker;
        Tensor w = weight();
        w.edit_as<float>()[5] = odd;
        maker.graph().input("x", ElementType::f32, {3, 40}).initialiser("w", w).op("MatMul", {"x", "w"}, {"y"});
        maker.graph().output("y");
        CHECK(says(error_of([&] { (void)importer::quantise_weights(maker.model()); }), "weight 'w'"));
    }
}

TEST_CASE("weights are found in Constant operators, in branches, and where two products read one either way") {
    ModelMaker constant;
    constant.graph()
        .input("x", ElementType::f32, {3, 40})
        .op("Constant", {}, {"w"}, {{"value", weight()}})
        .op("MatMul", {"x", "w"}, {"y"})
        .output("y");

    ModelMaker both;
    both.graph()
        .input("x", ElementType::f32, {3, 40})
        .initialiser("w", weight())
        .op("Gemm", {"x", "w"}, {"a"})
        .op("Gemm", {"a", "w"}, {"y"}, {{"transB", std::int64_t{1}}})
        .output("y");

    onnx::GraphProto yes, no;
    GraphMaker(yes).op("MatMul", {"x", "outer"}, {"a"}).output("a");
    GraphMaker(no).initialiser("inner", weight()).op("MatMul", {"x", "inner"}, {"b"}).output("b");
    ModelMaker branches;
    branches.graph()
        .input("x", ElementType::f32, {3, 40})
        .initialiser("outer", weight())
        .initialiser("zero", floats({}, {0}))
        .op("ReduceSum", {"x"}, {"sum"}, {{"keepdims", std::int64_t{0}}})
        .op("Greater", {"sum", "zero"}, {"positive"})
        .op("If", {"positive"}, {"y"}, {{"then_branch", yes}, {"else_branch", no}})
        .output("y");

    const Tensor x = weight(3, 40);
    auto negated = tensor::to_doubles(x);
    for (double& number : negated)
        number = -number;
    const Tensor minus = tensor::from_doubles(ElementType::f32, x.shape(), negated);
    const auto check = [&](const Model& model, const std::vector<std::string>& weights) {
        for (const bool portable : {true, false}) {
            importer::WeightQuantisation how;
            how.portable = portable;
            const auto made = importer::quantise_weights(model, how);
            CHECK(made.weights == weights);
            for (const Tensor& input : {x, minus}) {
                const auto want = run_model(model, {{"x", input}})[0];
                const auto got = run_model(made.model, {{"x", input}})[0];
                const double error = largest_difference(got, want);
                CHECK(error > 0);
                CHECK(error < 3);
            }
        }
    };
    check(constant.model(), {"w"});
    check(both.model(), {"w"});
    check(branches.model(), {"inner", "outer"});
    CHECK(count(importer::quantise_weights(constant.model()).model, "Constant") == 0);
}
