// Models on drivers that refuse what most take: a wrapper around PoCL does it for them.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/wrapped_machine.hpp"
#include "support/compare.hpp"

using namespace shoal;
using namespace shoal::test;
using tensor::ElementType;

namespace {

const std::string kGpu = "SHOAL_WRAPPER_TYPE=gpu ";

struct Machine : WrappedMachine {
    // Each with a cache of its own: what was compiled once is not compiled, and so not refused, again.
    [[nodiscard]] CommandRun shoal(const std::string& arguments, const std::string& environment = "") const {
        const TemporaryFolder cache;
        return WrappedMachine::shoal(arguments, environment, cache.path().string());
    }
    [[nodiscard]] CommandRun run(const std::string& environment) const {
        return shoal("run classifier.onnx -i data.npy --output out", environment);
    }
};

}  // namespace

TEST_CASE("a model runs where the driver refuses tiles, or shows the host's memory to nobody") {
    if (!has_pocl()) return;
    const Machine machine;
    REQUIRE(machine.run("").exit_code == 0);
    const auto want = machine.scores();
    for (const auto* environment : {"SHOAL_WRAPPER_REFUSES=TILE_ROWS", "SHOAL_WRAPPER_SHOWS=none"}) {
        CAPTURE(environment);
        std::filesystem::remove_all(machine.folder / "out");
        const auto ran = machine.run(kGpu + environment);
        INFO(ran.error);
        REQUIRE(ran.exit_code == 0);
        CHECK_EQ(difference(machine.scores(), want, {1e-4, 1e-5}), "");
    }
}

TEST_CASE("kernels made ahead of time are those that the driver takes") {
    if (!has_pocl()) return;
    const Machine machine;
    REQUIRE(machine.run("").exit_code == 0);
    const auto want = machine.scores();
    std::filesystem::remove_all(machine.folder / "out");
    const auto built =
        machine.shoal("kernels build classifier.onnx --dim N=1 -o kernels", kGpu + "SHOAL_WRAPPER_REFUSES=TILE_ROWS");
    INFO(built.error);
    REQUIRE(built.exit_code == 0);
    const auto ran = machine.shoal("run classifier.onnx -i data.npy --output out --kernels kernels",
                                   kGpu + "SHOAL_WRAPPER_COMPILER=none");
    INFO(ran.error);
    REQUIRE(ran.exit_code == 0);
    CHECK_EQ(difference(machine.scores(), want, {1e-4, 1e-5}), "");
}

TEST_CASE("kernels that cannot have the groups that they are made for are named with both numbers") {
    if (!has_pocl()) return;
    const auto ran = Machine().run("SHOAL_WRAPPER_TYPE=accelerator SHOAL_WRAPPER_GROUP=16");
    CHECK(ran.exit_code != 0);
    INFO(ran.error);
    CHECK(contains(ran.error, "groups of 64 work-items"));
    CHECK(contains(ran.error, "at most 16 of it together"));
}

TEST_CASE("tuning goes on where the driver refuses one of the ways, and says so where it refuses all") {
    if (!has_pocl()) return;
    const Machine machine;
    auto random = generator();
    OnnxFile("product")
        .input("x", "N,70")
        .constant("w", random_tensor(random, {ElementType::f32, {70, 90}}))
        .op("MatMul", {"x", "w"}, {"y"})
        .output("y", "N,90")
        .save(machine.folder / "product.onnx");
    const std::string tune = "tune product.onnx --dim N=40 --repeat 1 --json";
    const auto names = [&](const std::string& refused) {
        const auto ran = machine.shoal(tune, kGpu + "SHOAL_WRAPPER_REFUSES='" + refused + "'");
        INFO(ran.error);
        REQUIRE(ran.exit_code == 0);
        std::string out;
        const auto report = nlohmann::json::parse(ran.out);
        for (const auto& kernel : report["kernels"]) {
            for (const auto& variant : kernel["variants"])
                out += variant["variant"].get<std::string>() + " ";
        }
        return out;
    };
    const std::string all = names("what no kernel holds"), some = names("TILE_ROWS 32");
    INFO(all);
    INFO(some);
    REQUIRE(contains(all, "local-32x"));
    CHECK_FALSE(contains(some, "local-32x"));
    CHECK(contains(some, "local-16x"));
    CHECK_FALSE(contains(names("TILE_ROWS"), "local-"));
}
