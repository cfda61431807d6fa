#include <doctest/doctest.h>

#include "base/file.hpp"
#include "cli/command.hpp"
#include "cli/models.hpp"
#include "importer/model.hpp"

using namespace shoal;
using namespace shoal::test;

TEST_CASE("parameters are averaged by their weights") {
    const TemporaryFolder folder;
    write_classifier(folder / "a.onnx", 1);
    write_classifier(folder / "b.onnx", 2);
    const std::string at = folder.path().string();
    const auto run = shoal_command("average " + at + "/a.onnx " + at + "/b.onnx --weights 3,1 -o " + at + "/c.onnx");
    INFO(run.error);
    REQUIRE(run.exit_code == 0);
    const auto a = importer::Model::load(folder / "a.onnx"), b = importer::Model::load(folder / "b.onnx"),
               c = importer::Model::load(folder / "c.onnx");
    for (const auto& name : a.initialisers()) {
        const auto left = tensor::to_doubles(a.initialiser(name)), right = tensor::to_doubles(b.initialiser(name)),
                   mean = tensor::to_doubles(c.initialiser(name));
        for (std::size_t i = 0; i < mean.size(); ++i)
            CHECK(mean[i] == doctest::Approx(0.75 * left[i] + 0.25 * right[i]).epsilon(1e-6));
    }
    const auto even =
        shoal_command("average " + at + "/a.onnx " + at + "/a.onnx " + at + "/b.onnx -o " + at + "/d.onnx");
    CHECK(even.exit_code == 0);
    CHECK(contains(even.out, "the mean of 3 models, 133 parameters"));
}

TEST_CASE("models that do not fit together are refused with the names that differ, and nothing is written") {
    const TemporaryFolder folder;
    write_classifier(folder / "a.onnx");
    write_adder(folder / "b.onnx");
    const std::string at = folder.path().string();
    const auto run = shoal_command("average " + at + "/a.onnx " + at + "/b.onnx -o " + at + "/c.onnx");
    CHECK(run.exit_code == 1);
    CHECK(contains(run.error, "kernel"));
    CHECK(contains(run.error, "not in model 2"));
    CHECK(!std::filesystem::exists(folder / "c.onnx"));
}

TEST_CASE("a model is not overwritten by its own mean") {
    const TemporaryFolder folder;
    write_classifier(folder / "a.onnx", 1);
    write_classifier(folder / "b.onnx", 2);
    const auto before = base::read_text(folder / "a.onnx");
    const std::string at = folder.path().string();
    const auto run = shoal_command("average " + at + "/a.onnx " + at + "/b.onnx -o " + at + "/../" +
                                   folder.path().filename().string() + "/a.onnx");
    CHECK(run.exit_code == 2);
    CHECK(contains(run.error, "is one of the models"));
    CHECK(base::read_text(folder / "a.onnx") == before);
}
