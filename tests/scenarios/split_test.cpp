// One model over several boards, none of which holds it.
#include <doctest/doctest.h>

#include <set>

#include "base/file.hpp"
#include "base/units.hpp"
#include "cli/command.hpp"
#include "scenarios/digits.hpp"
#include "support/model_maker.hpp"
#include "support/random.hpp"
#include "tensor/npy.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

// The last figures of "memory peak 512 KiB of 640 KiB, 450 runs".
void check_memory(const std::string& said) {
    const auto at = said.find("memory peak ");
    REQUIRE(at != std::string::npos);
    const auto line = said.substr(at + 12, said.find(',', at) - at - 12);
    const auto of = line.find(" of ");
    const auto bytes = [](std::string text) {
        text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
        return base::parse_bytes(text);
    };
    CHECK_MESSAGE(bytes(line.substr(0, of)) <= bytes(line.substr(of + 4)), line);
    CHECK(bytes(line.substr(0, of)) > 0);
}

// x -> relu(x w), and those of its elements that are above 0, which is known only once they are computed, times w2.
void write_picker(const std::string& path, std::mt19937& random) {
    const auto real = [&](tensor::Shape shape) {
        return random_tensor(random, tensor::Type{tensor::ElementType::f32, std::move(shape)});
    };
    ModelMaker maker;
    maker.graph()
        .input("x", tensor::ElementType::f32, {std::int64_t{4}, std::int64_t{128}})
        .initialiser("w", real({128, 128}))
        .initialiser("w2", real({1, 16}))
        .op("MatMul", {"x", "w"}, {"h"})
        .op("Relu", {"h"}, {"seen"})
        .op("NonZero", {"seen"}, {"places"})
        .op("Transpose", {"places"}, {"rows"})
        .op("GatherND", {"seen", "rows"}, {"kept"})
        .op("Unsqueeze", {"kept", "axis"}, {"column"})
        .initialiser("axis", ints({1}, {1}))
        .op("MatMul", {"column", "w2"}, {"picked"})
        .output("picked")
        .output("seen");
    base::replace_file(path, maker.bytes());
}

}  // namespace

TEST_CASE("a model whose way on depends on values runs on a cluster, each segment planned by itself") {
    auto random = generator();
    TemporaryFolder folder;
    const auto file = [&](const std::string& name) { return (folder / name).string(); };
    write_picker(file("picker.onnx"), random);
    base::replace_file(file("x.npy"), base::ByteView(tensor::to_npy(random_tensor(
                                          random, tensor::Type{tensor::ElementType::f32, tensor::Shape{4, 128}}))));
    const std::string run = "run " + file("picker.onnx") + " -i " + file("x.npy") + " --output ";
    REQUIRE(shoal_command(run + file("alone") + " --device host").exit_code == 0);
    Cluster cluster({"host", {}, {}, true});
    cluster.start_board("b1", "1MiB");
    cluster.start_board("b2", "1MiB");
    cluster.await_boards(2);
    const auto there = shoal_command(run + file("there") + " --json " + cluster.client_flags());
    INFO(there.error);
    REQUIRE(there.exit_code == 0);
    CHECK(nlohmann::json::parse(there.out)["cluster"]["plans"].size() == 2);
    for (const std::string name : {"picked.npy", "seen.npy"}) {
        const auto read = [&](const std::string& of) {
            return tensor::from_npy(base::map_file(folder / of / name), name);
        };
        CHECK(same_bytes(read("there"), read("alone")));
    }
}

