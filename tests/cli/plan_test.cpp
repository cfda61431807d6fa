#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "cli/command.hpp"
#include "cli/models.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

// A chain of four dense layers of 64 KiB of weights each, and boards that hold so much.
class Scene {
public:
    explicit Scene(const std::vector<std::string>& memory) {
        OnnxFile file("chain");
        file.input("x", "N,128").output("y", "N,128");
        std::string last = "x";
        for (int i = 0; i < 4; ++i) {
            const std::string n = std::to_string(i), out = i == 3 ? "y" : "v" + n;
            file.constant("w" + n, tensor::Tensor(tensor::Type{tensor::ElementType::f32, tensor::Shape{128, 128}}));
            file.op("MatMul", {last, "w" + n}, {"m" + n}).op("Relu", {"m" + n}, {out});
            last = out;
        }
        file.save(folder_ / "chain.onnx");
        nlohmann::json cluster{{"boards", nlohmann::json::array()},
                               {"default_link", {{"latency_ms", 0.1}, {"mb_per_s", 100}}}};
        for (std::size_t i = 0; i < memory.size(); ++i) {
            cluster["boards"].push_back({{"name", "b" + std::to_string(i + 1)},
                                         {"memory", memory[i]},
                                         {"gflops", 1},
                                         {"gb_per_s", 1},
                                         {"launch_us", 10}});
        }
        base::replace_file(folder_ / "c.json", cluster.dump());
    }

    [[nodiscard]] CommandRun plan(const std::string& flags) const {
        const auto at = folder_.path().string();
        return shoal_command("plan " + at + "/chain.onnx --cluster " + at + "/c.json " + flags);
    }

private:
    TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("a model too large for each board is planned over several, within every board's memory") {
    const Scene scene({"150KiB", "100KiB", "100KiB", "80KiB"});
    const auto run = scene.plan("--json");
    INFO(run.error);
    REQUIRE(run.exit_code == 0);
    const auto plan = nlohmann::json::parse(run.out);
    REQUIRE(plan["stages"].size() >= 3);
    std::uint32_t next = 0;
    for (const auto& stage : plan["stages"]) {
        CHECK(stage["memory_bytes"] <= stage["memory_limit_bytes"]);
        CHECK(stage["first_kernel"] == next);
        next = stage["last_kernel"];
    }
    CHECK(plan["latency_ms"] >= plan["latency_bound_ms"]);
    std::map<std::string, std::uint64_t> needs;
    for (const auto& stage : plan["stages"])
        needs[stage["board"]] += stage["memory_bytes"].get<std::uint64_t>();
    REQUIRE(plan["boards"].size() == needs.size());
    for (const auto& board : plan["boards"])
        CHECK(board["memory_bytes"] == needs.at(board["board"]));

    const auto text = scene.plan("--objective throughput");
    CHECK(text.exit_code == 0);
    CHECK(widest_line(text.out) <= 80);
    CHECK(contains(text.out, "plan for throughput"));
    CHECK(contains(text.out, "hub ="));
    CHECK(contains(text.out, "no plan above"));
    CHECK(contains(text.out, "of 150 KiB"));
    CHECK(contains(text.out, "memory by board"));
}

TEST_CASE("a board can be left out of the question, and what no longer fits says by how much and where") {
    const Scene scene({"150KiB", "150KiB", "120KiB"});
    CHECK(scene.plan("").exit_code == 0);
    const auto run = scene.plan("--without b2");
    CHECK(run.exit_code == 1);
    INFO(run.error);
    CHECK(contains(run.error, "KiB"));
    CHECK(contains(run.error, "b3"));
    const auto unknown = scene.plan("--without b9");
    CHECK(unknown.exit_code == 2);
    CHECK(contains(unknown.error, "'b9'"));
    CHECK(contains(unknown.error, "b1, b2, b3"));
}

TEST_CASE("simpler systems' plans are there to compare with") {
    const Scene scene({"1MiB", "1MiB"});
    const auto of = [&](const std::string& mode) {
        const auto run = scene.plan("--json --objective throughput --mode " + mode);
        INFO(mode, ": ", run.error);
        REQUIRE(run.exit_code == 0);
        return nlohmann::json::parse(run.out)["requests_per_s"].get<double>();
    };
    const double best = of("best");
    for (const char* mode : {"single-board", "equal-split", "pipeline", "replicas"})
        CHECK(of(mode) <= best * (1 + 1e-9));
    const auto whole = scene.plan("--json --mode batch --dim N=10");
    INFO(whole.error);
    REQUIRE(whole.exit_code == 0);
    CHECK(nlohmann::json::parse(whole.out)["stages"].size() == 2);
    const auto one = scene.plan("--mode batch --dim N=1");
    CHECK(one.exit_code == 1);
    CHECK(contains(one.error, "cannot be divided"));
}

TEST_CASE("flags that contradict each other are refused") {
    const Scene scene({"1MiB"});
    CHECK(scene.plan("--hub 127.0.0.1").exit_code == 2);
    CHECK(scene.plan("--merge mean").exit_code == 2);
    CHECK(scene.plan("--save-cluster x.json").exit_code == 2);
    CHECK(scene.plan("--device cpu").exit_code == 2);
    CHECK(contains(scene.plan("--threads 1").error, "--threads is for --device"));
    CHECK(shoal_command("plan nothing.onnx").exit_code == 2);
}

TEST_CASE("devices of this machine are planned for as a cluster's boards are") {
    const TemporaryFolder folder;
    write_classifier(folder / "m.onnx");
    const std::string model = "plan " + (folder / "m.onnx").string();
    const auto run = shoal_command(model + " --device cpu/2 --mode replicas --objective throughput --save-cluster " +
                                   (folder / "c.json").string());
    if (run.exit_code != 0) {
        MESSAGE("skipped: ", run.error);
        return;
    }
    CHECK(contains(run.out, "on here:"));
    CHECK(contains(run.out, "2 stages on 2 of 2"));
    CHECK(shoal_command(model + " --cluster " + (folder / "c.json").string()).exit_code == 0);
    CHECK(contains(shoal_command(model + " --device cpu/2 --hub-key k --key k").error, " is for --hub"));
}
