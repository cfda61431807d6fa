// Weights rounded to a few whole steps: the arithmetic of weight-only quantisation, without any model around it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace shoal::importer {

/// A matrix of weights by what is summed over (`inner`) and what each sum makes (`outer`); steps are between neighbours
/// in memory, so that either order can be read where it lies.
struct WeightMatrix {
    std::span<const float> values;
    std::int64_t outer, inner;
    std::int64_t outer_step, inner_step;
};

struct RoundedWeights {
    std::vector<double> values;  ///< whole numbers, where the weights lay
    std::vector<double> scales;  ///< [outer, blocks], or [blocks, outer] where neighbours in memory are of one block
    std::int64_t blocks;         ///< along inner
};

/// Symmetric rounding to `bits`: every `block` weights along inner share the scale that brings them closest (least
/// squared error of a few candidates). The weights must be finite.
[[nodiscard]] RoundedWeights round_weights(const WeightMatrix& weights, std::int64_t block, int bits);

}  // namespace shoal::importer
