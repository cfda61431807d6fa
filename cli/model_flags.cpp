#include "cli/model_flags.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/flag_values.hpp"
#include "cli/frame.hpp"
#include "cli/messages.hpp"
#include "cli/suggest.hpp"
#include "cli/text.hpp"

namespace shoal::cli {

using base::text;
using importer::Model;
using importer::ValueInfo;

void add_model_argument(CLI::App& command, ModelFlags& flags) {
    command.add_option("MODEL", flags.path, "The model, an ONNX file")->required();
}

void add_size_flags(CLI::App& command, ModelFlags& flags) {
    command
        .add_option("--dim", flags.dims,
                    "What a symbol in the model's shapes stands for, e.g. N=8; a batch is 1 unless given")
        ->option_text("SYMBOL=SIZE")
        ->allow_extra_args(false)
        ->group("Sizes");
    command.add_option("--shape", flags.shapes, "An input's whole shape, e.g. data=1,3,224,224")
        ->option_text("NAME=SHAPE")
        ->allow_extra_args(false)
        ->group("Sizes");
}

Model load_model(const std::string& path) {
    const Progress progress("reading " + path);
    return Model::load(path);
}

std::vector<std::string> input_names(const Model& model) {
    std::vector<std::string> out;
    for (const auto& input : model.inputs())
        out.push_back(input.name);
    return out;
}

std::vector<std::string> symbol_names(const Model& model) {
    std::vector<std::string> out;
    for (const auto& input : model.inputs()) {
        for (const auto& dim : input.dims.value_or(std::vector<importer::Dim>())) {
            if (!dim.symbol.empty() && std::find(out.begin(), out.end(), dim.symbol) == out.end())
                out.push_back(dim.symbol);
        }
    }
    return out;
}

const ValueInfo& find_input(const Model& model, const std::string& name, std::string_view flag) {
    for (const auto& input : model.inputs()) {
        if (input.name == name) return input;
    }
    throw UsageError(text(flag, ": the model has no input '", name, "'", did_you_mean(name, input_names(model)),
                          "\n  its inputs: ", listed_inputs(model)));
}

std::string listed_inputs(const Model& model) {
    std::vector<std::string> out;
    for (const auto& input : model.inputs())
        out.push_back(text(input.name, ' ', to_string(input), input.has_default ? " (may be left out)" : ""));
    return out.empty() ? "none" : joined(out);
}

namespace {

void bind_symbol(const Model& model, const std::string& pair, importer::Bindings& out) {
    const auto [symbol, value] = named_value(pair, "--dim");
    const auto known = symbol_names(model);
    if (std::find(known.begin(), known.end(), symbol) == known.end()) {
        throw UsageError(text("--dim: the model's inputs have no size '", symbol, "'", did_you_mean(symbol, known),
                              "\n  its inputs: ", listed_inputs(model)));
    }
    const auto size = extents(value, "--dim " + symbol);
    if (size.size() != 1) throw UsageError(text("--dim: '", value, "' is not one size; write it as ", symbol, "=8"));
    out.symbols[symbol] = size[0];
}

void bind_shape(const Model& model, const std::string& pair, importer::Bindings& out) {
    const auto [name, value] = named_value(pair, "--shape");
    const auto& input = find_input(model, name, "--shape");
    if (!input.element)
        throw UsageError(text("--shape: input '", name, "' is ", to_string(input), "; its element type is not known"));
    out.inputs.insert_or_assign(name, tensor::Type{*input.element, tensor::Shape(extents(value, "--shape " + name))});
}

}  // namespace

importer::Bindings bindings_of(const Model& model, const ModelFlags& flags) {
    importer::Bindings out;
    for (const auto& pair : flags.dims)
        bind_symbol(model, pair, out);
    for (const auto& pair : flags.shapes)
        bind_shape(model, pair, out);
    return out;
}

}  // namespace shoal::cli
