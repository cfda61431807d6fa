// shoal run as a process: what it writes, what it prints, and how it fails.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "base/file.hpp"
#include "cli/command.hpp"
#include "cli/models.hpp"
#include "cli/pictures.hpp"
#include "runtime/host_backend.hpp"
#include "session/session.hpp"
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

// A folder with the models of these tests and their inputs.
struct Place {
    Place() {
        auto random = generator();
        write_classifier(folder / "classifier.onnx");
        write_adder(folder / "adder.onnx");
        data = random_tensor(random, {ElementType::f32, {2, 3, 8, 8}});
        save("data.npy", data);
        save("a.npy", Tensor::of<float>({1, 3}, {1, 2, 3}));
        save("b.npy", Tensor::of<float>({1, 3}, {10, 20, 30}));
        save("c.npy", Tensor::of<float>({3}, {100, 200, 300}));
    }

    void save(const std::string& name, const Tensor& tensor) const {
        base::replace_file(folder / name, tensor::to_npy(tensor));
    }
    [[nodiscard]] Tensor load(const std::string& name) const {
        return tensor::from_npy(base::map_file(folder / name), name);
    }
    [[nodiscard]] CommandRun run(const std::string& arguments, const std::string& environment = "") const {
        const TemporaryFolder nothing;
        return shoal_command("run " + arguments, "-C " + folder.path().string() + " " + environment);
    }

    TemporaryFolder folder;
    Tensor data;
};

// Long names of devices break lines wherever they must.
std::string on_one_line(const std::string& text) {
    return std::regex_replace(text, std::regex("\\s+"), " ");
}

}  // namespace

TEST_CASE("outputs become .npy files with the session's results") {
    const Place place;
    const auto run = place.run("classifier.onnx --input data=data.npy --output out/deep --device host");
    INFO(run.error);
    REQUIRE(run.exit_code == 0);
    CHECK(run.error.empty());
    CHECK(widest_line(run.out) <= 80);
    CHECK(contains(run.out, "input data f32[2, 3, 8, 8] from data.npy"));
    CHECK(contains(run.out, "output scores f32[2, 5] -> out/deep/scores.npy"));
    CHECK(contains(run.out, "memory"));
    session::Session session(importer::Model::load(place.folder / "classifier.onnx"), runtime::make_host_backend());
    const auto want = session.run({{"data", place.data}});
    CHECK(difference(place.load("out/deep/scores.npy"), want[0].second) == "");
}

TEST_CASE("a model with one input needs no name, defaults may be left out or given") {
    const Place place;
    CHECK(place.run("classifier.onnx -i data.npy -o one -d host").exit_code == 0);
    CHECK(place.load("one/scores.npy").shape() == tensor::Shape{2, 5});
    CHECK(place.run("adder.onnx -i a=a.npy -i b=b.npy -o two -d host").exit_code == 0);
    CHECK(tensor::to_doubles(place.load("two/sum_all.npy")) == std::vector<double>{12, 24, 36});
    CHECK(tensor::to_doubles(place.load("two/difference.npy")) == std::vector<double>{-9, -18, -27});
    CHECK(place.run("adder.onnx -i a=a.npy -i b=b.npy -i c=c.npy -o two -d host").exit_code == 0);
    CHECK(tensor::to_doubles(place.load("two/sum_all.npy")) == std::vector<double>{111, 222, 333});
}

