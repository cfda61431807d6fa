// Quantised operators of com.microsoft. Products are exact in integers; the others are computed in reals between
// dequantising and quantising, as their definitions say.
#include <array>

#include "base/checked.hpp"
#include "importer/compose.hpp"
#include "importer/lower/families.hpp"
#include "importer/lower/quantisation.hpp"

namespace shoal::importer {
namespace {

ValueId one(Builder& b, ValueId parameter) {
    return parameter == kNoValue ? kNoValue : b.reshape(parameter, Shape{});
}

// Inputs i (numbers), i + 1 (scale) and i + 2 (zero point) as reals.
ValueId real_input(Context& c, int i) {
    Builder& b = c.builder();
    return dequantised(b, c.in(i), one(b, c.in(i + 1)), one(b, c.in_or_none(i + 2)));
}

// Reals in the scale and zero point of inputs i and i + 1, as elements of `otherwise` without a zero point.
ValueId quantised_output(Context& c, ValueId x, int i, ElementType otherwise) {
    Builder& b = c.builder();
    const ValueId zero = one(b, c.in_or_none(i + 1));
    return quantised(b, x, one(b, c.in(i)), zero, zero == kNoValue ? otherwise : b.element(zero));
}

Values binary(Context& c) {
    const ValueId out = c.builder().map(c.row().real, {real_input(c, 0), real_input(c, 3)});
    return {quantised_output(c, out, 6, c.element(0))};
}

// x, scale, zero point -> the operator that the row names -> scale, zero point.
Values unary(Context& c) {
    Builder& b = c.builder();
    const bool last = c.flag("channels_last", false);
    ValueId x = real_input(c, 0);
    if (last) x = channels_first(b, x);
    ValueId out = c.as(c.row().real, c.integer("opset", 13), {x})[0];
    if (last) out = channels_last(b, out);
    return {quantised_output(c, out, 3, c.element(0))};
}

Values concat(Context& c) {
    Values parts;
    for (int i = 2; i < c.input_count(); i += 3)
        parts.push_back(real_input(c, i));
    c.expect(!parts.empty(), "it has no inputs");
    const int axis = c.axis(c.integer("axis"), c.builder().shape(parts[0]).rank());
    return {quantised_output(c, c.builder().concat(std::move(parts), axis), 0, c.element(2))};
}

Values where(Context& c) {
    Builder& b = c.builder();
    const ValueId condition = b.cast(c.in(0), ElementType::boolean);
    return {quantised_output(c, select(b, condition, real_input(c, 1), real_input(c, 4)), 7, c.element(1))};
}

// a * b * (scales), plus a bias in reals.
ValueId scaled_product(Context& c, ValueId sums, ValueId scale_a, ValueId scale_b, ValueId bias) {
    Builder& b = c.builder();
    const ValueId out = mul(b, b.cast(sums, b.element(scale_b)), mul(b, one(b, scale_a), scale_b));
    return bias == kNoValue ? out : add(b, out, bias);
}

ValueId scalar_or_columns(Builder& b, ValueId scale) {
    return b.shape(scale).count() == 1 ? one(b, scale) : scale;
}

Values dynamic_quantize_matmul(Context& c) {
    Builder& b = c.builder();
    const Values a = c.as("DynamicQuantizeLinear", 11, {c.in(0)});
    const ValueId sums = exact_matmul(c, {a[0], a[2]}, {c.in(1), c.in_or_none(3)});
    return {scaled_product(c, sums, a[1], scalar_or_columns(b, c.in(2)), c.in_or_none(4))};
}

Values matmul_integer_to_float(Context& c) {
    Builder& b = c.builder();
    const ValueId sums = exact_matmul(c, {c.in(0), c.in_or_none(4)}, {c.in(1), c.in_or_none(5)});
    return {scaled_product(c, sums, c.in(2), scalar_or_columns(b, c.in(3)), c.in_or_none(6))};
}

Values qgemm(Context& c) {
    Builder& b = c.builder();
    const ValueId left = c.flag("transA", false) ? swap_last_two(b, c.in(0)) : c.in(0);
    const ValueId right = c.flag("transB", false) ? swap_last_two(b, c.in(3)) : c.in(3);
    ValueId sums = exact_matmul(c, {left, c.in_or_none(2)}, {right, c.in_or_none(5)});
    if (c.has(6)) sums = add(b, sums, c.in(6));
    const ValueId scale = scaled(b, scalar_or_columns(b, c.in(4)), c.real("alpha", 1));
    const ValueId out = scaled_product(c, sums, c.in(1), scale, kNoValue);
    return {c.has(7) ? quantised_output(c, out, 7, c.element(0)) : out};
}

Values mul_integer(Context& c) {
    Builder& b = c.builder();
    const auto centred = [&](int i) {
        const ValueId x = b.cast(c.in(i), ElementType::i32);
        return c.has(i + 1) ? sub(b, x, b.cast(one(b, c.in(i + 1)), ElementType::i32)) : x;
    };
    return {mul(b, centred(0), centred(2))};
}

Values matmul_integer16(Context& c) {
    Builder& b = c.builder();
    return c.as("MatMul", 13, {b.cast(c.in(0), ElementType::i32), b.cast(c.in(1), ElementType::i32)});
}

// Weights are dequantised, [D, I, 4H] as LSTM has them [D, 4H, I].
Values dynamic_quantize_lstm(Context& c) {
    Builder& b = c.builder();
    const auto weights = [&](int w, int scale) {
        const Shape shape = c.shape(w);
        const auto fit = [&](ValueId parameter) {
            const Shape own = b.shape(parameter);
            return b.reshape(parameter, Shape{shape[0], 1, own.count() / std::max<std::int64_t>(shape[0], 1)});
        };
        c.expect(shape.rank() == 3, "weights are ", shape);
        return swap_last_two(b, dequantised(b, c.in(w), fit(c.in(scale)), fit(c.in(scale + 1))));
    };
    return c.as("LSTM", 14,
                {c.in(0), weights(1, 8), weights(2, 10), c.in_or_none(3), c.in_or_none(4), c.in_or_none(5),
                 c.in_or_none(6), c.in_or_none(7)});
}

// Packed bytes as elements of `bits` each, the low ones first, along a last axis of `count`.
ValueId unpacked(Context& c, ValueId packed, std::int64_t bits, Shape shape) {
    Builder& b = c.builder();
    c.expect(b.element(packed) == ElementType::u8, "packed numbers are ", b.type(packed));
    if (bits == 8) return b.reshape(packed, shape);
    const auto bytes = c.known(packed);
    if (bits == 4 && bytes) {
        c.expect(shape.count() == 2 * bytes->count(), bytes->type(), " for ", shape);
        return b.constant(Tensor(Type{ElementType::u4, std::move(shape)}, bytes->shared_bytes()));
    }
    // Whatever is not a constant of nibbles is taken apart by arithmetic.
    Values parts;
    for (std::int64_t shift = 0; shift < 8; shift += bits) {
        const ValueId moved = b.map("shift_right", {packed, number(b, packed, static_cast<double>(shift))});
        const double mask = static_cast<double>((1 << bits) - 1);
        parts.push_back(unsqueeze(b, b.map("bit_and", {moved, number(b, packed, mask)}), {b.shape(packed).rank()}));
    }
    return b.reshape(b.concat(std::move(parts), b.shape(packed).rank()), std::move(shape));
}

// Weights [N, blocks, packed bytes] in blocks along K, each with its scale and zero point. Where g_idx says to which
// group an element along K belongs, it takes that group's instead of its block's.
Values matmul_bits(Context& c) {
    Builder& b = c.builder();
    const std::int64_t n = c.integer("N"), k = c.integer("K"), bits = c.integer("bits", 4),
                       block = c.integer("block_size");
    c.expect(bits == 2 || bits == 4 || bits == 8, bits, " bits");
    if (c.integer("weight_prepacked", 0) != 0)
        c.unsupported("weight_prepacked ", c.integer("weight_prepacked"), ": the layout of one kind of GPU");
    c.expect(
        n > 0 && k > 0 && block >= 8 && block < (1 << 30) && n < (std::int64_t{1} << 40) && k < (std::int64_t{1} << 40),
        n, " by ", k, " in blocks of ", block);
    const std::int64_t blocks = base::ceil_div(k, block);
    c.expect(c.shape(1).count() == n * blocks * (block * bits / 8) && c.shape(2).count() == n * blocks, "weights are ",
             c.type(1), ", scales ", c.type(2), " for ", n, " by ", k, " in blocks of ", block);
    ValueId scale = b.reshape(c.in(2), Shape{n, blocks, 1});
    ValueId zero = b.scalar(ElementType::u8, static_cast<double>(1 << (bits - 1)));
    if (c.has(3) && tensor::is_floating(c.element(3))) {
        zero = b.reshape(c.in(3), Shape{n, blocks, 1});
    } else if (c.has(3)) {
        const std::int64_t bytes = base::ceil_div(blocks * bits, std::int64_t{8});
        c.expect(c.shape(3).count() == n * bytes, "zero points are ", c.type(3), " for ", n, " by ", blocks, " blocks");
        const ValueId all = unpacked(c, c.in(3), bits, Shape{n, bytes * 8 / bits});
        zero = b.reshape(b.slice_axis(all, 1, 0, blocks), Shape{n, blocks, 1});
    }
    Shape apart{n, blocks, block};
    if (c.has(4)) {
        Ints groups = c.ints(4);
        const auto count = static_cast<std::int64_t>(groups.size());
        c.expect(count == k || count == blocks * block, "g_idx is ", c.type(4), " for K = ", k);
        for (const auto group : groups)
            c.expect(group >= 0 && group < blocks, "group ", group, " of ", blocks);
        groups.resize(static_cast<std::size_t>(blocks * block), 0);
        apart = Shape{n, blocks * block};
        const auto spread = [&](ValueId x) {
            return b.gather(b.reshape(x, Shape{n, blocks}), vector_of(b, groups), 1);
        };
        scale = spread(scale);
        if (b.shape(zero).rank() > 0) zero = spread(b.cast(zero, b.element(scale)));
    }
    const ValueId weights = dequantised(b, unpacked(c, c.in(1), bits, apart), scale, zero);
    const ValueId rows = b.slice_axis(b.reshape(weights, Shape{n, blocks * block}), 1, 0, k);
    const ValueId out = b.matmul(b.cast(c.in(0), b.element(rows)), rows, true);
    return {b.cast(c.has(5) ? add(b, out, c.in(5)) : out, c.element(0))};
}

// What four bits of FP4 (sign, two bits of exponent, one of mantissa) and NF4 (quantiles of the normal distribution,
// QLoRA, arXiv 2305.14314, appendix E) stand for, the largest being 1.
constexpr std::array<double, 16> kFp4{0,   5.208333333e-3,  2.0 / 3,  1,  1.0 / 3,  0.5,  1.0 / 6,  0.25,
                                      -0., -5.208333333e-3, -2.0 / 3, -1, -1.0 / 3, -0.5, -1.0 / 6, -0.25};
constexpr std::array<double, 16> kNf4{-1.0,
                                      -0.6961928009986877,
                                      -0.5250730514526367,
                                      -0.39491748809814453,
                                      -0.28444138169288635,
                                      -0.18477343022823334,
                                      -0.09105003625154495,
                                      0.0,
                                      0.07958029955625534,
                                      0.16093020141124725,
                                      0.24611230194568634,
                                      0.33791524171829224,
                                      0.44070982933044434,
                                      0.5626170039176941,
                                      0.7229568362236023,
                                      1.0};

// Weights [N, K] as one row of nibbles, the high one of a byte first, in blocks with one scale each.
Values matmul_bnb4(Context& c) {
    Builder& b = c.builder();
    const std::int64_t n = c.integer("N"), k = c.integer("K"), block = c.integer("block_size"),
                       kind = c.integer("quant_type");
    constexpr std::int64_t kMost = std::int64_t{1} << 30;
    c.expect(n > 0 && k > 0 && n < kMost && k < kMost && block > 0 && block < kMost, n, " by ", k, " in blocks of ",
             block);
    c.expect(kind == 0 || kind == 1, "quant_type ", kind);
    const std::int64_t count = n * k, bytes = base::ceil_div(count, std::int64_t{2}),
                       blocks = base::ceil_div(count, block);
    c.expect(c.element(1) == ElementType::u8 && c.shape(1).count() == bytes && c.shape(2).count() == blocks,
             "weights are ", c.type(1), ", scales ", c.type(2), " for ", n, " by ", k, " in blocks of ", block);
    const ValueId packed = b.reshape(c.in(1), Shape{bytes, 1});
    const ValueId high = b.map("shift_right", {packed, number(b, packed, 4)}),
                  low = b.map("bit_and", {packed, number(b, packed, 15)});
    const ValueId codes = b.cast(b.reshape(b.concat({high, low}, 1), Shape{2 * bytes}), ElementType::i32);
    const auto& values = kind == 0 ? kFp4 : kNf4;
    const ValueId table = table_of(b, b.element(c.in(2)), Shape{16}, {values.begin(), values.end()});
    ValueId weights = b.gather(table, codes, 0);
    if (2 * bytes < blocks * block) weights = b.pad(weights, {0}, {blocks * block - 2 * bytes});
    weights = mul(b, b.reshape(b.slice_axis(weights, 0, 0, blocks * block), Shape{blocks, block}),
                  b.reshape(c.in(2), Shape{blocks, 1}));
    weights = b.reshape(b.slice_axis(b.reshape(weights, Shape{blocks * block}), 0, 0, count), Shape{n, k});
    return {b.cast(b.matmul(b.cast(c.in(0), b.element(weights)), weights, c.flag("transB", true)), c.element(0))};
}

// Rows are gathered first, then dequantised.
Values gather_block_quantized(Context& c) {
    Builder& b = c.builder();
    const std::int64_t bits = c.integer("bits", 4), block = c.integer("block_size", 128);
    const bool packed = c.element(0) == ElementType::u8;
    c.expect(bits == 2 || bits == 4 || bits == 8, bits, " bits");
    const int rank = c.rank(0), axis = c.axis(c.integer("gather_axis", 0), rank),
              quantised_axis = c.axis(c.integer("quantize_axis", 1), rank);
    const auto whole = [&](int i) {
        if (!packed || bits == 8) return c.in(i);
        const Shape shape = c.shape(i);
        return unpacked(c, c.in(i), bits, shape.with(rank - 1, shape.back() * 8 / bits));
    };
    const auto rows = [&](ValueId x) { return b.gather(x, c.in(1), axis); };
    const ValueId data = rows(whole(0)), scale = rows(c.in(2));
    ValueId zero = packed ? b.scalar(ElementType::u8, static_cast<double>(1 << (bits - 1))) : kNoValue;
    const int moved = c.rank(1) - 1;  // by how many axes those behind the gathered one move
    const int at = quantised_axis + (quantised_axis > axis ? moved : 0);
    if (c.has(3)) {
        zero = rows(whole(3));
        const std::int64_t blocks = b.shape(scale)[at];
        if (b.shape(zero)[at] > blocks) zero = b.slice_axis(zero, at, 0, blocks);
        zero = fitted(c, zero, b.shape(data), at, block);
    }
    return {dequantised(b, data, fitted(c, scale, b.shape(data), at, block), zero)};
}

constexpr std::string_view kMicrosoft = "com.microsoft";

const Row kRows[] = {
    {kMicrosoft, "DynamicQuantizeLSTM", 1, 0, dynamic_quantize_lstm},
    {kMicrosoft, "DynamicQuantizeMatMul", 1, 0, dynamic_quantize_matmul},
    {kMicrosoft, "GatherBlockQuantized", 1, 0, gather_block_quantized},
    {kMicrosoft, "MatMulBnb4", 1, 0, matmul_bnb4},
    {kMicrosoft, "MatMulInteger16", 1, 0, matmul_integer16},
    {kMicrosoft, "MatMulIntegerToFloat", 1, 0, matmul_integer_to_float},
    {kMicrosoft, "MatMulNBits", 1, 0, matmul_bits},
    {kMicrosoft, "MulInteger", 1, 0, mul_integer},
    {kMicrosoft, "QGemm", 1, 0, qgemm},
    {kMicrosoft, "QLinearAdd", 1, 0, binary, "add"},
    {kMicrosoft, "QLinearAveragePool", 1, 0, unary, "AveragePool"},
    {kMicrosoft, "QLinearConcat", 1, 0, concat},
    {kMicrosoft, "QLinearGlobalAveragePool", 1, 0, unary, "GlobalAveragePool"},
    {kMicrosoft, "QLinearLeakyRelu", 1, 0, unary, "LeakyRelu"},
    {kMicrosoft, "QLinearMul", 1, 0, binary, "mul"},
    {kMicrosoft, "QLinearReduceMean", 1, 0, unary, "ReduceMean"},
    {kMicrosoft, "QLinearSigmoid", 1, 0, unary, "Sigmoid"},
    {kMicrosoft, "QLinearSoftmax", 1, 0, unary, "Softmax"},
    {kMicrosoft, "QLinearWhere", 1, 0, where},
};

}  // namespace

namespace families {
const Family microsoft_quantised{kRows};
}

}  // namespace shoal::importer
