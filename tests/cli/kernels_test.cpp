// shoal kernels build, and running from what it made where the driver has no compiler: a wrapper around PoCL that says
// so and refuses to build from source.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/wrapped_machine.hpp"
#include "support/compare.hpp"

using namespace shoal;
using namespace shoal::test;
using tensor::ElementType;

namespace {

const std::string kNoCompiler = "SHOAL_WRAPPER_COMPILER=none";

struct Machine : WrappedMachine {
    [[nodiscard]] CommandRun build(const std::string& more = "", const std::string& environment = "") const {
        return shoal("kernels build classifier.onnx --dim N=1 -o kernels " + more, environment);
    }
    [[nodiscard]] CommandRun run(const std::string& more, const std::string& environment = "") const {
        return shoal("run classifier.onnx -i data.npy --output out " + more, environment);
    }
};

}  // namespace

TEST_CASE("a device without a compiler runs a model from kernels that were built ahead of time") {
    if (!has_pocl()) return;
    const Machine machine;
    const auto built = machine.build("--json");
    INFO(built.error);
    REQUIRE(built.exit_code == 0);
    const auto made = nlohmann::json::parse(built.out);
    CHECK(made["programs"] >= 4);
    CHECK(made["bytes"] > 0);
    const auto usual = machine.run("");
    REQUIRE(usual.exit_code == 0);
    const auto want = machine.scores();
    std::filesystem::remove_all(machine.folder / "out");

    const auto refused = machine.run("", kNoCompiler);
    CHECK(refused.exit_code == 1);
    CHECK(contains(refused.error, "has no compiler of its own"));
    CHECK(contains(refused.error, "shoal kernels build"));

    const auto served = machine.run("--kernels kernels", kNoCompiler);
    INFO(served.error);
    REQUIRE(served.exit_code == 0);
    CHECK(difference(machine.scores(), want, {1e-4, 1e-5}) == "");
    // Everything that times the device works from the folder too.
    CHECK(machine.run("--kernels kernels --explain", kNoCompiler).exit_code == 0);
}

TEST_CASE("what a kernel folder lacks is named, with the model and the command that makes it") {
    if (!has_pocl()) return;
    const Machine machine;
    REQUIRE(machine.build().exit_code == 0);
    write_adder(machine.folder / "adder.onnx");
    base::replace_file(machine.folder / "a.npy", tensor::to_npy(tensor::Tensor::of<float>({1, 3}, {1, 2, 3})));
    const auto run = machine.shoal("run adder.onnx -i a=a.npy -i b=a.npy --kernels kernels", kNoCompiler);
    CHECK(run.exit_code == 1);
    CHECK(is_one_line(run.error));
    CHECK(contains(run.error, "kernel folder 'kernels' has no program 'loops"));
    CHECK(contains(run.error, "map"));
    CHECK(contains(run.error, "of model '"));
    CHECK(contains(run.error, "shoal kernels build MODEL --device 0.0 -o kernels"));
}

TEST_CASE("a folder that was made for another device is refused with both identities, an empty one with what to do") {
    if (!has_pocl()) return;
    const Machine machine;
    const auto built = machine.build("--json");
    REQUIRE(built.exit_code == 0);
    const auto theirs = nlohmann::json::parse(built.out)["identity"].get<std::string>();
    const auto run = machine.run("--kernels kernels", "POCL_DEVICES=basic");
    CHECK(run.exit_code == 1);
    CHECK(contains(run.error, "was made for '" + theirs + "'"));
    CHECK(contains(run.error, "this device is '"));
    CHECK(contains(run.error, "|basic"));
    const auto empty = machine.run("--kernels nothing", kNoCompiler);
    CHECK(empty.exit_code == 1);
    CHECK(contains(empty.error, "kernel folder 'nothing' holds no program"));
}

TEST_CASE("kernels build says what is missing") {
    CHECK(shoal_command("kernels build").exit_code == 2);
    CHECK(shoal_command("kernels make model.onnx -o k").exit_code == 2);
    CHECK(contains(shoal_command("kernels build model.onnx").error, "--output"));
    CHECK(shoal_command("kernels build model.onnx --device host -o k").exit_code == 2);
    CHECK(contains(shoal_command("kernels --help").out, "shoal kernels build resnet18.onnx"));
}
