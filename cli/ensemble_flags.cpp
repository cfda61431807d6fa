#include "cli/ensemble_flags.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <utility>

#include "cli/flag_values.hpp"
#include "cli/frame.hpp"
#include "cli/text.hpp"
#include "session/session.hpp"

namespace shoal::cli {
namespace {

using base::Code;
using base::fail;
using base::text;
using plan::Merge;

constexpr std::pair<const char*, Merge> kMerges[] = {
    {"concatenate", Merge::concatenate}, {"sum", Merge::sum},         {"mean", Merge::weighted_mean},
    {"vote", Merge::majority_vote},      {"best", Merge::best_score}, {"softmax-mean", Merge::mean_of_softmax},
};

constexpr std::pair<const char*, plan::Mode> kModes[] = {
    {"best", plan::Mode::best},
    {"single-board", plan::Mode::single_board},
    {"equal-split", plan::Mode::equal_split},
    {"pipeline", plan::Mode::pipeline},
    {"replicas", plan::Mode::replicas},
    {"batch", plan::Mode::batch},
};

template <class Table>
std::vector<std::string> words_of(const Table& table) {
    std::vector<std::string> out;
    for (const auto& row : table)
        out.emplace_back(row.first);
    return out;
}

std::string ports_text(const std::vector<graph::Port>& ports, const graph::Graph& graph) {
    std::vector<std::string> out;
    for (const auto& port : ports)
        out.push_back(text(port.name, ' ', graph.type(port.value)));
    return joined(out);
}

void check_alike(const std::vector<client::NamedGraph>& graphs) {
    const graph::Graph& first = *graphs.front().graph;
    for (const auto& [name, graph] : graphs) {
        const auto inputs = ports_text(graph->inputs, *graph), outputs = ports_text(graph->outputs, *graph);
        const auto wanted = ports_text(first.inputs, first), made = ports_text(first.outputs, first);
        if (inputs != wanted) {
            fail(Code::invalid_argument, "an ensemble's models take the same inputs, but '", graphs.front().name,
                 "' takes ", wanted, " and '", name, "' takes ", inputs);
        }
        if (graph->outputs.size() != first.outputs.size()) {
            fail(Code::invalid_argument, "an ensemble's models make the same outputs, but '", graphs.front().name,
                 "' makes ", made, " and '", name, "' makes ", outputs);
        }
    }
}

}  // namespace

void add_objective_flag(CLI::App& command, EnsembleFlags& flags) {
    restrict_to(
        command
            .add_option("--objective", flags.objective,
                        "What the plan is for: latency, a request at a time as fast as can be (the default), or "
                        "throughput, many requests in flight")
            ->option_text("WHAT")
            ->group("Cluster"),
        {"latency", "throughput"});
}

void add_mode_flag(CLI::App& command, EnsembleFlags& flags) {
    restrict_to(command
                    .add_option("--mode", flags.mode,
                                "best (the default), or one kind of plan whatever it costs: single-board, equal-split, "
                                "pipeline, replicas, batch (the rows of each request divided over all boards)")
                    ->option_text("MODE")
                    ->group("Cluster"),
                words_of(kModes));
}

void add_merge_flags(CLI::App& command, EnsembleFlags& flags) {
    restrict_to(command
                    .add_option("--merge", flags.merge,
                                "How several models' answers become one: mean (the default), softmax-mean, sum, vote, "
                                "best (the surest model's answer, row by row) or concatenate")
                    ->option_text("HOW")
                    ->group("Ensemble"),
                words_of(kMerges));
    command.add_option("--weights", flags.weights, "What each model counts, in the models' order (mean, softmax-mean)")
        ->option_text("W,W,...")
        ->group("Ensemble");
}

plan::Objective objective_of(const EnsembleFlags& flags) {
    return flags.objective == "throughput" ? plan::Objective::throughput : plan::Objective::latency;
}

plan::Mode mode_of(const EnsembleFlags& flags) {
    for (const auto& [word, mode] : kModes) {
        if (flags.mode == word) return mode;
    }
    return plan::Mode::best;
}

Merge merge_of(const EnsembleFlags& flags) {
    if (flags.models.size() < 2) {
        if (!flags.merge.empty()) throw UsageError("--merge: there is only one model, nothing is to be merged");
        return Merge::hand_over;
    }
    for (const auto& [word, merge] : kMerges) {
        if (flags.merge == word) return merge;
    }
    return Merge::weighted_mean;
}

std::vector<double> weights_of(const EnsembleFlags& flags) {
    if (flags.weights.empty()) return {};
    auto out = numbers(flags.weights, "--weights");
    if (out.size() != flags.models.size()) {
        throw UsageError(text("--weights: ", counted(static_cast<long long>(out.size()), "number"), " for ",
                              counted(static_cast<long long>(flags.models.size()), "model")));
    }
    const auto merge = merge_of(flags);
    if (merge != Merge::weighted_mean && merge != Merge::mean_of_softmax)
        throw UsageError("--weights: --merge " + flags.merge + " takes none");
    return out;
}

std::vector<client::NamedGraph> graphs_of(const std::vector<importer::Model>& models,
                                          const std::vector<std::string>& paths,
                                          const std::vector<importer::Bindings>& bindings) {
    std::vector<client::NamedGraph> out;
    for (std::size_t i = 0; i < models.size(); ++i) {
        out.push_back({std::filesystem::path(paths[i]).stem().string(),
                       std::make_shared<graph::Graph>(session::optimised_graph(models[i], bindings[i]))});
    }
    check_alike(out);
    return out;
}

}  // namespace shoal::cli
