// Quantised operators of ai.onnx. Integer sums are exact; scales are applied in f32.
#include "importer/lower/quantisation.hpp"
#include "base/checked.hpp"
#include "graph/cards.hpp"
#include "importer/compose.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {

ValueId fitted(Context& c, ValueId parameter, const Shape& x, std::int64_t axis, std::int64_t block) {
    Builder& b = c.builder();
    const Shape own = b.shape(parameter);
    if (own.count() == 1 && own.rank() <= 1) return b.reshape(parameter, Shape{});
    const int at = c.axis(axis, x.rank());
    if (own.rank() == 1 && block == 0) {
        c.expect(own[0] == x[at], "a parameter of type ", b.type(parameter), " along axis ", at, " of ", x);
        return along_axis(b, parameter, at, x.rank());
    }
    c.expect(own.rank() == x.rank() && block >= 0, "a parameter of type ", b.type(parameter), " for ", x);
    if (own[at] == x[at]) return parameter;
    const std::int64_t size = block > 0 ? block : own[at] > 0 ? base::ceil_div(x[at], own[at]) : 1;
    c.expect(base::ceil_div(x[at], size) == own[at], own[at], " blocks of ", size, " for axis ", at, " of ", x);
    c.expect_table(x[at]);
    Ints blocks;
    for (std::int64_t i = 0; i < x[at]; ++i)
        blocks.push_back(i / size);
    return b.gather(parameter, vector_of(b, blocks), at);
}

ValueId dequantised(Builder& b, ValueId x, ValueId scale, ValueId zero) {
    // Wide integers do not fit into halves.
    const ElementType element = b.element(scale);
    const bool narrow = is_half(element) && tensor::bits(b.element(x)) > 8;
    const ElementType computed = narrow ? ElementType::f32 : element;
    ValueId out = b.cast(x, computed);
    if (zero != kNoValue) out = sub(b, out, b.cast(zero, computed));
    return b.cast(mul(b, out, b.cast(scale, computed)), element);
}

ValueId quantised(Builder& b, ValueId x, ValueId scale, ValueId zero, ElementType to) {
    const ElementType computed = b.element(x) == ElementType::f64 ? ElementType::f64 : ElementType::f32;
    ValueId out = b.map("round", {divide(b, b.cast(x, computed), b.cast(scale, computed))});
    if (zero != kNoValue) out = add(b, out, b.cast(zero, computed));
    return b.cast(out, to);
}

