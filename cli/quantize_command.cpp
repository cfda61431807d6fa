// shoal quantize: weights in 8 or 4 bits, as an ONNX file that others read, with the error that it brings.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/device_flags.hpp"
#include "cli/input_values.hpp"
#include "cli/messages.hpp"
#include "cli/model_flags.hpp"
#include "cli/output.hpp"
#include "cli/random_inputs.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "importer/quantise.hpp"

namespace shoal::cli {
namespace {

namespace fs = std::filesystem;
using base::format_bytes;
using base::text;

constexpr const char* kDetails =
    "Writes a model whose weights of matrix products and convolutions are 8- or 4-bit whole numbers with scales, "
    "symmetric, in blocks along what is summed over; a DequantizeLinear stands before each use. Activations stay in "
    "f32. Files for older versions of ai.onnx are raised to 21 (to 13 for int8 with --block 0).\n\n"
    "The error is measured: both models run on the same inputs, and each output is compared. --calibrate names a "
    "folder of inputs: .npy files for a model with one input, else folders with a file INPUT.npy for each. Without it "
    "the inputs are made up, which tells less.";
constexpr const char* kExamples =
    "shoal quantize resnet18.onnx -o resnet18-int8.onnx --weights int8\n"
    "shoal quantize llama.onnx -o llama-int4.onnx --weights int4 --block 32 --calibrate prompts/";

struct QuantizeFlags {
    ModelFlags model;
    DeviceFlags device;
    std::string output, weights = "int8", calibrate;
    std::int64_t block = 32;
};

// How far one output is off, over all inputs.
struct Error {
    std::string name;
    double difference_squares = 0, squares = 0, largest = 0, largest_value = 0;
    std::int64_t compared = 0, not_finite = 0, rows = 0, same_class = 0;
    std::string other_shape{};  ///< of the first results that cannot be compared

    void add(const tensor::Tensor& want, const tensor::Tensor& got) {
        if (want.shape() != got.shape()) {
            if (other_shape.empty()) other_shape = text(want.shape(), " became ", got.shape());
            return;
        }
        const auto a = tensor::to_doubles(want), b = tensor::to_doubles(got);
        for (std::size_t i = 0; i < a.size(); ++i) {
            if (!std::isfinite(a[i]) || !std::isfinite(b[i])) {
                not_finite += a[i] != b[i] && !(std::isnan(a[i]) && std::isnan(b[i]));
                continue;
            }
            ++compared;
            difference_squares += (a[i] - b[i]) * (a[i] - b[i]);
            squares += a[i] * a[i];
            largest = std::max(largest, std::abs(a[i] - b[i]));
            largest_value = std::max(largest_value, std::abs(a[i]));
        }
        const auto columns = want.shape().rank() > 0 ? want.shape().back() : 1;
        for (std::int64_t row = 0; columns > 1 && row < want.count() / columns; ++row) {
            const auto best = [&](const std::vector<double>& values) {
                const auto first = values.begin() + row * columns;
                return std::max_element(first, first + columns) - first;
            };
            ++rows;
            same_class += best(a) == best(b);
        }
    }
    [[nodiscard]] std::string told() const {
        std::string out = "nothing to compare";
        if (compared > 0) {
            // Relative to zeros, any difference is too much.
            const double relative = squares > 0              ? std::sqrt(difference_squares / squares)
                                    : difference_squares > 0 ? INFINITY
                                                             : 0;
            out = text("relative error ", number(relative, 3), ", largest ", number(largest, 3), " where values reach ",
                       number(largest_value, 3));
        }
        if (rows > 0) out += text(", same highest entry in ", same_class, " of ", rows, " rows");
        if (not_finite > 0) out += text(", ", not_finite, " differ in what is not finite");
        if (!other_shape.empty()) out += text(", not compared: ", other_shape);
        return out;
    }
};

std::vector<session::Inputs> calibration_inputs(const importer::Model& model, const importer::Bindings& bindings,
                                                const std::string& folder) {
    std::vector<fs::path> entries;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder, failed))
        entries.push_back(entry.path());
    if (failed) throw UsageError("--calibrate: cannot read the folder '" + folder + "': " + failed.message());
    std::sort(entries.begin(), entries.end());
    std::vector<session::Inputs> out;
    const auto add = [&](const InputFlags& flags) {
        session::Inputs inputs;
        for (auto& value : read_inputs(model, flags, bindings))
            inputs.emplace(value.name, std::move(value.tensor));
        out.push_back(std::move(inputs));
    };
    for (const auto& entry : entries) {
        InputFlags flags;
        if (fs::is_directory(entry)) {
            for (const auto& input : model.inputs()) {
                const auto file = entry / (input.name + ".npy");
                if (fs::exists(file)) flags.files.push_back(input.name + "=" + file.string());
            }
        } else if (entry.extension() == ".npy") {
            flags.files.push_back(entry.string());
        }
        if (!flags.files.empty()) add(flags);
    }
    if (out.empty()) throw UsageError("--calibrate: '" + folder + "' holds no inputs; it wants .npy files");
    return out;
}

