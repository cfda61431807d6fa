// Small networks as an importer lowers them (channels first, transposes around every convolution): the shapes that the
// optimiser and the code generator have to see through.
#pragma once

#include <string>
#include <vector>

#include "graph/builder.hpp"
#include "support/random.hpp"

namespace shoal::test {

struct Network {
    std::string name;
    graph::Graph graph;

    [[nodiscard]] std::vector<tensor::Tensor> inputs(std::mt19937& random) const;
};

[[nodiscard]] std::vector<Network> networks();

/// The ones by name.
[[nodiscard]] Network residual_block();     ///< conv, batch norm, relu, conv, batch norm, add, relu
[[nodiscard]] Network channel_shuffle();    ///< split, depthwise, concat, shuffle, 1x1
[[nodiscard]] Network squeeze_excite();     ///< conv, global average, two 1x1, sigmoid, multiply
[[nodiscard]] Network dense_block();        ///< concatenations of everything before
[[nodiscard]] Network classifier();         ///< conv, pool, flatten, matmul, softmax
[[nodiscard]] Network attention_head();     ///< heads split by reshape and transpose, scores, softmax, heads joined
[[nodiscard]] Network layer_norm();         ///< mean, variance, scale, bias, written out
[[nodiscard]] Network embedding();          ///< gathered rows plus positions
[[nodiscard]] Network grouped_pointwise();  ///< 1x1 and 3x3 in groups wider than a vector, each with its own bias
[[nodiscard]] Network depthwise_chain();  ///< windows of 3, 5 and 7, strided, dilated, one axis cut off, x * sigmoid(x)
[[nodiscard]] Network picture();          ///< few channels, padded unevenly, an explicit pad before them
[[nodiscard]] Network gelu();             ///< x * (1 + erf(x / sqrt 2)) / 2 behind a product, written out
[[nodiscard]] Network odd_products();     ///< products of 1, 5 and 49 rows by 7, 17, 24, 40 and 100 columns
[[nodiscard]] Network empty_cache();      ///< the first step of a key-value cache: a concatenation with nothing

}  // namespace shoal::test
