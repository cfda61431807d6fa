// Declared inputs + bindings -> exact types: the end of symbolic sizes.
#pragma once

#include <variant>
#include <vector>

#include "importer/lowering.hpp"
#include "importer/source.hpp"

namespace shoal::importer {

/// For one input of the main graph: its type, its fixed value, or nothing when the file's default serves.
using BoundInput = std::variant<std::monostate, Type, Tensor>;

/// One entry per input, in order. Throws invalid_argument naming the input and what to bind.
[[nodiscard]] std::vector<BoundInput> bind_inputs(const SourceBody& body, const Bindings& bindings);

}  // namespace shoal::importer
