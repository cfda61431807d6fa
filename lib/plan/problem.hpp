// What the planner is asked: models with their cost tables, the cluster, the objective and how freely it may choose.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"
#include "plan/cluster.hpp"
#include "plan/plan.hpp"

namespace shoal::plan {

/// How freely the planner may choose. Everything but `best` is what simpler systems do, kept as a yardstick.
enum class Mode : std::uint8_t {
    best = 1,          ///< whatever is predicted to serve the objective most
    single_board = 2,  ///< the whole model on the one board that serves best
    equal_split = 3,   ///< every board in the given order takes the same number of kernels
    pipeline = 4,      ///< one pipeline; boards may be left out
    replicas = 5,      ///< the whole model on each board that holds it
    batch = 6,         ///< the same, and the rows of each request divided among these boards by their speed
};
std::string_view name(Mode mode) noexcept;

struct Options {
    Mode mode = Mode::best;
    std::uint32_t stages = 0;               ///< exactly so many stages in a pipeline; 0: as many as pay
    std::uint32_t max_credits = 4;          ///< see Plan::credits; fewer are taken where memory asks for it
    std::vector<std::uint32_t> excluded{};  ///< boards (indices) not to use
    Merge merge = Merge::weighted_mean;     ///< of an ensemble
    std::vector<double> weights{};          ///< one a model, for weighted merges; empty: equal
    /// Steps after which a search keeps its best so far and says how far from the best it can be (Prediction::gap).
    /// The same steps on every machine: plans do not depend on how fast the planning board is.
    std::uint64_t effort = 60'000'000;
};

struct Model {
    std::shared_ptr<const graph::Graph> graph;
    CostTable costs;  ///< one row a board of the cluster, one entry a kernel
};

struct Problem {
    std::vector<Model> models;  ///< several: an ensemble
    Cluster cluster;
    Objective objective = Objective::latency;
    Options options{};
};

/// Throws invalid_argument naming what is wrong: no model, cost tables of the wrong size or with costs that are not
/// numbers, weights or boards that do not exist, a merge that merges nothing.
void validate(const Problem& problem);

/// Boards that may be used, in order.
[[nodiscard]] std::vector<std::uint32_t> allowed_boards(const Problem& problem);

/// The alignment of tensors in every board's arena: the largest that any board asks for.
[[nodiscard]] std::uint64_t arena_alignment(const Cluster& cluster);

}  // namespace shoal::plan