TEST_CASE("inputs: every mistake is told with names, types and a remedy") {
    const Place place;
    place.save("f64.npy", Tensor::of<double>({1, 3}, {1, 2, 3}));
    place.save("flat.npy", Tensor::of<float>({3}, {1, 2, 3}));
    place.save("long.npy", Tensor::of<float>({1, 4}, {1, 2, 3, 4}));
    place.folder.write("text.npy", "no array");
    place.folder.write("cut.npy", base::read_text(place.folder / "a.npy").substr(0, 90));
    struct Case {
        std::string arguments;
        int exit_code;
        std::string says;
    };
    const std::string all = "a f32[N, 3], b f32[N, 3], c f32[3] (may be left out)";
    const Case cases[] = {
        {"", 2, "inputs 'a', 'b' are missing; give --input NAME=FILE for each\n  the model's inputs: " + all},
        {"-i a=a.npy", 2, "input 'b' is missing"},
        {"-i a.npy", 2, "say which input it is, as NAME=a.npy"},
        {"-i a=a.npy -i bb=b.npy", 2, "the model has no input 'bb'\n  its inputs: " + all},
        {"-i a=a.npy -i a=b.npy", 2, "input 'a' is given twice"},
        {"-i a=none.npy -i b=b.npy", 1, "none.npy"},
        {"-i a=f64.npy -i b=b.npy", 1,
         "input 'a': f64.npy holds f64[1, 3], the model takes f32[N, 3]; save it with .astype('float32')"},
        {"-i a=flat.npy -i b=b.npy", 1, "save it with a batch axis in front, x[None]"},
        {"-i a=long.npy -i b=b.npy", 1, "holds f32[1, 4], the model takes f32[N, 3]; give it the model's shape"},
        {"-i a=text.npy -i b=b.npy", 1, "input 'a': text.npy is no .npy, PNG or JPEG file"},
        {"-i a=cut.npy -i b=b.npy", 1, "cut.npy"},
        {"-i a=a.npy -i b=b.npy --dim M=3", 2, "--dim: the model's inputs have no size 'M'\n  its inputs: " + all},
        {"-i a=a.npy -i b=b.npy --dim N", 2, "--dim: 'N' is not of the form NAME=VALUE"},
        {"-i a=a.npy -i b=b.npy --shape d=1,3", 2, "--shape: the model has no input 'd'"},
        {"-i a=a.npy -i b=b.npy --shape a=1,y", 2, "--shape a: 'y' in '1,y' is not a size"},
    };
    for (const auto& row : cases) {
        CAPTURE(row.arguments);
        const auto run = place.run("adder.onnx -d host -o out " + row.arguments);
        INFO(run.error);
        CHECK(run.exit_code == row.exit_code);
        CHECK(contains(run.error, row.says));
        CHECK(run.error.substr(0, 11) == "shoal run: ");
        CHECK(run.out.empty());
        CHECK(!fs::exists(place.folder / "out"));  // bad input leaves nothing behind
    }
}

TEST_CASE("a mistyped input is told the right name") {
    const Place place;
    const auto run = place.run("classifier.onnx -i dtaa=data.npy -d host");
    CHECK(run.exit_code == 2);
    CHECK(contains(run.error, "the model has no input 'dtaa'; did you mean 'data'?"));
}

TEST_CASE("an output folder that is there keeps its other files; a file in its place is refused") {
    const Place place;
    place.folder.write("out/mine.txt", "mine");
    place.folder.write("out/scores.npy", "old");
    CHECK(place.run("classifier.onnx -i data.npy -o out -d host").exit_code == 0);
    CHECK(base::read_text(place.folder / "out/mine.txt") == "mine");
    CHECK(place.load("out/scores.npy").shape() == tensor::Shape{2, 5});
    const auto refused = place.run("classifier.onnx -i data.npy -o data.npy -d host");
    CHECK(refused.exit_code == 1);
    CHECK(contains(refused.error, "is a file; --output takes a folder"));
    CHECK(difference(place.load("data.npy"), place.data) == "");
    OnnxFile("twice")
        .input("x", "2")
        .op("Relu", {"x"}, {"y/1"})
        .op("Neg", {"x"}, {"y:1"})
        .output("y/1", "2")
        .output("y:1", "2")
        .save(place.folder / "twice.onnx");
    const auto collides = place.run("twice.onnx -i data.npy -o both -d host");
    CHECK(collides.exit_code == 1);
    CHECK(contains(collides.error, "outputs 'y/1' and 'y:1' would both become y_1.npy"));
}

