// A convolution of few channels that lie in planes, as a picture does in most models: [N, C, D1..Dr] rather than
// [N, D1..Dr, C].
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/graph.hpp"
#include "graph/window.hpp"

namespace shoal::graph {

/// A convolution and the operators that turn the planes before it into rows. A kernel that reads planes does without them.
struct PlanarConvolution {
    std::uint32_t conv = 0;
    ValueId planes = kNoValue;             ///< [N, C, D1..Dr]; with one channel perhaps [N, D1..Dr, 1]
    Window window{};                       ///< of the convolution, its pads with those that are added before it
    std::vector<std::uint32_t> movement{}; ///< the operators before the convolution, rising: transpose, pad
};

/// The one that ends with operator `conv`; nothing when it has more than a few channels or groups, is not of f32, or
/// when what lies before it is anything else or is also needed elsewhere. `readers` as graph::readers gives them,
/// `makers` the operator of each value (any number beyond the last operator where there is none).
[[nodiscard]] std::optional<PlanarConvolution> planar_convolution_at(
    const Graph& graph, std::uint32_t conv, const std::vector<std::vector<std::uint32_t>>& readers,
    const std::vector<std::uint32_t>& makers);

/// The one that a kernel group begins with.
[[nodiscard]] std::optional<PlanarConvolution> planar_convolution_of(const Graph& graph, GroupRange group);

}  // namespace shoal::graph
