// Products of 8-bit integers, exact in i32, with zero points taken off afterwards:
//   sum (a - za)(b - zb) = sum a b - za sum b - zb sum a + K za zb
// so that the product itself runs on bytes. What follows from constant weights alone is summed up here and now.
#include <algorithm>

#include "importer/compose.hpp"
#include "importer/lower/quantisation.hpp"

namespace shoal::importer {
namespace {

bool is_zero(Context& c, ValueId zero) {
    if (zero == kNoValue) return true;
    const auto known = c.known(zero);
    if (!known) return false;
    const auto values = tensor::to_ints(*known);
    return std::all_of(values.begin(), values.end(), [](auto value) { return value == 0; });
}

ValueId wide(Builder& b, ValueId x) {
    return b.cast(x, ElementType::i32);
}

// Sums over the given axes as i32. Of a constant at once: the builder would not, since the i32 form is larger.
ValueId sums(Context& c, ValueId x, const Ints& axes) {
    Builder& b = c.builder();
    if (!b.is_constant(x)) return b.reduce("sum", wide(b, x), axes);
    const Tensor values = b.value_of(x);
    const Shape from = values.shape();
    Ints extents = from.extents();
    for (const auto axis : axes)
        extents[static_cast<std::size_t>(axis)] = 1;
    const Shape to(extents);
    const auto steps = tensor::broadcast_strides(to, from);
    Tensor out(Type{ElementType::i32, to});
    const auto totals = out.edit_as<std::int32_t>();
    std::vector<std::int64_t> at(extents.size(), 0);
    std::int64_t target = 0;
    for (std::int64_t i = 0; i < from.count(); ++i) {
        totals[static_cast<std::size_t>(target)] += static_cast<std::int32_t>(tensor::element_as_int(values, i));
        for (int axis = from.rank() - 1; axis >= 0; --axis) {
            const auto k = static_cast<std::size_t>(axis);
            target += steps[k];
            if (++at[k] < from[axis]) break;
            target -= steps[k] * from[axis];
            at[k] = 0;
        }
    }
    return b.constant(std::move(out));
}

// Bytes that mean (x - 128) hold the same numbers as i8 with the highest bit turned over: then the zero point is 0.
ByteOperand recentred(Context& c, ByteOperand w) {
    Builder& b = c.builder();
    if (w.zero == kNoValue || b.element(w.x) != ElementType::u8 || !b.is_constant(w.x)) return w;
    const auto known = c.known(w.zero);
    if (!known) return w;
    const auto zeros = tensor::to_ints(*known);
    if (!std::all_of(zeros.begin(), zeros.end(), [](auto zero) { return zero == 128; })) return w;
    const Tensor from = b.value_of(w.x);
    Tensor to(Type{ElementType::i8, from.shape()});
    std::transform(from.bytes().begin(), from.bytes().end(), to.edit().begin(),
                   [](std::byte value) { return value ^ std::byte{0x80}; });
    return {b.constant(std::move(to)), kNoValue};
}

}  // namespace

ValueId exact_matmul(Context& c, ByteOperand x, ByteOperand y) {
    Builder& b = c.builder();
    y = recentred(c, y);
    const int x_rank = b.shape(x.x).rank(), y_rank = b.shape(y.x).rank();
    if (x_rank < 2 || y_rank < 2) {
        const auto matrix = [&](ByteOperand o, int at) { return ByteOperand{unsqueeze(b, o.x, {at}), o.zero}; };
        const ValueId out = exact_matmul(c, x_rank < 2 ? matrix(x, 0) : x, y_rank < 2 ? matrix(y, 1) : y);
        const int rank = b.shape(out).rank();
        std::vector<int> added;
        if (x_rank < 2) added.push_back(rank - 2);
        if (y_rank < 2) added.push_back(rank - 1);
        return squeeze(b, out, added);
    }
    ValueId out = b.matmul(x.x, y.x);
    // A vector is one zero point for each row of x, or for each column of y.
    const auto shaped = [&](ValueId zero, bool rows) {
        zero = wide(b, zero);
        return rows && b.shape(zero).rank() == 1 && b.shape(zero)[0] != 1 ? unsqueeze(b, zero, {1}) : zero;
    };
    const bool x_shifted = !is_zero(c, x.zero), y_shifted = !is_zero(c, y.zero);
    const auto inner = static_cast<double>(b.shape(x.x).back());
    if (x_shifted) out = sub(b, out, mul(b, shaped(x.zero, true), sums(c, y.x, {y_rank - 2})));
    if (y_shifted) out = sub(b, out, mul(b, shaped(y.zero, false), sums(c, x.x, {x_rank - 1})));
    if (x_shifted && y_shifted) {
        const ValueId both = mul(b, shaped(x.zero, true), shaped(y.zero, false));
        out = add(b, out, mul(b, both, number(b, both, inner)));
    }
    return out;
}

ValueId exact_conv(Context& c, const Convolution& conv, ByteOperand x, ByteOperand w) {
    Builder& b = c.builder();
    w = recentred(c, w);
    const bool x_shifted = !is_zero(c, x.zero), w_shifted = !is_zero(c, w.zero);
    if (!x_shifted && !w_shifted) return convolved(b, conv, x.x, w.x);
    const auto& window = conv.window.window;
    const auto zero_at = [](auto n) { return n == 0; };
    const bool padded = !std::all_of(window.pads_begin.begin(), window.pads_begin.end(), zero_at) ||
                        !std::all_of(window.pads_end.begin(), window.pads_end.end(), zero_at);
    const auto known = x_shifted ? c.known(x.zero) : std::nullopt;
    if (!w_shifted && (!padded || known)) {
        // Padding means the number 0, which the bytes write as the zero point.
        Convolution inside = conv;
        if (padded) {
            Ints before{0}, after{0};
            before.insert(before.end(), window.pads_begin.begin(), window.pads_begin.end());
            after.insert(after.end(), window.pads_end.begin(), window.pads_end.end());
            before.push_back(0);
            after.push_back(0);
            x.x = b.pad(x.x, before, after, "constant", tensor::element_as_double(*known, 0));
            inside.window.window.pads_begin.assign(window.pads_begin.size(), 0);
            inside.window.window.pads_end = inside.window.window.pads_begin;
        }
        const ValueId totals = sums(c, w.x, all_axes(b.shape(w.x), 1));
        const ValueId offset = mul(b, b.reshape(totals, Shape{b.shape(w.x)[0]}), b.reshape(wide(b, x.zero), Shape{}));
        return sub(b, convolved(b, inside, x.x, w.x), offset);
    }
    const ValueId left = x_shifted ? sub(b, wide(b, x.x), b.reshape(wide(b, x.zero), Shape{})) : wide(b, x.x);
    ValueId right = wide(b, w.x);
    if (w_shifted) {
        const ValueId zero = wide(b, w.zero);
        const bool one = b.shape(zero).count() == 1;
        right = sub(b, right, one ? b.reshape(zero, Shape{}) : along_axis(b, zero, 0, b.shape(right).rank()));
    }
    return convolved(b, conv, left, right);
}

}  // namespace shoal::importer