TEST_CASE("without --output a summary is printed, with classes and their labels") {
    const Place place;
    place.folder.write("labels.txt", "zero\none\ntwo\nthree\nfour\n");
    place.save("one.npy", Tensor(tensor::Type{ElementType::f32, {1, 3, 8, 8}}));
    const auto run = place.run("classifier.onnx -i one.npy --labels labels.txt -d host");
    INFO(run.out);
    CHECK(run.exit_code == 0);
    CHECK(run.error.empty());
    CHECK(widest_line(run.out) <= 80);
    CHECK(contains(run.out, "output scores f32[1, 5] min "));
    for (const char* label : {"zero", "one", "two", "three", "four", "softmax"})
        CHECK(contains(run.out, label));
    place.folder.write("few.txt", "zero\none\n");
    const auto few = place.run("classifier.onnx -i one.npy --labels few.txt -d host");
    CHECK(few.exit_code == 0);
    CHECK(contains(few.error, "warning: --labels has 2 lines, output 'scores' has 5 classes"));
    CHECK(place.run("classifier.onnx -i one.npy --labels few.txt -d host --quiet").error.empty());
    CHECK(place.run("classifier.onnx -i one.npy --labels none.txt -d host").exit_code == 1);
}

TEST_CASE("--json prints one document with everything in it") {
    const Place place;
    const auto run = place.run("adder.onnx -i a=a.npy -i b=b.npy -o out -d host --repeat 3 --explain --json");
    REQUIRE(run.exit_code == 0);
    const auto json = nlohmann::json::parse(run.out);
    CHECK(json["device"]["id"] == "host");
    CHECK(json["run_ms"].size() == 3);
    CHECK(json["inputs"].size() == 2);
    CHECK(json["outputs"][0]["name"] == "sum/all");
    CHECK(json["outputs"][0]["file"] == "out/sum_all.npy");
    CHECK(json["outputs"][0]["max"] == 36);
    const auto& memory = json["memory"];
    CHECK(memory["total_bytes"].get<int>() == memory["weight_bytes"].get<int>() +
                                                  memory["activation_bytes"].get<int>() +
                                                  memory["result_bytes"].get<int>());
    CHECK(!json["kernels"].empty());
    CHECK(json["kernels"][0]["operators"].is_array());
}

TEST_CASE("--explain shows kernels in 80 columns") {
    const Place place;
    const auto run = place.run("classifier.onnx -i data.npy -d host --explain");
    INFO(run.out);
    CHECK(run.exit_code == 0);
    CHECK(widest_line(run.out) <= 80);
    CHECK(contains(run.out, "GFLOP/s"));
    CHECK(contains(run.out, "conv"));
    CHECK(contains(run.out, "total "));
}

TEST_CASE("on the best OpenCL device there is, the same results") {
    const Place place;
    const auto run = place.run("classifier.onnx -i data.npy -o out --explain --threads 1");
    if (run.exit_code == 1 && contains(run.error, "no OpenCL device")) {
        MESSAGE("skipped: no OpenCL device");
        return;
    }
    INFO(run.error);
    REQUIRE(run.exit_code == 0);
    CHECK(contains(on_one_line(run.out), "1 compute unit"));
    CHECK(contains(run.out, "the device reached "));
    CHECK(widest_line(run.out) <= 80);
    REQUIRE(place.run("classifier.onnx -i data.npy -o host -d host").exit_code == 0);
    CHECK(difference(place.load("out/scores.npy"), place.load("host/scores.npy"), {1e-5, 1e-6}) == "");
}

TEST_CASE("without an OpenCL device: what to do, and the host's loops still run") {
    const Place place;
    const std::string nothing = "OCL_ICD_VENDORS=/dev/null/none";
    const auto run = place.run("classifier.onnx -i data.npy -o out", nothing);
    CHECK(run.exit_code == 1);
    CHECK(contains(run.error, "shoal run: no OpenCL device was found"));
    CHECK(contains(run.error, "pocl-opencl-icd"));
    CHECK(contains(run.error, "--device host"));
    CHECK(!fs::exists(place.folder / "out"));
    CHECK(place.run("classifier.onnx -i data.npy -o out --device host", nothing).exit_code == 0);
}

TEST_CASE("devices that are not there are named with those that are") {
    const Place place;
    const auto run = place.run("classifier.onnx -i data.npy --device hsot");
    if (contains(run.error, "no OpenCL device was found")) {
        MESSAGE("skipped: no OpenCL device");
        return;
    }
    CHECK(run.exit_code == 1);
    CHECK(contains(run.error, "no OpenCL device is named 'hsot'; there are "));
    CHECK(contains(run.error, "did you mean 'host'?"));
    CHECK(place.run("classifier.onnx -i data.npy --device host --threads 2").exit_code == 2);
}

