// Models on drivers that refuse what most take: a wrapper around PoCL does it for them.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "cli/command.hpp"
#include "cli/models.hpp"
#include "support/compare.hpp"
#include "support/random.hpp"
#include "tensor/npy.hpp"

using namespace shoal;
using namespace shoal::test;
using tensor::ElementType;

namespace {

const std::string kGpu = "SHOAL_WRAPPER_TYPE=gpu ";

std::string pocl_cache() {
    static const TemporaryFolder folder;
    return folder.path().string();
}

// A machine whose one driver is the wrapper, with a model and an input.
struct Machine {
    Machine() {
        std::filesystem::create_directory(folder / "vendors");
        folder.write("vendors/wrapper.icd", std::string(SHOAL_ICDS) + "/icd_wrapper.so\n");
        auto random = generator();
        write_classifier(folder / "classifier.onnx");
        base::replace_file(folder / "data.npy",
                           tensor::to_npy(random_tensor(random, {ElementType::f32, {1, 3, 8, 8}})));
    }
    // Each with a cache of its own: what was compiled once is not compiled, and so not refused, again.
    [[nodiscard]] CommandRun shoal(const std::string& arguments, const std::string& environment = "") const {
        const TemporaryFolder cache;
        return shoal_command(arguments, "-u LD_PRELOAD -u OCL_ICD_FILENAMES -C " + folder.path().string() +
                                            " OCL_ICD_VENDORS=" + (folder / "vendors").string() +
                                            " SHOAL_CACHE=" + cache.path().string() +
                                            " POCL_CACHE_DIR=" + pocl_cache() + " " + environment);
    }
    [[nodiscard]] CommandRun run(const std::string& environment) const {
        return shoal("run classifier.onnx -i data.npy --output out", environment);
    }
    [[nodiscard]] tensor::Tensor scores() const {
        return tensor::from_npy(base::map_file(folder / "out" / "scores.npy"), "scores.npy");
    }

    TemporaryFolder folder;
};

bool has_pocl() {
    const bool found = Machine().shoal("devices").exit_code == 0;
    if (!found) MESSAGE("skipped, PoCL is not installed");
    return found;
}

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
