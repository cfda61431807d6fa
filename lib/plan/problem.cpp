#include "plan/problem.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace shoal::plan {

using base::Code;
using base::fail;

std::string_view name(Mode mode) noexcept {
    switch (mode) {
        case Mode::best: return "best";
        case Mode::single_board: return "single board";
        case Mode::equal_split: return "equal split";
        case Mode::pipeline: return "pipeline";
        case Mode::replicas: return "replicas";
        case Mode::batch: return "batch";
    }
    return "?";
}

namespace {

void check_costs(const Model& model, const Cluster& cluster) {
    const std::string who = "costs of model '" + model.graph->name + "'";
    const std::size_t kernels = graph::groups(*model.graph).size();
    if (model.costs.size() != cluster.boards.size())
        fail(Code::invalid_argument, who, ": ", model.costs.size(), " rows for ", cluster.boards.size(), " boards");
    for (std::size_t b = 0; b < model.costs.size(); ++b) {
        const auto& row = model.costs[b];
        if (row.size() != kernels)
            fail(Code::invalid_argument, who, " on board '", cluster.boards[b].name, "': ", row.size(), " entries for ",
                 kernels, " kernels");
        for (std::size_t k = 0; k < row.size(); ++k) {
            if (!std::isfinite(row[k].seconds) || row[k].seconds < 0)
                fail(Code::invalid_argument, who, " on board '", cluster.boards[b].name, "': kernel ", k, " takes ",
                     row[k].seconds, " s");
        }
    }
}

void check_merge(const Problem& problem) {
    const auto& options = problem.options;
    if (!options.weights.empty() && options.weights.size() != problem.models.size())
        fail(Code::invalid_argument, options.weights.size(), " weights for ", problem.models.size(), " models");
    double total = 0;
    for (const double weight : options.weights) {
        if (!std::isfinite(weight) || weight < 0) fail(Code::invalid_argument, "a model's weight is ", weight);
        total += weight;
    }
    if (!options.weights.empty() && !(total > 0)) fail(Code::invalid_argument, "the models' weights sum to ", total);
    if (problem.models.size() > 1 && options.merge == Merge::hand_over)
        fail(Code::invalid_argument, "'", name(options.merge), "' does not merge the answers of several models");
}

}  // namespace

void validate(const Problem& problem) {
    validate(problem.cluster);
    if (problem.models.empty()) fail(Code::invalid_argument, "no model to plan for");
    for (const Model& model : problem.models) {
        if (model.graph == nullptr) fail(Code::invalid_argument, "a model without a graph");
        check_costs(model, problem.cluster);
    }
    check_merge(problem);
    for (const auto board : problem.options.excluded) {
        if (board >= problem.cluster.boards.size())
            fail(Code::invalid_argument, "board ", board, " is excluded, but there are ",
                 problem.cluster.boards.size());
    }
    if (allowed_boards(problem).empty()) fail(Code::unavailable, "every board is excluded");
    const std::size_t boards = allowed_boards(problem).size();
    if (problem.options.stages > boards)
        fail(Code::invalid_argument, problem.options.stages, " stages are asked for, and ", boards,
             " boards may be used; every stage needs a board of its own");
    if (problem.options.max_credits == 0) fail(Code::invalid_argument, "a stage needs at least 1 credit");
}

std::vector<std::uint32_t> allowed_boards(const Problem& problem) {
    std::vector<std::uint32_t> out;
    const auto& excluded = problem.options.excluded;
    for (std::uint32_t b = 0; b < problem.cluster.boards.size(); ++b) {
        if (std::find(excluded.begin(), excluded.end(), b) == excluded.end()) out.push_back(b);
    }
    return out;
}

std::uint64_t arena_alignment(const Cluster& cluster) {
    std::uint64_t out = 1;
    for (const Board& board : cluster.boards)
        out = std::max<std::uint64_t>(out, board.device.buffer_alignment);
    return out;
}

}  // namespace shoal::plan
