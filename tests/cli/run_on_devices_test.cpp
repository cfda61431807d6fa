// shoal run on several devices of this machine, as a process.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "cli/command.hpp"
#include "cli/models.hpp"
#include "support/compare.hpp"
#include "support/process.hpp"
#include "support/random.hpp"
#include "tensor/npy.hpp"

using namespace shoal;
using namespace shoal::test;
using tensor::ElementType;
using tensor::Tensor;
namespace fs = std::filesystem;

namespace {

struct Place {
    Place() {
        auto random = generator();
        write_classifier(folder / "classifier.onnx");
        base::replace_file(folder / "data.npy",
                           tensor::to_npy(random_tensor(random, {ElementType::f32, {6, 3, 8, 8}})));
    }
    [[nodiscard]] Tensor load(const std::string& name) const {
        return tensor::from_npy(base::map_file(folder / name), name);
    }
    [[nodiscard]] CommandRun run(const std::string& arguments, const std::string& environment = "") const {
        return shoal_command("run classifier.onnx -i data.npy " + arguments,
                             "-C " + folder.path().string() + " " + environment);
    }

    TemporaryFolder folder;
};

// Whether there is a device that its driver divides in two.
bool can_divide(const Place& place) {
    const auto run = place.run("--device cpu/2");
    if (run.exit_code == 0) return true;
    MESSAGE("skipped: ", run.error);
    return false;
}

bool same(const Tensor& a, const Tensor& b) {
    return a.type() == b.type() && std::ranges::equal(a.bytes(), b.bytes());
}

}  // namespace

TEST_CASE("two parts of a device answer as one of them does") {
    const Place place;
    if (!can_divide(place)) return;
    REQUIRE(place.run("--device cpu --threads 1 -o one").exit_code == 0);
    for (const std::string how :
         {"--mode replicas", "--mode pipeline", "--mode equal-split", "--mode single-board", "--mode batch",
          "--repeat 5 --objective throughput", "--each", "--each --in-flight 1"}) {
        CAPTURE(how);
        const auto run = place.run("--device cpu/2 --threads 1 -o several " + how);
        INFO(run.error);
        REQUIRE(run.exit_code == 0);
        CHECK(run.error.empty());
        CHECK(widest_line(run.out) <= 80);
        const auto said = in_one_line(run.out);
        CHECK(contains(said, "/1 "));
        CHECK(contains(said, "/2 "));
        CHECK(contains(said, "shares "));
        // What a part of the batch is computed by may be another kernel.
        const bool whole = !contains(how, "batch") && !contains(how, "each");
        if (whole) CHECK(same(place.load("several/scores.npy"), place.load("one/scores.npy")));
        CHECK(difference(place.load("several/scores.npy"), place.load("one/scores.npy"), {1e-5, 1e-6}) == "");
    }
}

TEST_CASE("--json says which devices shared what") {
    const Place place;
    if (!can_divide(place)) return;
    const auto run = place.run("--device cpu/2 --mode batch --json");
    INFO(run.error);
    REQUIRE(run.exit_code == 0);
    const auto json = nlohmann::json::parse(run.out);
    REQUIRE(json["devices"].size() == 2);
    const auto& tree = json["shared"]["plan"]["tree"];
    CHECK(tree["axis"] == "batch");
    REQUIRE(tree["children"].size() == 2);
    CHECK(tree["children"][0]["board"] == json["devices"][0]["id"]);
    CHECK(json["shared"]["requests"] == 1);
    CHECK(!json["shared"].contains("hub"));
    CHECK(!json.contains("device"));
}

TEST_CASE("nothing is left but the outputs and the caches") {
    const Place place;
    if (!can_divide(place)) return;
    const auto run = place.run("--device cpu/2 --each -o out", "SHOAL_CACHE=" + (place.folder / "caches").string());
    REQUIRE_MESSAGE(run.exit_code == 0, run.error);
    for (const auto& entry : fs::directory_iterator(place.folder.path())) {
        const auto name = entry.path().filename().string();
        CHECK_MESSAGE((name == "out" || name == "caches" || name == "data.npy" || name == "classifier.onnx"), name);
    }
    CHECK(fs::exists(place.folder / "caches" / "devices" / "weights"));
}

TEST_CASE("wishes for devices that cannot be are refused by name") {
    const Place place;
    const auto refused = [&](const std::string& arguments, const std::string& says) {
        const auto run = place.run(arguments + " -o out");
        INFO(run.error);
        CHECK(run.exit_code == 2);
        CHECK(contains(run.error, says));
        CHECK(!fs::exists(place.folder / "out"));
    };
    refused("--device cpu/0", "--device 'cpu/0': 0 parts");
    refused("--device host/2", "--device host/2: parts are of one OpenCL device");
    refused("--device all/2", "--device all/2: parts are of one OpenCL device");
    refused("--device host --device host", "'host' and 'host' are the same device");
    refused("--device cpu/2 --explain", "--explain is for one device");
    refused("--device cpu/2 --precision fp16", "--precision fp16 is for one device");
    refused("--device cpu/2 --each --state a=b", "--state is for one device");
    refused("--device cpu/2 --hub 127.0.0.1:9", "--device is for this machine");
    refused("--device cpu/2 --connect-timeout 3", "--connect-timeout is for --hub");
    refused("--device cpu --in-flight 3", "--in-flight is for --hub and for several devices");
    refused("--device host --each", "on one device give the model the whole batch");
    const auto unknown = place.run("--device hsot --device host");
    CHECK(unknown.exit_code == 1);
    if (!contains(unknown.error, "no OpenCL device was found"))
        CHECK(contains(unknown.error, "no OpenCL device is named 'hsot'; there are "));
    CHECK(place.run("--device cpu/4096").exit_code == 1);
}

TEST_CASE("an interrupt ends a run on several devices cleanly") {
    const Place place;
    if (!can_divide(place)) return;
    const auto run = run_command("cd " + place.folder.path().string() +
                                 " && { " SHOAL_COMMAND
                                 " run classifier.onnx -i data.npy -o out --device cpu/2 -n 1000000 & "
                                 "pid=$!; until grep -q classifier /proc/$pid/maps; do kill -0 $pid || break; done; "
                                 "sleep 1; kill -TERM $pid; wait $pid; }");
    INFO(run.output);
    CHECK(run.exit_code == 143);
    CHECK(run.output.empty());
    CHECK(!fs::exists(place.folder / "out"));
}
