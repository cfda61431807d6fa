// The flags that say which model and which sizes, and what they mean for a model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "importer/lowering.hpp"
#include "importer/model.hpp"

namespace CLI {
class App;
}

namespace shoal::cli {

struct ModelFlags {
    std::string path;
    std::vector<std::string> shapes;  ///< NAME=1,3,224,224
    std::vector<std::string> dims;    ///< N=8
};
void add_model_argument(CLI::App& command, ModelFlags& flags);
void add_size_flags(CLI::App& command, ModelFlags& flags);

/// Loads the model that the flags name. Throws what importer::Model::load throws.
[[nodiscard]] importer::Model load_model(const std::string& path);

/// What the size flags bind. Throws UsageError for names that the model does not have, with the nearest that it has.
[[nodiscard]] importer::Bindings bindings_of(const importer::Model& model, const ModelFlags& flags);

/// Names of the inputs, and of the symbols in their shapes.
[[nodiscard]] std::vector<std::string> input_names(const importer::Model& model);
[[nodiscard]] std::vector<std::string> symbol_names(const importer::Model& model);

/// The input of that name. Throws UsageError with the nearest name and all inputs listed.
[[nodiscard]] const importer::ValueInfo& find_input(const importer::Model& model, const std::string& name,
                                                    std::string_view flag);

/// "data f32[N, 3, 224, 224], mask bool[N] (may be left out)"
[[nodiscard]] std::string listed_inputs(const importer::Model& model);

}  // namespace shoal::cli
