// The plan: a value that says which part of which model runs where, and how the parts' results become the answer.
//
// A plan is nested splits. A leaf is a part of a model on one board; a split divides the work of its children along one
// axis (the operator order, the batch, requests, models) and names the merge that undoes it. Whoever deploys a plan
// flattens it; nobody else needs to know a strategy by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::plan {

enum class Objective : std::uint8_t { latency = 1, throughput = 2 };

/// Along what a split divides its work. Numbers cross the wire: never renumbered, never reused.
enum class Axis : std::uint8_t {
    operators = 1,  ///< consecutive stages of one model: each hands over to the next
    requests = 2,   ///< replicas: each request goes to one child, dealt by share
    batch = 3,      ///< axis 0 of every input and output, in shares
    models = 4,     ///< an ensemble: every child answers every request
};
std::string_view name(Axis axis) noexcept;

/// How children's results become one. Numbers cross the wire: never renumbered, never reused.
enum class Merge : std::uint8_t {
    hand_over = 1,    ///< the last child's result is the result (operators), or the one child's that ran (requests)
    concatenate = 2,  ///< along axis 0
    sum = 3,
    weighted_mean = 4,    ///< weights scaled to sum 1
    majority_vote = 5,    ///< one-hot f32 of the class that most children rank first; ties to the lowest class
    best_score = 6,       ///< per row the output of the child whose largest score is highest
    mean_of_softmax = 7,  ///< softmax over the last axis of each, then the weighted mean
};
std::string_view name(Merge merge) noexcept;

/// A part of a model on one board: the kernels [first_group, last_group).
struct Work {
    std::uint32_t model = 0;  ///< index among the models that the plan is for
    std::uint32_t board = 0;  ///< index into Cluster::boards
    std::uint32_t first_group = 0, last_group = 0;
    bool operator==(const Work&) const = default;
};

struct Node {
    /// A leaf when there are no children.
    Work work{};
    Axis axis = Axis::operators;
    Merge merge = Merge::hand_over;
    std::vector<Node> children{};
    std::vector<double> shares{};   ///< one a child; for requests and batch, sums to 1
    std::vector<double> weights{};  ///< one a child, for weighted merges; empty: equal

    [[nodiscard]] bool is_leaf() const noexcept { return children.empty(); }
    bool operator==(const Node&) const = default;
};

/// What the planner expects of one leaf.
struct StagePrediction {
    Work work{};
    double compute_s = 0;
    double receive_s = 0;  ///< of its inputs, from the boards before it or the hub
    double send_s = 0;     ///< of its outputs
    std::uint64_t receive_bytes = 0, send_bytes = 0;
    std::uint64_t memory_bytes = 0;  ///< weights + activations + message buffers
    std::uint64_t memory_limit = 0;
    bool operator==(const StagePrediction&) const = default;
};

struct Prediction {
    double latency_s = 0;             ///< one request alone, hub to hub
    double requests_per_s = 0;        ///< steady state, many requests in flight
    double latency_bound_s = 0;       ///< no plan on this cluster can be faster (docs/planner.md, "Bounds")
    double requests_per_s_bound = 0;  ///< nor answer more
    double gap = 0;  ///< no plan of the kinds that the planner makes is better by more than this part; 0: proven
    std::vector<StagePrediction> stages{};  ///< leaves from left to right
    bool operator==(const Prediction&) const = default;
};

struct Plan {
    Objective objective = Objective::latency;
    /// Requests whose inputs (and, apart, whose outputs) a stage may hold at a time; memory counts that many.
    std::uint32_t credits = 1;
    Node root{};
    Prediction prediction{};
    bool operator==(const Plan&) const = default;
};

/// The leaves from left to right.
[[nodiscard]] std::vector<Work> leaves(const Node& root);

/// `extent` units divided as near to the shares as whole numbers go, all of them given away: what the children of a
/// batch split take, in order. Hub and planner both use this, so that they agree. Shares must be finite, not negative
/// and not all 0.
[[nodiscard]] std::vector<std::int64_t> whole_shares(const std::vector<double>& shares, std::int64_t extent);

}  // namespace shoal::plan
