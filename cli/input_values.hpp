// The values of a model's inputs, from the files that --input names: .npy, PNG or JPEG.
#pragma once

#include <string>
#include <vector>

#include "cli/image_input.hpp"
#include "importer/lowering.hpp"
#include "importer/model.hpp"

namespace CLI {
class App;
}

namespace shoal::cli {

struct InputFlags {
    std::vector<std::string> files;  ///< NAME=FILE, or FILE for a model with one input
    ImageFlags image;
    bool each = false;                 ///< files hold many of what the model takes, along axis 0
    std::vector<std::string> state{};  ///< names of inputs that may be left out, and are never many
};
void add_input_flags(CLI::App& command, InputFlags& flags);

struct InputValue {
    std::string name;
    std::string file;
    tensor::Tensor tensor;
    std::vector<std::string> notes{};  ///< what was done to the file's content, in order
    bool picture = false;
    bool whole = false;  ///< with --each: not cut into rows, but the same for every one, or state
};

/// One entry for each input that is given, in the model's order; `bindings` settle sizes that a picture is fitted to.
/// Throws UsageError (names, missing inputs, all of them listed), not_found, io, or invalid_argument where a file does
/// not hold what the model takes, or what --dim and --shape say, with both types.
[[nodiscard]] std::vector<InputValue> read_inputs(const importer::Model& model, const InputFlags& flags,
                                                  const importer::Bindings& bindings);

}  // namespace shoal::cli
