#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/models.hpp"
#include "cli/random_inputs.hpp"

using namespace shoal;
using namespace shoal::test;
using tensor::ElementType;

TEST_CASE("made-up inputs: the same for a seed, in range, not constant") {
    const std::map<std::string, tensor::Type> types{{"f", {ElementType::f32, {1000}}},
                                                    {"i", {ElementType::i64, {1000}}},
                                                    {"b", {ElementType::boolean, {1000}}},
                                                    {"empty", {ElementType::f32, {0, 3}}}};
    const auto once = cli::random_inputs(types, 7), again = cli::random_inputs(types, 7);
    CHECK(tensor::to_doubles(once.at("f")) == tensor::to_doubles(again.at("f")));
    CHECK(tensor::to_doubles(once.at("f")) != tensor::to_doubles(cli::random_inputs(types, 8).at("f")));
    double least = 2, most = -2;
    for (const double value : tensor::to_doubles(once.at("f"))) {
        least = std::min(least, value);
        most = std::max(most, value);
    }
    CHECK(least >= -1);
    CHECK(least < -0.9);
    CHECK(most < 1);
    CHECK(most > 0.9);
    int ones = 0;
    for (const auto value : tensor::to_ints(once.at("i"))) {
        CHECK((value == 0 || value == 1));
        ones += static_cast<int>(value);
    }
    CHECK(ones > 400);
    CHECK(ones < 600);
    CHECK(once.at("empty").count() == 0);
}

TEST_CASE("bench prints its figures in 80 columns and as JSON") {
    const TemporaryFolder folder;
    write_classifier(folder / "m.onnx");
    const std::string model = "bench " + (folder / "m.onnx").string() + " --device host ";
    const auto text = shoal_command(model + "--repeat 5 --quiet");
    INFO(text.out);
    CHECK(text.exit_code == 0);
    CHECK(text.error.empty());
    for (const std::string part :
         {"median", "p10", "p90", "first", "GFLOP/s", "inputs/s", "cold start", "warm start", "peak resident set"})
        CHECK_MESSAGE(contains(text.out, part), part);
    const auto run = shoal_command(model + "--repeat 7 --dim N=3 --json --skip-start -q");
    REQUIRE(run.exit_code == 0);
    const auto json = nlohmann::json::parse(run.out);
    CHECK(json["runs"] == 7);
    CHECK(json["run_ms"].size() == 7);
    CHECK(json["batch"] == 3);
    CHECK(json["inputs"]["data"]["shape"] == std::vector<int>{3, 3, 8, 8});
    CHECK(json["p10_ms"].get<double>() <= json["median_ms"].get<double>());
    CHECK(json["median_ms"].get<double>() <= json["p90_ms"].get<double>());
    CHECK(json["flops"].get<double>() >= 2.0 * 3 * 4 * 8 * 8 * 27);
    CHECK(!json.contains("cold_start"));
}

TEST_CASE("several devices are measured as one") {
    const TemporaryFolder folder;
    write_classifier(folder / "m.onnx");
    const std::string model = "bench " + (folder / "m.onnx").string() + " --device cpu/2 ";
    const auto run = shoal_command(model + "--repeat 3 --dim N=4 --json --skip-start -q");
    if (run.exit_code != 0) {
        MESSAGE("skipped: ", run.error);
        return;
    }
    const auto json = nlohmann::json::parse(run.out);
    CHECK(json["devices"].size() == 2);
    CHECK(!json.contains("device"));
    CHECK(json["runs"] == 3);
    const auto text = shoal_command(model + "--repeat 3 -q");
    CHECK_MESSAGE(text.exit_code == 0, text.error);
    CHECK(contains(text.out, "devices "));
    CHECK(contains(text.out, "cold start"));
    const auto halves = shoal_command(model + "--precision fp16");
    CHECK(halves.exit_code == 2);
    CHECK(contains(halves.error, "--precision fp16 is for one device"));
}

TEST_CASE("sizes that are open are asked for") {
    const TemporaryFolder folder;
    write_identity(folder / "open.onnx", "N,length");
    const auto open = shoal_command("bench " + (folder / "open.onnx").string() + " -d host");
    CHECK(open.exit_code == 1);
    CHECK(contains(open.error, "--dim length="));
    const auto bound =
        shoal_command("bench " + (folder / "open.onnx").string() + " -d host --dim length=13 --skip-start -n 2 --json");
    CHECK(nlohmann::json::parse(bound.out)["inputs"]["data"]["shape"] == std::vector<int>{1, 13});
    const auto wrong = shoal_command("bench " + (folder / "open.onnx").string() + " -d host --dim lenght=13");
    CHECK(wrong.exit_code == 2);
    CHECK(contains(wrong.error, "did you mean 'length'?"));
}
