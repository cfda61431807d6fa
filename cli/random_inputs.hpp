// Made-up inputs of a model's types, the same on every machine for the same seed.
#pragma once

#include <map>
#include <string>

#include "session/session.hpp"

namespace shoal::cli {

/// Reals uniform in [-1, 1); whole numbers and booleans 0 or 1, which is a valid index, token and mask everywhere.
[[nodiscard]] session::Inputs random_inputs(const std::map<std::string, tensor::Type>& types, std::uint64_t seed);

}  // namespace shoal::cli
