// Compositions of core operators that several lowerings share. Each takes values of one builder and returns one.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "graph/builder.hpp"

namespace shoal::importer {

using graph::Builder;
using graph::Ints;
using graph::ValueId;
using tensor::ElementType;
using tensor::Shape;

// Shapes.

/// Axes of extent 1 at these positions of the result (any order, each once).
[[nodiscard]] ValueId unsqueeze(Builder& b, ValueId x, std::vector<int> axes);
/// Without these axes, which have extent 1.
[[nodiscard]] ValueId squeeze(Builder& b, ValueId x, const std::vector<int>& axes);
/// [N, C, D..] -> [N, D.., C] and back.
[[nodiscard]] ValueId channels_last(Builder& b, ValueId x);
[[nodiscard]] ValueId channels_first(Builder& b, ValueId x);
/// The identity permutation with axis `from` moved to `to`.
[[nodiscard]] ValueId move_axis(Builder& b, ValueId x, int from, int to);
[[nodiscard]] ValueId swap_last_two(Builder& b, ValueId x);
/// A vector [C] as [1, C, 1, ..] of rank `rank`, to be broadcast along axis `axis`.
[[nodiscard]] ValueId along_axis(Builder& b, ValueId vector, int axis, int rank);
[[nodiscard]] Ints all_axes(const Shape& shape, int first = 0);

// Numbers.

/// A constant scalar of the same element type as `like`.
[[nodiscard]] ValueId number(Builder& b, ValueId like, double value);
[[nodiscard]] ValueId vector_of(Builder& b, const Ints& values);
[[nodiscard]] ValueId table_of(Builder& b, ElementType element, Shape shape, const std::vector<double>& values);

// Arithmetic on floats and integers alike.

[[nodiscard]] ValueId add(Builder& b, ValueId x, ValueId y);
[[nodiscard]] ValueId sub(Builder& b, ValueId x, ValueId y);
[[nodiscard]] ValueId mul(Builder& b, ValueId x, ValueId y);
[[nodiscard]] ValueId divide(Builder& b, ValueId x, ValueId y);
[[nodiscard]] ValueId maximum(Builder& b, ValueId x, ValueId y);
[[nodiscard]] ValueId minimum(Builder& b, ValueId x, ValueId y);
[[nodiscard]] ValueId absolute(Builder& b, ValueId x);
/// x * factor, x itself for a factor of 1.
[[nodiscard]] ValueId scaled(Builder& b, ValueId x, double factor);
[[nodiscard]] ValueId select(Builder& b, ValueId condition, ValueId yes, ValueId no);

// Precision: f16 and bf16 are stored so, but chains that lose too much in them are computed in f32.

[[nodiscard]] bool is_half(ElementType type) noexcept;
/// f16 and bf16 as f32, everything else as it is.
[[nodiscard]] ValueId widened(Builder& b, ValueId x);

// Statistics; reduced axes stay with extent 1.

[[nodiscard]] ValueId mean(Builder& b, ValueId x, const Ints& axes);
/// x / sqrt(mean(x^2) + epsilon)
[[nodiscard]] ValueId rms_normalised(Builder& b, ValueId x, const Ints& axes, double epsilon);
/// (x - mean) / sqrt(variance + epsilon)
[[nodiscard]] ValueId normalised(Builder& b, ValueId x, const Ints& axes, double epsilon);
[[nodiscard]] ValueId softmax(Builder& b, ValueId x, const Ints& axes);
[[nodiscard]] ValueId log_softmax(Builder& b, ValueId x, const Ints& axes);

}  // namespace shoal::importer
