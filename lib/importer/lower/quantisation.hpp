// What the quantised forms share: scales and zero points brought into shape, exact integer products, requantising.
#pragma once

#include "importer/context.hpp"
#include "importer/lower/convolution.hpp"

namespace shoal::importer {

/// A scale or zero point for `x`: one number, a vector along `axis`, or one value for each block of `block` elements
/// along it. The result broadcasts against x.
[[nodiscard]] ValueId fitted(Context& c, ValueId parameter, const Shape& x, std::int64_t axis, std::int64_t block);

/// (x - zero) * scale in the scale's element type; `zero` may be kNoValue.
[[nodiscard]] ValueId dequantised(Builder& b, ValueId x, ValueId scale, ValueId zero);
/// x / scale rounded to even + zero, saturated to `to`; `zero` may be kNoValue. x is of floats.
[[nodiscard]] ValueId quantised(Builder& b, ValueId x, ValueId scale, ValueId zero, ElementType to);

/// An operand of an exact product: 8-bit elements that mean (x - zero); `zero` may be kNoValue.
struct ByteOperand {
    ValueId x, zero;
};
/// sum over k of (a - za) * (b - zb) as i32; za is one number or one a row, zb one number or one a column.
[[nodiscard]] ValueId exact_matmul(Context& c, ByteOperand x, ByteOperand y);
/// The convolution of x (channels-last) with w [O, k.., I], zero points taken off, as i32 [N, P.., O]. The zero point
/// of w is one number or one an output channel.
[[nodiscard]] ValueId exact_conv(Context& c, const Convolution& conv, ByteOperand x, ByteOperand w);

}  // namespace shoal::importer
