// How the leading axes of a matrix product's operands, broadcast against each other, are stepped through.
#pragma once

#include <array>
#include <optional>

#include "opencl/emit/launch.hpp"

namespace shoal::opencl {

/// Leading axes of both operands, as far as one stride each can step through them.
struct Batches {
    std::int64_t count, left_step, right_step;  ///< steps in matrices: 1, or 0 where the operand is the same for all
};
/// Nothing when one stride each is not enough.
[[nodiscard]] std::optional<Batches> linear_batches(const Shape& a, const Shape& b);

/// The batch as at most three axes, the last ones outermost to innermost, and how far one step along each of them is in
/// the operands' elements, 0 where an operand is the same for all.
struct BatchAxes {
    std::array<std::int64_t, 3> extents{1, 1, 1}, left{}, right{};

    /// As kernels take them: the extents but the outermost, then the steps of the left and of the right operand.
    [[nodiscard]] std::vector<LaunchArgument> arguments() const;
};
/// Neighbouring axes that step through both operands as one axis become one; nothing when more than three remain.
[[nodiscard]] std::optional<BatchAxes> batch_axes(const Shape& a, const Shape& b, const Shape& batch);

}  // namespace shoal::opencl
