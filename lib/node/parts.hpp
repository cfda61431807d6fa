// Tensors cut into parts for several readers, and put together again from parts of several makers. Pure functions.
#pragma once

#include <vector>

#include "graph/card.hpp"

namespace shoal::node {

/// The type of that part of a tensor.
[[nodiscard]] tensor::Type part_type(const tensor::Type& whole, const graph::InputSlice& part);

/// That part of the tensor; shares its bytes where they lie together. Throws unsupported when nibbles would have to be
/// divided.
[[nodiscard]] tensor::Tensor part_of(const tensor::Tensor& whole, const graph::InputSlice& part);

struct Piece {
    graph::InputSlice part{};
    tensor::Tensor tensor{};
};

/// The tensor that the pieces make: concat puts each into its place, the other merges combine whole tensors element by
/// element, in order. Throws unsupported for element types that cannot be combined so.
[[nodiscard]] tensor::Tensor merged(const tensor::Type& type, graph::Merge merge, std::vector<Piece> pieces);

}  // namespace shoal::node
