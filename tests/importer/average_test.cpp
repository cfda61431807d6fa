#include <doctest/doctest.h>

#include "support/errors.hpp"
#include "support/model_maker.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;
using namespace shoal::test;
using importer::Model;

namespace {

Model model(std::initializer_list<float> weights, std::int64_t step = 3, const char* name = "w") {
    ModelMaker maker;
    maker.graph()
        .input("x", ElementType::f32, {2})
        .initialiser(name, floats({static_cast<std::int64_t>(weights.size())}, weights))
        .initialiser("step", ints({1}, {step}))
        .op("Mul", {"x", name}, {"y"})
        .output("y");
    return maker.model();
}

}  // namespace

TEST_CASE("the average is weighted and weights are relative to their sum") {
    const Model models[] = {model({1, 10}), model({4, 40})};
    const double weights[] = {2, 1};
    const Tensor mean = importer::average(models, weights).initialiser("w");
    CHECK(mean.as<float>()[0] == doctest::Approx(2));
    CHECK(mean.as<float>()[1] == doctest::Approx(20));
    CHECK(importer::average(models, weights).initialiser("step").as<std::int64_t>()[0] == 3);
}

TEST_CASE("weights that differ are refused, all of them, by name") {
    const Model models[] = {model({1, 2}), model({1, 2, 3}, 4)};
    const double weights[] = {1, 1};
    const auto message = error_of([&] { (void)importer::average(models, weights); });
    CHECK(says(message, "2 weights differ"));
    CHECK(says(message, "w (f32[2] and f32[3])"));
    CHECK(says(message, "step (integers that differ)"));
    const Model others[] = {model({1, 2}), model({1, 2}, 3, "v")};
    const auto missing = error_of([&] { (void)importer::average(others, weights); });
    CHECK(says(missing, "w (not in model 2)"));
    CHECK(says(missing, "v (not in model 1)"));
}

TEST_CASE("weights must be as many as models and sum up to something") {
    const Model models[] = {model({1, 2}), model({1, 2})};
    const double opposite[] = {1, -1};
    CHECK(says(error_of([&] { (void)importer::average(models, opposite); }), "sum up to 0"));
    CHECK(
        says(error_of([&] { (void)importer::average(models, std::span(opposite, 1)); }), "2 models to average with 1"));
    CHECK_FALSE(error_of([] { (void)importer::average({}, {}); }).empty());
}

TEST_CASE("a saved model is the same model, replaced weights included") {
    const TemporaryFolder folder;
    const auto path = folder.path() / "out.onnx";
    const auto original = parse(small_model());
    importer::save(original, path);
    const auto again = Model::load(path);
    CHECK(again.initialisers() == original.initialisers());
    CHECK(again.operators().size() == original.operators().size());
    CHECK(again.opsets() == original.opsets());
    const std::map<std::string, Tensor> inputs{{"x", Tensor(tensor::Type{ElementType::f32, Shape{1, 3, 8, 8}})},
                                               {"flag", Tensor::scalar(tensor::Bool{1})}};
    const Tensor a = run_model(original, inputs)[0], b = run_model(again, inputs)[0];
    CHECK(std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin(), b.bytes().end()));

    importer::save(again.with_initialisers({{"one", floats({1}, {7})}}), path);
    const Tensor replaced = Model::load(path).initialiser("one");
    CHECK(replaced.type() == tensor::Type{ElementType::f32, Shape{1}});
    CHECK(replaced.as<float>()[0] == 7);
    CHECK(code_of([&] { (void)again.with_initialisers({{"ghost", floats({1}, {7})}}); }) == base::Code::not_found);
    CHECK(code_of([&] { importer::save(again, "/nowhere/at/all.onnx"); }) == base::Code::io);
}

TEST_CASE("a graph is called as its file is, since exporters call all of theirs the same") {
    const TemporaryFolder folder;
    const auto original = model({1, 2});
    const auto path = folder.path() / "doubler.v2.onnx";
    importer::save(original, path);
    const auto loaded = Model::load(path);
    CHECK(importer::lower(loaded, {}).name == "doubler.v2");
    CHECK(importer::lower(original, {}).name == original.name());
    CHECK(loaded.name() == original.name());
    CHECK(importer::lower(loaded.with_initialisers({{"w", floats({2}, {7, 7})}}), {}).name == "doubler.v2");
}
