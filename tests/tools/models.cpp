// shoal_models: runs whole models beside their reference outputs.
//
//   shoal_models [--data DIR]... [--match TEXT] [--boards N] [--device D]
//
// DIR holds one folder a model: model.onnx, test_data_set_K/, and for models with state stream/ (stream.json names the
// input that gets the frames of stream_in.npy and which outputs become which inputs of the next frame; stream_out_I.npy
// is what the outputs must be). Prints a line a data set and ends with "N passed, N failed, N skipped". Exits with 1
// when a model failed (one without data sets does), with 77 when there is no model.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/time.hpp"
#include "platform/files.hpp"
#include "tensor/npy.hpp"
#include "tools/cases.hpp"

namespace fs = std::filesystem;
using namespace shoal;
using tools::Tensor;

namespace {

/// How close a model must come; by what its kind of arithmetic loses.
struct Wanted {
    tools::Closeness close{{1e-3, 1e-4}, {1e-2, 1e-2}};
    double cosine = 0;  ///< instead, when not 0
};

Wanted wanted_of(const std::string& model) {
    Wanted out;
    if (model.find("fp16") != std::string::npos) out.close.real = {1e-2, 1e-2};
    if (model.find("qlinear") != std::string::npos) out.close.steps = 1;
    if (model.find("_dynq") != std::string::npos || model.find("_w8") != std::string::npos) out.cosine = 0.9999;
    return out;
}

double cosine(const Tensor& a, const Tensor& b) {
    double ab = 0, aa = 0, bb = 0;
    for (std::int64_t i = 0; i < a.count(); ++i) {
        const double x = tensor::element_as_double(a, i), y = tensor::element_as_double(b, i);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return aa == 0 && bb == 0 ? 1 : ab / std::sqrt(aa * bb);
}

std::string compare(const std::vector<Tensor>& got, const std::vector<Tensor>& want, const Wanted& how) {
    if (how.cosine == 0) return tools::compare(got, want, how.close);
    if (got.size() != want.size()) return base::text(got.size(), " outputs, want ", want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
        if (got[i].type() != want[i].type())
            return base::text("output ", i, " is ", got[i].type(), ", want ", want[i].type());
        const double found = cosine(got[i], want[i]);
        if (!(found >= how.cosine)) return base::text("output ", i, ": cosine ", found);
    }
    return "";
}

class Totals {
public:
    void line(const std::string& what, const std::string& failure, double ms) {
        std::printf("%-44s %10s  %s\n", what.c_str(), (std::to_string(static_cast<long>(ms)) + " ms").c_str(),
                    failure.empty() ? "ok" : ("FAILED " + failure).c_str());
        std::fflush(stdout);
        ++(failure.empty() ? passed_ : failed_);
    }
    int finish() const {
        std::printf("%d passed, %d failed, 0 skipped\n", passed_, failed_);
        return failed_ == 0 ? 0 : 1;
    }

private:
    int passed_ = 0, failed_ = 0;
};

template <class Work>
void timed(Totals& totals, const std::string& what, Work&& work) {
    const auto start = base::SteadyClock::now();
    std::string failure;
    try {
        failure = work();
    } catch (const std::exception& error) {
        failure = error.what();
    }
    totals.line(what, failure, base::to_ms(base::SteadyClock::now() - start));
}

Tensor read_npy(const fs::path& file) {
    auto mapped = platform::map_file(file);
    return tensor::from_npy({mapped.owner, mapped.bytes}, file.string());
}

// Element `index` of the first axis, which is taken away.
Tensor row(const Tensor& all, std::int64_t index) {
    const tensor::Shape shape(std::vector<std::int64_t>(all.shape().begin() + 1, all.shape().end()));
    const tensor::Type type{all.element(), shape};
    Tensor out(type);
    const auto from = all.bytes().subspan(static_cast<std::size_t>(index) * type.size_bytes(), type.size_bytes());
    std::copy(from.begin(), from.end(), out.edit().begin());
    return out;
}

std::string run_stream(const fs::path& folder, const importer::Model& model, const std::vector<tools::Device>& boards,
                       const Wanted& how, int frames) {
    const auto plan = nlohmann::json::parse(platform::read_text(folder / "stream/stream.json"));
    auto inputs = tools::read_data_set(tools::data_sets(folder).at(0), model).inputs;
    for (const auto& state : plan["states"])
        inputs[state[0]] = Tensor(inputs.at(state[0]).type());
    const Tensor fed = read_npy(folder / "stream/stream_in.npy"), want = read_npy(folder / "stream/stream_out_0.npy");
    std::map<std::string, std::size_t> positions;
    for (std::size_t i = 0; i < model.outputs().size(); ++i)
        positions[model.outputs()[i].name] = i;
    for (std::int64_t frame = 0; frame < std::min<std::int64_t>(fed.shape()[0], frames); ++frame) {
        const std::string feed = plan["feed"], out = plan["outs"][0];
        const Tensor given = row(fed, frame);
        // A set's first input may have another batch than the stream's frames.
        inputs[feed] = given;
        if (frame == 0) {
            for (const auto& state : plan["states"]) {
                for (const auto& input : model.inputs()) {
                    if (input.name != state[0] || !input.dims) continue;
                    std::vector<std::int64_t> extents = inputs.at(input.name).shape().extents();
                    for (std::size_t k = 0; k < extents.size(); ++k)
                        if (!(*input.dims)[k].known()) extents[k] = given.shape()[0];
                    inputs[input.name] = Tensor(tensor::Type{inputs.at(input.name).element(), tensor::Shape(extents)});
                }
            }
        }
        const auto results = tools::run_model(model, inputs, boards);
        const auto difference = compare({results.at(positions.at(out))}, {row(want, frame)}, how);
        if (!difference.empty()) return base::text("frame ", frame, ": ", difference);
        for (const auto& state : plan["states"])
            inputs[state[0]] = results.at(positions.at(state[1]));
    }
    return "";
}

void run_folder(const fs::path& folder, const std::vector<tools::Device>& boards, Totals& totals, int frames) {
    const std::string name = folder.filename().string();
    const Wanted how = wanted_of(name);
    std::optional<importer::Model> model;
    try {
        model = importer::Model::load(folder / "model.onnx");
    } catch (const std::exception& error) {
        return totals.line(name, error.what(), 0);
    }
    const auto sets = tools::data_sets(folder);
    if (sets.empty()) return totals.line(name, "no test_data_set_* beside the model", 0);
    for (const auto& set : sets) {
        timed(totals, name + "/" + set.filename().string(), [&] {
            const auto data = tools::read_data_set(set, *model);
            return compare(tools::run_model(*model, data.inputs, boards), data.outputs, how);
        });
    }
    if (frames > 0 && fs::exists(folder / "stream/stream.json"))
        timed(totals, name + "/stream", [&] { return run_stream(folder, *model, boards, how, frames); });
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Runs whole models beside their reference outputs.");
    std::vector<std::string> data;
    std::string match, device_name = "host";
    int boards = 1, frames = 1 << 30;
    app.add_option("--data", data, "folders of models (default: models and models_arch in the shared test data)");
    app.add_option("--match", match, "only models whose name contains this");
    app.add_option("--boards", boards,
                   "split over so many boards of this process, and hold that the bytes stay the same")
        ->check(CLI::Range(1, 64));
    app.add_option("--device", device_name,
                   "\"host\", \"optimised\", or an OpenCL device by id, kind or part of its name");
    app.add_option("--frames", frames, "at most so many frames of a stream");
    CLI11_PARSE(app, argc, argv);
    if (data.empty()) data = {tools::shared_folder("models").string(), tools::shared_folder("models_arch").string()};
    if (!tools::can_open(device_name)) {
        std::printf("0 passed, 0 failed, 0 skipped: there is no OpenCL device\n");
        return tools::kSkipped;
    }
    try {
        const auto devices = tools::open_devices(device_name, boards);
        std::vector<fs::path> folders;
        for (const auto& place : data) {
            if (!fs::exists(place)) continue;
            for (const auto& entry : fs::directory_iterator(place)) {
                if (fs::exists(entry.path() / "model.onnx") &&
                    entry.path().filename().string().find(match) != std::string::npos)
                    folders.push_back(entry.path());
            }
        }
        std::sort(folders.begin(), folders.end());
        if (folders.empty()) {
            std::printf("0 passed, 0 failed, 0 skipped: there are no models in %s\n", data[0].c_str());
            return tools::kSkipped;
        }
        Totals totals;
        for (const auto& folder : folders)
            run_folder(folder, devices, totals, frames);
        return totals.finish();
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 2;
    }
}