TEST_CASE("a model that fits no board runs over 2, 3 and 4 boards with the same bytes as on one") {
    const auto device = cluster_device();
    const auto& alone = digits_on_one_board(device);
    const std::vector<std::vector<std::string>> memories{
        {"700KiB", "640KiB"}, {"420KiB", "620KiB", "410KiB"}, {"350KiB", "420KiB", "340KiB", "360KiB"}};
    for (const auto& memory : memories) {
        CAPTURE(memory.size());
        Cluster cluster({device, {}, {}, true});
        for (std::size_t i = 0; i < memory.size(); ++i)
            cluster.start_board("b" + std::to_string(i + 1), memory[i]);
        cluster.await_boards(memory.size());
        auto run = DigitsRun(cluster).result();
        INFO(run.error);
        REQUIRE(run.exit_code == 0);
        CHECK(wrong_rows(run.scores, alone) == 0);
        CHECK(same_bytes(run.scores, alone));
        std::set<std::string> boards;
        for (const auto& stage : run.report["cluster"]["plan"]["stages"]) {
            boards.insert(stage["board"].get<std::string>());
            CHECK(stage["memory_bytes"] <= stage["memory_limit_bytes"]);
        }
        CHECK(boards.size() >= 2);
        MESSAGE(memory.size(), " boards, ", boards.size(), " used, ",
                run.report["cluster"]["requests_per_s"].get<double>(), " requests/s");
        for (std::size_t i = 0; i < memory.size(); ++i)
            check_memory(cluster.board("b" + std::to_string(i + 1)).stop());
    }
}

TEST_CASE("what fits nowhere is refused with by how much and where, and what does not fit twice with its limit") {
    Cluster cluster({"host", {}, {}, true});
    cluster.start_board("small", "200KiB");
    cluster.start_board("smaller", "100KiB");
    cluster.await_boards(2);
    auto run = DigitsRun(cluster).result();
    CHECK(run.exit_code == 1);
    CHECK(contains(run.error, "KiB"));
    CHECK(contains(run.error, "small"));
}

TEST_CASE("the state of the cluster can be seen, and the plan, with the cluster's measured figures kept as a file") {
    Cluster cluster({"host", {}, {}, true});
    cluster.start_board("one", "700KiB");
    cluster.start_board("two", "640KiB");
    cluster.await_boards(2);
    auto run = DigitsRun(cluster).result();
    INFO(run.error);
    REQUIRE(run.exit_code == 0);
    const auto status = cluster.status();
    REQUIRE(status["boards"].size() == 2);
    for (const auto& board : status["boards"]) {
        CHECK(board["memory_used_bytes"] <= board["memory_limit_bytes"]);
        CHECK(board["devices"].size() == 1);
    }
    const std::string model = SHOAL_SOURCE_DIR "/examples/digits/digits.onnx";
    const auto plan =
        shoal_command("plan " + model + " " + cluster.client_flags() + " --save-cluster " + cluster.file("c.json"));
    INFO(plan.error);
    CHECK(plan.exit_code == 0);
    CHECK(widest_line(plan.out) <= 80);
    CHECK(contains(plan.out, "stage 2 on"));
    const auto again = shoal_command("plan " + model + " --cluster " + cluster.file("c.json"));
    INFO(again.error);
    CHECK(again.exit_code == 0);
    const auto text = shoal_command("status " + cluster.client_flags());
    CHECK(text.exit_code == 0);
    CHECK(widest_line(text.out) <= 80);
}

TEST_CASE("an ensemble's models run on the boards and their answers are merged as on one machine") {
    Cluster cluster({"host", {}, {}, true});
    cluster.start_board("one", "64MiB");
    cluster.start_board("two", "64MiB");
    cluster.await_boards(2);
    const std::string folder = SHOAL_SOURCE_DIR "/examples/digits/";
    const std::string models = folder + "digits.onnx " + folder + "digits.onnx";
    const TemporaryFolder own;
    const std::string images = images_file(own.path());
    for (const std::string merge : {"mean --weights 0.7,0.3", "vote", "best", "softmax-mean", "sum", "concatenate"}) {
        CAPTURE(merge);
        const std::string flags = "run " + models + " --input " + images + " --merge " + merge + " --output ";
        const auto there = shoal_command(flags + cluster.file("there") + " " + cluster.client_flags());
        INFO(there.error);
        REQUIRE(there.exit_code == 0);
        const auto here = shoal_command(flags + cluster.file("here") + " --device host");
        INFO(here.error);
        REQUIRE(here.exit_code == 0);
        const auto compare = shoal_command("--version >/dev/null; cmp " + cluster.file("there/scores.npy") + " " +
                                           cluster.file("here/scores.npy"));
        CHECK(compare.exit_code == 0);
    }
}