namespace {

Values quantize_linear(Context& c) {
    Builder& b = c.builder();
    const std::int64_t axis = c.integer("axis", 1), block = c.integer("block_size", 0);
    const ElementType to = c.has(2) ? c.element(2) : c.element_type("output_dtype", ElementType::u8);
    const ValueId scale = fitted(c, c.in(1), c.shape(0), axis, block);
    const ValueId zero = c.has(2) ? fitted(c, c.in(2), c.shape(0), axis, block) : kNoValue;
    return {quantised(b, c.in(0), scale, zero, to)};
}

Values dequantize_linear(Context& c) {
    Builder& b = c.builder();
    const std::int64_t axis = c.integer("axis", 1), block = c.integer("block_size", 0);
    const ValueId scale = fitted(c, c.in(1), c.shape(0), axis, block);
    const ValueId zero = c.has(2) ? fitted(c, c.in(2), c.shape(0), axis, block) : kNoValue;
    const ValueId out = dequantised(b, c.in(0), scale, zero);
    return {b.cast(out, c.element_type("output_dtype", b.element(out)))};
}

// Range of x, widened to hold 0, in 255 steps.
Values dynamic_quantize_linear(Context& c) {
    Builder& b = c.builder();
    const ValueId x = c.in(0), nothing = number(b, x, 0);
    const Ints axes = all_axes(c.shape(0));
    const ValueId low = minimum(b, b.reshape(b.reduce("min", x, axes), Shape{}), nothing);
    const ValueId high = maximum(b, b.reshape(b.reduce("max", x, axes), Shape{}), nothing);
    const ValueId scale = divide(b, sub(b, high, low), number(b, x, 255));
    const ValueId zero = b.map("round", {b.map("clip", {sub(b, nothing, divide(b, low, scale))}, 0, 255)});
    return {quantised(b, x, scale, zero, ElementType::u8), scale, b.cast(zero, ElementType::u8)};
}

Values matmul_integer(Context& c) {
    return {exact_matmul(c, {c.in(0), c.in_or_none(2)}, {c.in(1), c.in_or_none(3)})};
}

Values conv_integer(Context& c) {
    Builder& b = c.builder();
    const Convolution conv = convolution_of(c, 0, 1);
    return {channels_first(b, exact_conv(c, conv, {channels_last(b, c.in(0)), c.in_or_none(2)},
                                         {channels_last(b, c.in(1)), c.in_or_none(3)}))};
}

// sums * factor, rounded, as bytes around the zero point of the result.
ValueId requantised(Builder& b, ValueId sums, ValueId factor, ValueId zero) {
    const ValueId scaled = b.map("round", {mul(b, b.cast(sums, ElementType::f32), b.cast(factor, ElementType::f32))});
    const ValueId shift = b.cast(b.reshape(zero, Shape{}), ElementType::f32);
    return b.cast(add(b, scaled, shift), b.element(zero));
}

// A scale as one number, or along the rows or columns of a product.
ValueId scale_of(Builder& b, ValueId scale, bool rows) {
    scale = b.cast(scale, ElementType::f32);
    if (b.shape(scale).count() == 1) return b.reshape(scale, Shape{});
    return rows && b.shape(scale).rank() == 1 ? unsqueeze(b, scale, {1}) : scale;
}

Values qlinear_matmul(Context& c) {
    Builder& b = c.builder();
    const ValueId sums = exact_matmul(c, {c.in(0), c.in(2)}, {c.in(3), c.in(5)});
    const ValueId factor =
        divide(b, mul(b, scale_of(b, c.in(1), true), scale_of(b, c.in(4), false)), scale_of(b, c.in(6), false));
    return {requantised(b, sums, factor, c.in(7))};
}

Values qlinear_conv(Context& c) {
    Builder& b = c.builder();
    const bool last = c.flag("channels_last", false);  // an attribute of com.microsoft; weights stay [O, I, k..]
    const Convolution conv = convolution_of(c, 0, 3, last);
    const ValueId x = last ? c.in(0) : channels_last(b, c.in(0));
    ValueId sums = exact_conv(c, conv, {x, c.in(2)}, {channels_last(b, c.in(3)), c.in(5)});
    if (c.has(8)) sums = add(b, sums, c.in(8));
    const ValueId factor =
        divide(b, mul(b, scale_of(b, c.in(1), false), scale_of(b, c.in(4), false)), scale_of(b, c.in(6), false));
    const ValueId out = requantised(b, sums, factor, c.in(7));
    return {last ? out : channels_first(b, out)};
}

constexpr std::string_view kMicrosoft = "com.microsoft";

const Row kRows[] = {
    {"", "ConvInteger", 1, 0, conv_integer},
    {"", "DequantizeLinear", 1, 0, dequantize_linear},
    {"", "DynamicQuantizeLinear", 1, 0, dynamic_quantize_linear},
    {"", "MatMulInteger", 1, 0, matmul_integer},
    {"", "QLinearConv", 1, 0, qlinear_conv},
    {"", "QLinearMatMul", 1, 0, qlinear_matmul},
    {"", "QuantizeLinear", 1, 0, quantize_linear},
    {kMicrosoft, "DequantizeLinear", 1, 0, dequantize_linear},
    {kMicrosoft, "QLinearConv", 1, 0, qlinear_conv},
    {kMicrosoft, "QuantizeLinear", 1, 0, quantize_linear},
};

}  // namespace

namespace families {
const Family quantisation{kRows};
}

}  // namespace shoal::importer
