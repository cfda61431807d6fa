// shoal average: parameter aggregation, the weighted mean of models of one shape.
#include <CLI/CLI.hpp>
#include <filesystem>

#include "cli/commands.hpp"
#include "cli/flag_values.hpp"
#include "cli/messages.hpp"
#include "cli/model_flags.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"

namespace shoal::cli {
namespace {

using base::text;

constexpr const char* kDetails =
    "Writes a model whose parameters are the weighted mean of those of several models, as federated training and "
    "checkpoint averaging do. The models must have parameters of the same names and shapes; everything else is taken "
    "from the first. Weights are relative to their sum; without --weights all count alike.";
constexpr const char* kExamples =
    "shoal average a.onnx b.onnx --output mean.onnx\n"
    "shoal average a.onnx b.onnx c.onnx --weights 0.5,0.3,0.2 -o mean.onnx";

struct AverageFlags {
    std::vector<std::string> models;
    std::string weights, output;
};

std::vector<double> weights_of(const AverageFlags& flags) {
    if (flags.weights.empty()) return std::vector<double>(flags.models.size(), 1.0);
    auto out = numbers(flags.weights, "--weights");
    if (out.size() != flags.models.size()) {
        throw UsageError(text("--weights: ", counted(static_cast<long long>(out.size()), "number"), " for ",
                              counted(static_cast<long long>(flags.models.size()), "model")));
    }
    return out;
}

Exit average(const AverageFlags& flags) {
    if (flags.models.size() < 2) throw UsageError("MODELS: one model has no average; name two or more");
    const auto weights = weights_of(flags);
    for (const auto& model : flags.models) {
        std::error_code ignored;
        if (std::filesystem::equivalent(model, flags.output, ignored))
            throw UsageError("--output: '" + flags.output + "' is one of the models; choose another name");
    }
    std::vector<importer::Model> models;
    for (const auto& path : flags.models)
        models.push_back(load_model(path));
    const Progress progress("averaging");
    const auto mean = importer::average(models, weights);
    importer::save(mean, flags.output);
    print_line(printable(flags.output), ": the mean of ", models.size(), " models, ", mean.parameter_count(),
               " parameters");
    return Exit::ok;
}

}  // namespace

void add_average_command(Frame& frame) {
    const auto flags = std::make_shared<AverageFlags>();
    auto& command = frame.add({"average", "Average the parameters of several models", kDetails, kExamples},
                              [flags] { return average(*flags); });
    command.add_option("MODELS", flags->models, "Two or more models, ONNX files")
        ->required()
        ->expected(1, CLI::detail::expected_max_vector_size);
    command.add_option("-w,--weights", flags->weights, "What each model counts, in the models' order")
        ->option_text("W,W,...")
        ->group("Averaging");
    command.add_option("-o,--output", flags->output, "The file to write; one that is there is replaced")
        ->option_text("FILE")
        ->required()
        ->group("Averaging");
}

}  // namespace shoal::cli
