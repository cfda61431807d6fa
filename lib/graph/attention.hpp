// Scaled dot-product attention among the operators of a graph: softmax(f(q k)) v, with f an element-wise chain.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/graph.hpp"

namespace shoal::graph {

/// The operators of one attention. Scores and weights have the keys as their last axis.
struct Attention {
    std::uint32_t scores = 0;        ///< the matmul of queries [.., M, D] by keys
    std::uint32_t product = 0;       ///< the matmul of weights by values [.., T, E]
    ValueId biased = kNoValue;       ///< what softmax is taken of: scores, scaled and masked
    ValueId weights = kNoValue;      ///< what softmax gives, as the product reads it
    ValueId least_top = kNoValue;    ///< a constant: lower bound of a row's maximum, where there is one
    ValueId least_total = kNoValue;  ///< a constant: that of a row's sum, so that a row masked whole gives zeros
    std::vector<std::uint32_t> members{};  ///< all operators, rising
};

/// The attention that ends with operator `product`; nothing when what leads to it is anything else, or when a value
/// between its ends is also needed elsewhere. `readers` as graph::readers gives them, `makers` the operator of each
/// value (any number beyond the last operator where there is none).
/// Source: Vaswani et al., "Attention Is All You Need", 2017, section 3.2.1.
[[nodiscard]] std::optional<Attention> attention_before(const Graph& graph, std::uint32_t product,
                                                        const std::vector<std::vector<std::uint32_t>>& readers,
                                                        const std::vector<std::uint32_t>& makers);

/// The attention that a kernel group is, from its first operator to its last.
[[nodiscard]] std::optional<Attention> attention_of(const Graph& graph, GroupRange group);

}  // namespace shoal::graph
