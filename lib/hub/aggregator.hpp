// How the results of several boards become one answer: pure functions on tensors, one for each plan::Merge.
//
// All parts must have the same element type, and the same shape (concatenate: but for axis 0); anything else is
// invalid_argument naming both. Floats narrower than 64 bits are summed in double and rounded once. Safe to call from
// several threads.
#pragma once

#include <span>
#include <vector>

#include "plan/plan.hpp"
#include "tensor/tensor.hpp"

namespace shoal::hub {

using tensor::Tensor;

/// Along axis 0, in order. One part is returned as it is, its bytes shared.
[[nodiscard]] Tensor concatenate(std::span<const Tensor> parts);

/// Element by element; integers wrap as adding in their type does.
[[nodiscard]] Tensor sum(std::span<const Tensor> parts);

/// `weights` are scaled to sum 1; none: all equal. Integers round to the nearest, ties to even. Throws invalid_argument
/// unless there is one finite weight, not negative, for each part and not all are 0.
[[nodiscard]] Tensor weighted_mean(std::span<const Tensor> parts, std::span<const double> weights = {});

/// The last axis holds the classes' scores. For each row an f32 one-hot of the class that most parts rank first; ties
/// go to the lowest class, and a score that is no number ranks last.
[[nodiscard]] Tensor majority_vote(std::span<const Tensor> parts);

/// The last axis holds the classes' scores. For each row the scores of the part whose largest is highest, the first of
/// equals.
[[nodiscard]] Tensor best_score(std::span<const Tensor> parts);

/// Softmax over the last axis of each part, then the weighted mean. f32 unless the parts are of a floating type.
[[nodiscard]] Tensor mean_of_softmax(std::span<const Tensor> parts, std::span<const double> weights = {});

/// What `merge` says; hand_over takes exactly one part. `weights` matter to weighted merges only.
[[nodiscard]] Tensor merge(plan::Merge merge, std::span<const Tensor> parts, std::span<const double> weights = {});

/// The same for models with several outputs: children[c] holds the outputs of child c. Every output is merged apart.
[[nodiscard]] std::vector<Tensor> merge_outputs(plan::Merge merge, std::span<const std::vector<Tensor>> children,
                                                std::span<const double> weights = {});

}  // namespace shoal::hub
