// Permutations of axes: perm[k] is the axis of the base that stands at place k of the transposed value.
#pragma once

#include <cstdint>

#include "graph/graph.hpp"

namespace shoal::optimize {

using graph::Ints;
using graph::Shape;

[[nodiscard]] Ints identity(int rank);
[[nodiscard]] bool is_identity(const Ints& perm);
[[nodiscard]] Ints inverse(const Ints& perm);
/// First `first`, then `second`: transpose(transpose(x, first), second).
[[nodiscard]] Ints compose(const Ints& first, const Ints& second);
/// The shape of transpose(x of shape `base`, perm).
[[nodiscard]] Shape permuted(const Shape& base, const Ints& perm);
/// A list with one entry per axis of transpose(base, perm), as one with an entry per axis of the base.
[[nodiscard]] Ints to_base(const Ints& entries, const Ints& perm);
/// True when the axes that are not 1 keep their order: the transpose is a reshape.
[[nodiscard]] bool only_moves_ones(const Shape& base, const Ints& perm);

/// A reshape of a transposed value written as a transpose of a reshaped base.
struct PushedReshape {
    Shape base;  ///< reshape the base to this,
    Ints perm;   ///< then transpose by this
};
/// Finds it for base -> transpose(perm) -> reshape(to), or nothing when the reshape mixes axes that the transpose
/// tore apart.
[[nodiscard]] std::optional<PushedReshape> push_reshape(const Shape& base, const Ints& perm, const Shape& to);

/// Where push_reshape finds nothing: the least reordering of the base's axes, others staying where they are, after which
/// it would. Nothing when no order helps (the reshape's runs of axes do not match up, or nothing is in the tensor).
[[nodiscard]] std::optional<Ints> order_for_reshape(const Shape& base, const Ints& perm, const Shape& to);

}  // namespace shoal::optimize
