#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "cli/command.hpp"
#include "cli/models.hpp"

using namespace shoal;
using namespace shoal::test;

TEST_CASE("a model is shown in 80 columns, without any device") {
    const TemporaryFolder folder;
    write_classifier(folder / "m.onnx");
    const auto run = shoal_command("inspect " + (folder / "m.onnx").string(), "OCL_ICD_VENDORS=/dev/null/none");
    INFO(run.out);
    CHECK(run.exit_code == 0);
    CHECK(run.error.empty());
    CHECK(widest_line(run.out.substr(run.out.find('\n'))) <= 80);  // the first line names the file
    for (const std::string part :
         {"'classifier'", "shoal tests", "ai.onnx 17", "data f32[N, 3, 8, 8]", "scores f32[N, 5]", "133 in 532 B",
          "GlobalAveragePool", "kernels", "A run with data f32[1, 3, 8, 8]"})
        CHECK_MESSAGE(contains(run.out, part), part);
}

TEST_CASE("as JSON: sizes, work and memory for the sizes that are bound") {
    const TemporaryFolder folder;
    write_classifier(folder / "m.onnx");
    const auto one = nlohmann::json::parse(shoal_command("inspect --json " + (folder / "m.onnx").string()).out);
    CHECK(one["parameters"] == 133);
    CHECK(one["parameter_bytes"] == 532);
    CHECK(one["symbols"] == std::vector<std::string>{"N"});
    CHECK(one["inputs"][0]["shape"] == nlohmann::json::parse(R"(["N", 3, 8, 8])"));
    CHECK(one["unsupported"].empty());
    CHECK(one["operators"].size() == 5);
    const auto four =
        nlohmann::json::parse(shoal_command("inspect --json --dim N=4 " + (folder / "m.onnx").string()).out);
    CHECK(four["bound"]["inputs"]["data"]["shape"] == std::vector<int>{4, 3, 8, 8});
    CHECK(four["bound"]["flops"].get<double>() == doctest::Approx(4 * one["bound"]["flops"].get<double>()));
    CHECK(four["bound"]["kernels"].get<int>() >= 2);
    CHECK(four["bound"]["peak_activation_bytes"].get<int>() >= 4 * 4 * 8 * 8 * 4);
}

TEST_CASE("what is not supported is listed whole, and sizes that are open are named") {
    const TemporaryFolder folder;
    OnnxFile("unknown")
        .input("x", "2")
        .op("Frobnicate", {"x"}, {"y"}, "", {}, "acme")
        .op("Relu", {"y"}, {"z"})
        .op("Quux", {"z"}, {"w"})
        .output("w", "2")
        .save(folder / "unknown.onnx");
    const auto run = shoal_command("inspect " + (folder / "unknown.onnx").string());
    INFO(run.out);
    CHECK(run.exit_code == 0);
    CHECK(contains(run.out, "Frobnicate"));
    CHECK(contains(run.out, "not supported"));
    CHECK(contains(run.out, "Work and memory are not known"));
    const auto json = nlohmann::json::parse(shoal_command("inspect --json " + (folder / "unknown.onnx").string()).out);
    CHECK(json["unsupported"].size() == 2);
    CHECK(json["bound"].is_null());
    const auto drawing =
        shoal_command("inspect " + (folder / "unknown.onnx").string() + " --svg " + (folder / "d.svg").string());
    CHECK(drawing.exit_code == 1);
    CHECK(contains(drawing.error, "cannot be drawn"));
    write_identity(folder / "open.onnx", "N,length");
    CHECK(contains(shoal_command("inspect " + (folder / "open.onnx").string()).out, "--dim length="));
}

TEST_CASE("names in a model cannot steer the terminal") {
    const TemporaryFolder folder;
    OnnxFile("evil\x1b[2J")
        .input("x\x1b]0;title\x07", "2")
        .op("Relu", {"x\x1b]0;title\x07"}, {"y\n"})
        .output("y\n", "2")
        .save(folder / "m.onnx");
    for (const char* flags : {"", "--json "}) {
        const auto run = shoal_command("inspect " + std::string(flags) + (folder / "m.onnx").string());
        CHECK(run.exit_code == 0);
        CHECK(run.out.find('\x1b') == std::string::npos);
        CHECK(run.out.find('\x07') == std::string::npos);
    }
}

TEST_CASE("--svg draws the kernels") {
    const TemporaryFolder folder;
    write_classifier(folder / "m.onnx");
    const auto run = shoal_command("inspect " + (folder / "m.onnx").string() + " --svg " + (folder / "m.svg").string());
    REQUIRE(run.exit_code == 0);
    const auto svg = shoal::base::read_text(folder / "m.svg");
    CHECK(contains(svg, "<svg xmlns="));
    CHECK(contains(svg, "input data"));
    CHECK(contains(svg, "conv"));
    CHECK(contains(svg, "output scores"));
    const auto failed =
        shoal_command("inspect " + (folder / "m.onnx").string() + " --svg " + (folder / "none/m.svg").string());
    CHECK(failed.exit_code == 1);
}

TEST_CASE("of a model whose sizes depend on its data, the beginning is shown and drawn") {
    const TemporaryFolder folder;
    OnnxFile("found")
        .input("x", "2,3")
        .op("Relu", {"x"}, {"r"})
        .op("NonZero", {"r"}, {"y"})
        .output("y", "2,count")
        .save(folder / "m.onnx");
    const auto run = shoal_command("inspect " + (folder / "m.onnx").string() + " --svg " + (folder / "m.svg").string());
    REQUIRE(run.exit_code == 0);
    CHECK(contains(run.out, "at least"));
    CHECK(contains(run.out, "depends on the data, on r"));
    CHECK(contains(shoal::base::read_text(folder / "m.svg"), "Relu"));
    const auto json = nlohmann::json::parse(shoal_command("inspect --json " + (folder / "m.onnx").string()).out);
    CHECK(json["bound"]["rest_depends_on"] == nlohmann::json::array({"r"}));
}

TEST_CASE("where an input decides how a run goes on, it is named; weights among the inputs are counted") {
    const TemporaryFolder folder;
    OnnxFile("places").input("seen", "3,4").op("NonZero", {"seen"}, {"y"}).output("y", "2,?").save(folder / "p.onnx");
    CHECK(contains(in_one_line(shoal_command("inspect " + (folder / "p.onnx").string()).out), "on the data, on seen"));
    OnnxFile file("many");
    file.input("x", "2");
    std::string sum = "x";
    for (int i = 0; i < 9; ++i) {
        const std::string name = "weight" + std::to_string(i), next = i == 8 ? "y" : "sum" + std::to_string(i);
        file.input(name, "2").constant(name, tensor::Tensor({tensor::ElementType::f32, {2}}));
        file.op("Add", {sum, name}, {next});
        sum = next;
    }
    file.output("y", "2").save(folder / "m.onnx");
    const auto run = shoal_command("inspect " + (folder / "m.onnx").string());
    CHECK(contains(run.out, "x f32[2]"));
    CHECK(contains(run.out, "and 9 that the file has values for"));
    CHECK_FALSE(contains(run.out, "weight3"));
}
