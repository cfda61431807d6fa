// Weight-only quantisation: the weights of products and convolutions become 8- or 4-bit whole numbers with scales, and
// a DequantizeLinear before each use. Activations stay as they are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "importer/model.hpp"

namespace shoal::importer {

struct WeightQuantisation {
    int bits = 8;               ///< 8 or 4
    std::int64_t block = 32;    ///< weights that share a scale, along the axis that is summed over; 0: a whole column
    std::int64_t least = 1024;  ///< smaller weights stay: nothing is gained
    /// True: what every reader of ONNX knows, ai.onnx raised to 21 (13 for 8 bits with block 0) where need be.
    /// False: nothing but the weights changes; for use in this process, not for files.
    bool portable = true;
};

struct QuantisedWeights {
    Model model;
    std::vector<std::string> weights;                 ///< names of those that were quantised
    std::uint64_t bytes_before = 0, bytes_after = 0;  ///< of these, scales included
};

/// Quantises every f32 initialiser and Constant that only MatMul, Gemm and Conv read as weights, in the main graph and
/// in branches and loop bodies; embeddings, recurrent cells, what stands in functions and whatever is read otherwise
/// stay. Throws unsupported for weights that are not finite, invalid_argument for bits or block, unsupported where
/// ai.onnx cannot be raised (see raise_opset.hpp).
[[nodiscard]] QuantisedWeights quantise_weights(const Model& model, const WeightQuantisation& how = {});

}  // namespace shoal::importer
