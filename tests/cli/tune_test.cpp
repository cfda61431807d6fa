#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/command.hpp"
#include "cli/models.hpp"
#include "support/random.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

// A product with tiles to choose from.
void write_product(const std::filesystem::path& path) {
    auto random = generator();
    OnnxFile("product")
        .input("x", "N,70")
        .constant("w", random_tensor(random, {tensor::ElementType::f32, {70, 90}}))
        .op("MatMul", {"x", "w"}, {"y"})
        .output("y", "N,90")
        .save(path);
}

struct Machine {
    Machine() { write_product(folder / "m.onnx"); }
    [[nodiscard]] CommandRun shoal(const std::string& arguments) const {
        return shoal_command(arguments, "-C " + folder.path().string() + " SHOAL_CACHE=" + (folder / "cache").string());
    }
    TemporaryFolder folder;
};

}  // namespace

TEST_CASE("tune measures a model's kernels once, and what it finds can be shipped") {
    const Machine machine;
    const std::string tune = "tune m.onnx --dim N=40 --repeat 2 --quiet ";
    const auto first = machine.shoal(tune + "-o board.kernels");
    INFO(first.error);
    if (contains(first.error, "no OpenCL device")) {
        MESSAGE("skipped: no OpenCL device");
        return;
    }
    REQUIRE(first.exit_code == 0);
    INFO(first.out);
    CHECK(widest_line(first.out) <= 80);
    if (contains(first.out, "no kernel of this model")) return;  // a device with one way for each kernel
    CHECK(contains(first.out, "tile-"));
    CHECK(contains(machine.shoal(tune).out, "1 kernel known already"));
    CHECK(contains(machine.shoal(tune + "--again").out, "tile-"));
    const auto json = nlohmann::json::parse(machine.shoal(tune + "--again --json").out);
    CHECK(json["kernels"][0]["variants"].size() > 1);
    CHECK(json["kernels"][0]["variants"][0]["seconds"] > 0);

    CHECK(machine.shoal("bench m.onnx --dim N=40 --repeat 2 --skip-start --quiet --tuned board.kernels").exit_code ==
          0);
    std::ifstream in(machine.folder / "board.kernels");
    std::stringstream table;
    table << in.rdbuf();
    auto text = table.str();
    const auto end_of_line = text.find('\n');
    machine.folder.write("other.kernels", text.insert(end_of_line, " of another board"));
    const auto refused = machine.shoal("bench m.onnx --skip-start --quiet --tuned other.kernels");
    CHECK(refused.exit_code != 0);
    CHECK(contains(refused.error, "of another board"));
    CHECK(contains(refused.error, "shoal tune"));
    CHECK(machine.shoal("bench m.onnx --skip-start --quiet --tuned none.kernels").exit_code != 0);
}

TEST_CASE("tune refuses the plain loops of the host") {
    const Machine machine;
    const auto run = machine.shoal("tune m.onnx --device host");
    CHECK(run.exit_code != 0);
    CHECK(is_one_line(run.error));
}

TEST_CASE("tune looks whether its table can be written before it measures for minutes") {
    const Machine machine;
    for (const char* output : {"none/t.kernels", "."}) {
        const auto run = machine.shoal(std::string("tune m.onnx -o ") + output);
        CHECK(run.exit_code != 0);
        CHECK(run.out.empty());
        CHECK(is_one_line(run.error));
        CHECK(contains(run.error, "--output"));
    }
}
