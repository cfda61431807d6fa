// The flags that say how a model is computed: its precision, and what goes from one run to the next.
#pragma once

#include <string>
#include <vector>

#include "importer/lowering.hpp"
#include "session/session.hpp"

namespace CLI {
class App;
}

namespace shoal::cli {

struct SessionFlags {
    std::string precision = "fp32";
    std::vector<std::string> state;  ///< OUTPUT=INPUT
};
void add_precision_flag(CLI::App& command, SessionFlags& flags);
void add_state_flag(CLI::App& command, SessionFlags& flags);

[[nodiscard]] session::Precision precision_of(const SessionFlags& flags);
/// Throws UsageError for names that the model does not have, with the nearest that it has.
[[nodiscard]] session::SessionOptions session_options(const importer::Model& model, const SessionFlags& flags);

/// Names of the inputs that are state.
[[nodiscard]] std::vector<std::string> state_inputs(const SessionFlags& flags);

}  // namespace shoal::cli
