// The flags for models that run on a cluster: what the plan is for, and how several models' answers become one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/model_flags.hpp"
#include "client/client.hpp"
#include "plan/plan.hpp"
#include "plan/problem.hpp"

namespace shoal::cli {

struct EnsembleFlags {
    std::vector<std::string> models;
    std::string objective = "latency";
    std::string mode = "best";
    std::string merge;
    std::string weights;
};
void add_objective_flag(CLI::App& command, EnsembleFlags& flags);
void add_mode_flag(CLI::App& command, EnsembleFlags& flags);
void add_merge_flags(CLI::App& command, EnsembleFlags& flags);

[[nodiscard]] plan::Objective objective_of(const EnsembleFlags& flags);
[[nodiscard]] plan::Mode mode_of(const EnsembleFlags& flags);
/// hand_over for a single model. Throws UsageError when merge or weights do not go with the number of models.
[[nodiscard]] plan::Merge merge_of(const EnsembleFlags& flags);
[[nodiscard]] std::vector<double> weights_of(const EnsembleFlags& flags);

/// Each model lowered and optimised for these sizes, named after its file. Throws what lowering throws, and
/// invalid_argument when the models do not have the same inputs and outputs.
[[nodiscard]] std::vector<client::NamedGraph> graphs_of(const std::vector<importer::Model>& models,
                                                        const std::vector<std::string>& paths,
                                                        const std::vector<importer::Bindings>& bindings);

}  // namespace shoal::cli