std::vector<Error> measure(const importer::Model& before, const importer::Model& after,
                           const std::vector<session::Inputs>& inputs, const ChosenDevice& device) {
    session::Session exact(before, device.backend), rounded(after, device.backend);
    std::vector<Error> out;
    for (const auto& set : inputs) {
        const auto want = exact.run(set), got = rounded.run(set);
        out.resize(want.size());
        for (std::size_t i = 0; i < want.size(); ++i) {
            out[i].name = want[i].first;
            out[i].add(want[i].second, got[i].second);
        }
    }
    return out;
}

Exit quantize(const QuantizeFlags& flags) {
    std::error_code ignored;
    if (fs::equivalent(flags.model.path, flags.output, ignored))
        throw UsageError("--output: '" + flags.output + "' is the model itself; choose another name");
    const auto model = load_model(flags.model.path);
    model.check_supported();
    const auto bindings = bindings_of(model, flags.model);
    std::vector<session::Inputs> inputs;
    if (!flags.calibrate.empty()) {
        inputs = calibration_inputs(model, bindings, flags.calibrate);
    } else {
        for (std::uint64_t seed = 1; seed <= 4; ++seed)
            inputs.push_back(random_inputs(importer::input_types(model, bindings), seed));
    }
    importer::WeightQuantisation how;
    how.bits = flags.weights == "int4" ? 4 : 8;
    how.block = flags.block;
    const auto made = importer::quantise_weights(model, how);
    if (made.weights.empty())
        throw UsageError("the model has no weights to quantise: f32 weights from " + std::to_string(how.least) +
                         " numbers on that only MatMul, Gemm or Conv read, outside of functions");
    importer::save(made.model, flags.output);
    print_line(printable(flags.output), ": ", counted(static_cast<long long>(made.weights.size()), "weight"), " in ",
               flags.weights, ", ", format_bytes(made.bytes_before), " became ", format_bytes(made.bytes_after),
               "; ai.onnx ", made.model.opsets().find("")->second);
    const auto device = open_device(flags.device);
    const Progress progress("measuring the error");
    const auto errors = measure(model, load_model(flags.output), inputs, device);
    const char* kind = flags.calibrate.empty() ? "made-up input" : "calibration input";
    for (const auto& error : errors) {
        print_line(printable(text("output ", error.name, ": ", error.told(), " (",
                                  counted(static_cast<long long>(inputs.size()), kind), ")")));
    }
    return Exit::ok;
}

}  // namespace

void add_quantize_command(Frame& frame) {
    const auto flags = std::make_shared<QuantizeFlags>();
    auto& command = frame.add({"quantize", "Write a model with 8- or 4-bit weights", kDetails, kExamples},
                              [flags] { return quantize(*flags); });
    add_model_argument(command, flags->model);
    command.add_option("-o,--output", flags->output, "The file to write; one that is there is replaced")
        ->option_text("FILE")
        ->required()
        ->group("Quantising");
    command.add_option("-w,--weights", flags->weights, "What the weights become (default int8)")
        ->option_text("int8|int4")
        ->check(CLI::IsMember({"int8", "int4"}))
        ->group("Quantising");
    command
        .add_option("--block", flags->block,
                    "Weights that share a scale, along what is summed over (default 32); 0: a "
                    "whole column")
        ->option_text("N")
        ->check(CLI::Range(0, 1 << 20))
        ->group("Quantising");
    command.add_option("--calibrate", flags->calibrate, "A folder of inputs on which the error is measured")
        ->option_text("DIR")
        ->group("Quantising");
    add_size_flags(command, flags->model);
    add_device_flags(command, flags->device);
}

}  // namespace shoal::cli
