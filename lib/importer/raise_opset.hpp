// Rewriting a model for a newer version of ai.onnx: the operators whose form changed on the way are given the new one.
#pragma once

#include "importer/edit.hpp"

namespace shoal::importer {

/// Raises the model's ai.onnx to `opset` and its IR version to what that needs; a model that is there already stays.
/// Throws unsupported with the list of operators that have no counterpart in the newer version.
void raise_opset(Edit& edit, std::int64_t opset);

}  // namespace shoal::importer
