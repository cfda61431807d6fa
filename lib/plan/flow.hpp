// A plan as what happens: which messages and which computations a request causes where. Prediction and simulation both
// work on this, so that they speak of the same thing.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/chain.hpp"
#include "plan/pipeline.hpp"
#include "plan/problem.hpp"

namespace shoal::plan {

struct FlowStage {
    Work work{};
    double compute_s = 0;
    std::uint64_t in_bytes = 0, out_bytes = 0;
    std::uint64_t memory_bytes = 0;
};

struct Flow {
    Axis axis = Axis::operators;
    std::vector<FlowStage> stages{};  ///< operators: one board after the other
    std::vector<Flow> children{};     ///< any other axis
    std::vector<double> shares{};     ///< requests: how they are dealt
};

/// One chain a model, as the planner uses them.
[[nodiscard]] std::vector<Chain> make_chains(const Problem& problem);

/// Throws unsupported for splits that nobody plans yet (a stage that is itself divided), and invalid_argument for plans
/// that do not belong to the problem: boards, models or kernels that are not there, stages that do not follow each
/// other.
[[nodiscard]] Flow flow_of(const Problem& problem, const std::vector<Chain>& chains, const Plan& plan);

/// Extent of axis 0 of the model's inputs and outputs, when all agree; otherwise 0.
[[nodiscard]] std::int64_t batch_extent(const graph::Graph& graph);

/// A whole model on one board, for any part of a batch: launches stay, the work and the tensors scale.
class BatchPart {
public:
    BatchPart(const Problem& problem, const Chain& chain, std::uint32_t model, std::uint32_t board, std::int64_t batch);

    [[nodiscard]] FlowStage stage(std::int64_t rows, std::uint32_t credits) const;

private:
    Work work_;
    std::int64_t batch_;
    StageMemory whole_;
    std::uint64_t in_bytes_, out_bytes_, rounding_;
    double fixed_s_ = 0, scaled_s_ = 0;
};

/// All stages, children from left to right.
[[nodiscard]] std::vector<const FlowStage*> stages_of(const Flow& flow);

}  // namespace shoal::plan