TEST_CASE("operators that are not supported are all listed") {
    const Place place;
    OnnxFile("unknown")
        .input("x", "2")
        .op("Frobnicate", {"x"}, {"y"}, "", {}, "acme")
        .op("Frobnicate", {"y"}, {"z"}, "", {}, "acme")
        .op("Quux", {"z"}, {"w"})
        .output("w", "2")
        .save(place.folder / "unknown.onnx");
    const auto run = place.run("unknown.onnx -i a.npy -d host");
    CHECK(run.exit_code == 1);
    CHECK(contains(run.error, "2 kinds of operators"));
    CHECK(contains(run.error, "acme Frobnicate"));
    CHECK(contains(run.error, "2 times"));
    CHECK(contains(run.error, "Quux"));
}

TEST_CASE("a picture is an input, and every decision is printed") {
    const Place place;
    write_identity(place.folder / "picture.onnx", "N,3,6,6");
    write_png(place.folder / "p.png", made_up_picture(12, 6, 4));
    const auto run = place.run("picture.onnx -i p.png --mean 0.5 --std 0.25,0.5,1 -o out -d host");
    INFO(run.error);
    REQUIRE(run.exit_code == 0);
    CHECK(widest_line(run.out) <= 80);
    for (const std::string note : {"12x6 RGBA", "made RGB, alpha left out", "the middle 6x6 cut out",
                                   "0..255 becomes 0..1", "minus mean 0.5 0.5 0.5", "0.25 0.5", "NCHW"})
        CHECK_MESSAGE(contains(in_one_line(run.out), note), note);
    const auto picture = made_up_picture(12, 6, 4);
    const auto out = tensor::to_doubles(place.load("out/out.npy"));
    REQUIRE(out.size() == 3 * 6 * 6);
    CHECK(out[0] == doctest::Approx((picture.at(3, 0, 0) / 255.0 - 0.5) / 0.25));
    CHECK(out[36 + 7] == doctest::Approx((picture.at(4, 1, 1) / 255.0 - 0.5) / 0.5));
    const auto json = nlohmann::json::parse(place.run("picture.onnx -i data=p.png -d host --json").out);
    CHECK(json["inputs"][0]["notes"].size() >= 4);
    place.folder.write("bad.png", base::read_text(place.folder / "p.png").substr(0, 40));
    const auto bad = place.run("picture.onnx -i bad.png -d host");
    CHECK(bad.exit_code == 1);
    CHECK(contains(bad.error, "bad.png: a damaged picture"));
}

TEST_CASE("sizes that a picture is fitted to may be given by flags") {
    const Place place;
    write_identity(place.folder / "open.onnx", "N,3,h,w");
    write_png(place.folder / "p.png", made_up_picture(12, 6, 3));
    const auto shape = [&](const std::string& flags) {
        const auto run = place.run("open.onnx -i p.png -o out -d host " + flags);
        REQUIRE_MESSAGE(run.exit_code == 0, run.error);
        return place.load("out/out.npy").shape();
    };
    CHECK(shape("") == tensor::Shape{1, 3, 6, 12});
    CHECK(shape("--dim h=4 --dim w=5") == tensor::Shape{1, 3, 4, 5});
    CHECK(shape("--shape data=1,3,7,2") == tensor::Shape{1, 3, 7, 2});
}

TEST_CASE("an interrupt ends a run cleanly, with the signal's exit code and no files") {
    const Place place;
    // Enough runs for minutes; the signal comes as soon as the model is mapped.
    const auto run = run_command("cd " + place.folder.path().string() +
                                 " && { " SHOAL_COMMAND
                                 " run classifier.onnx -i data.npy -o out -d host -n 1000000 & "
                                 "pid=$!; until grep -q classifier /proc/$pid/maps; do kill -0 $pid || break; done; "
                                 "kill -TERM $pid; wait $pid; }");
    CHECK(run.exit_code == 143);
    CHECK(run.output.empty());
    CHECK(!fs::exists(place.folder / "out"));
}

