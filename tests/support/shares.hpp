// Dividing test tensors: uneven shares of an axis, the slice that a shard reads, and putting parts together again.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "graph/card.hpp"

namespace shoal::test {

/// Where two to five shares of [0, extent) begin and end, at multiples of `granule`; ascending, 0 and extent included,
/// no share empty unless extent is 0.
[[nodiscard]] std::vector<std::int64_t> uneven_shares(std::mt19937& random, std::int64_t extent,
                                                      std::int64_t granule = 1);

/// The part of `whole` that `slice` names. Throws invalid_argument unless it lies inside.
[[nodiscard]] tensor::Tensor cut(const tensor::Tensor& whole, const graph::InputSlice& slice);

/// Parts side by side along `axis`.
[[nodiscard]] tensor::Tensor concatenated(const std::vector<tensor::Tensor>& parts, int axis);

/// "" when both are of one type and have the same bytes, else where they differ first.
[[nodiscard]] std::string byte_difference(const tensor::Tensor& got, const tensor::Tensor& want);

}  // namespace shoal::test