TEST_CASE("flags that would do nothing are refused by name") {
    const Place place;
    const auto refused = [&](const std::string& arguments, const std::string& flag) {
        const auto run = place.run(arguments);
        INFO(run.error);
        CHECK(run.exit_code == 2);
        CHECK(is_one_line(run.error));
        CHECK(contains(run.error, flag));
    };
    refused("classifier.onnx -i data.npy --hub 127.0.0.1:9 --device cpu", "--device is for this machine");
    refused("classifier.onnx -i data.npy --hub 127.0.0.1:9 --compact", "--compact is for this machine");
    refused("classifier.onnx -i data.npy --device host --deadline 3", "--deadline is for --hub and for several devices");
    refused("classifier.onnx -i data.npy --device host --mean 0.5", "--mean is for pictures");
    // From the environment it may be meant for other runs.
    CHECK(place.run("classifier.onnx -i data.npy --device host", "SHOAL_MEAN=0.5 SHOAL_DEADLINE=3").exit_code == 0);
}

TEST_CASE("sizes on the command line that a file contradicts are refused with both") {
    const Place place;
    const auto shape = place.run("classifier.onnx -i data.npy --device host --shape data=5,3,8,8");
    CHECK(shape.exit_code == 1);
    CHECK(is_one_line(shape.error));
    CHECK(contains(shape.error, "[2, 3, 8, 8]"));
    CHECK(contains(shape.error, "[5, 3, 8, 8]"));
    const auto dim = place.run("classifier.onnx -i data.npy --device host --dim N=5");
    CHECK(dim.exit_code == 1);
    CHECK(is_one_line(dim.error));
    CHECK(contains(dim.error, "--dim says N=5 for axis 0"));
    const auto row = place.run("classifier.onnx -i data.npy --each --hub 127.0.0.1:9 --dim N=2");
    CHECK(row.exit_code == 1);
    CHECK(contains(row.error, "a row at a time, --dim says N=2"));
    CHECK(place.run("classifier.onnx -i data.npy --device host --dim N=2").exit_code == 0);
    CHECK(place.run("classifier.onnx -i data.npy --device host --shape data=2,3,8,8").exit_code == 0);
}

TEST_CASE("with --each only what has rows is cut: state begins whole, and what the model takes as it is goes with every row") {
    const Place place;
    OnnxFile("counter")
        .input("x", "N,3")
        .input("total", "2,N,3")
        .input("scale", "3")
        .input("step", "")
        .output("next", "2,N,3")
        .output("y", "2,N,3")
        .op("Mul", {"x", "scale"}, {"scaled"})
        .op("Mul", {"scaled", "step"}, {"stepped"})
        .op("Add", {"total", "stepped"}, {"next"})
        .op("Identity", {"next"}, {"y"})
        .save(place.folder / "counter.onnx");
    place.save("x.npy", Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
    place.save("total.npy", Tensor::of<float>({2, 1, 3}, {100, 100, 100, 200, 200, 200}));
    place.save("scale.npy", Tensor::of<float>({3}, {1, 10, 100}));
    place.save("step.npy", Tensor::of<float>({}, {2}));
    const std::string inputs = "counter.onnx -d host -i x=x.npy -i total=total.npy -i step=step.npy ";
    const auto run = place.run(inputs + "-i scale=scale.npy --each --state next=total -o out");
    REQUIRE_MESSAGE(run.exit_code == 0, run.error);
    CHECK(test::difference(place.load("out/y.npy"),
                           Tensor::of<float>({4, 1, 3}, {102, 140, 700, 202, 240, 800, 110, 240, 1900, 210, 340, 2000})) == "");

    place.save("rows.npy", Tensor::of<float>({3, 3}, {1, 1, 1, 1, 1, 1, 1, 1, 1}));
    const auto unlike = place.run("adder.onnx -d host -i a=x.npy -i b=rows.npy --each --state difference=c");
    CHECK(unlike.exit_code != 0);
    CHECK(contains(unlike.error, "one input has 2 rows, another 3"));
}
