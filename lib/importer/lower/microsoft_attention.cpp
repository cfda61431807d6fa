// The attentions of com.microsoft: different ways to pass heads, masks and caches to the same composition.
#include <algorithm>
#include <limits>

#include "importer/compose.hpp"
#include "importer/lower/attention.hpp"
#include "importer/lower/families.hpp"
#include "importer/lower/quantisation.hpp"
#include "importer/lower/rows.hpp"

namespace shoal::importer {
namespace {

// Integers that say which keys count -> booleans against [B, H, S, T]: one a key, one a query and key, or the number
// of keys of each row (with 2 B of them: their ends, then their starts; with 3 B + 2: numbers of keys, then where
// queries and keys begin in a batch without padding, which says nothing more).
ValueId allowed_by(Context& c, int input, std::int64_t batch, std::int64_t keys) {
    Builder& b = c.builder();
    const ValueId mask = b.cast(c.in(input), ElementType::i64);
    const Shape shape = c.shape(input);
    const auto shown = [&](ValueId numbers) { return b.map("greater", {numbers, number(b, numbers, 0)}); };
    if (shape.rank() == 1 && (shape[0] == batch || shape[0] == 2 * batch || shape[0] == 3 * batch + 2)) {
        const auto column = [&](std::int64_t first) {
            return b.reshape(b.slice_axis(mask, 0, first, batch), Shape{batch, 1, 1, 1});
        };
        const ValueId key = b.iota(ElementType::i64, Shape{keys}, 0);
        const ValueId before_end = b.map("less", {key, column(0)});
        if (shape[0] != 2 * batch) return before_end;
        return b.map("and", {before_end, b.map("greater_equal", {key, column(batch)})});
    }
    if (shape.rank() == 2) return shown(b.reshape(mask, Shape{shape[0], 1, 1, shape[1]}));
    if (shape.rank() == 3) return shown(b.reshape(mask, Shape{shape[0], 1, shape[1], shape[2]}));
    c.unsupported("a mask of type ", c.type(input));
}

// What masks add to scores here: a large negative number, not minus infinity.
ValueId bias_of(Context& c, ValueId allowed) {
    Builder& b = c.builder();
    return select(b, allowed, b.scalar(ElementType::f32, 0),
                  b.scalar(ElementType::f32, c.real("mask_filter_value", -10000)));
}

// Self-attention with its projection: x [B, S, I] already multiplied to q, k and v side by side.
Values projected_attention(Context& c, ValueId projected, int mask, int past, int bias) {
    Builder& b = c.builder();
    const std::int64_t heads = c.integer("num_heads");
    const Shape shape = b.shape(projected);
    Ints widths = c.ints("qkv_hidden_sizes", {});
    if (widths.empty()) widths.assign(3, shape[2] / 3);
    c.expect(!c.flag("do_rotary", false) && !c.flag("past_present_share_buffer", false), "rotary or shared buffers");
    c.expect(widths.size() == 3 && widths[0] >= 0 && widths[1] >= 0 && widths[2] >= 0 &&
                 widths[0] + widths[1] + widths[2] == shape[2],
             "projections of ", shape[2], " elements");
    const auto part = [&](int i) {
        std::int64_t first = 0;
        for (int k = 0; k < i; ++k)
            first += widths[static_cast<std::size_t>(k)];
        return split_heads(c, b.slice_axis(projected, 2, first, widths[static_cast<std::size_t>(i)]), heads);
    };
    Heads h{part(0), part(1), part(2)};
    std::int64_t before = 0;
    if (c.has(past)) {
        const auto cached = [&](std::int64_t which) { return squeeze(b, b.slice_axis(c.in(past), 0, which, 1), {0}); };
        before = c.shape(past)[3];
        h.k = b.concat({cached(0), h.k}, 2);
        h.v = b.concat({cached(1), h.v}, 2);
    }
    const std::int64_t keys = b.shape(h.k)[2];
    AttentionOptions options;
    options.scale = c.real("scale", 0);
    if (c.has(mask)) options.biases.push_back(bias_of(c, allowed_by(c, mask, shape[0], keys)));
    if (c.flag("unidirectional", false)) {
        const ValueId first = b.scalar(ElementType::i64, static_cast<double>(before));
        options.allowed.push_back(visible(b, first, shape[1], keys, true, -1, -1));
    }
    if (bias >= 0 && c.has(bias)) options.biases.push_back(c.in(bias));
    const ValueId y = merged_heads(b, attend(c, h, options).y);
    if (!c.wants(1)) return {y};  // keys and values of different widths do not stack
    return {y, b.concat({unsqueeze(b, h.k, {0}), unsqueeze(b, h.v, {0})}, 0)};
}

Values attention(Context& c) {
    Builder& b = c.builder();
    ValueId projected = b.matmul(c.in(0), c.in(1));
    if (c.has(2)) projected = add(b, projected, c.in(2));
    return projected_attention(c, projected, 3, 4, 5);
}

Values quantised_attention(Context& c) {
    Builder& b = c.builder();
    const auto one = [&](ValueId x) { return b.shape(x).count() == 1 ? b.reshape(x, Shape{}) : x; };
    const ValueId sums = exact_matmul(c, {c.in(0), c.in_or_none(6)}, {c.in(1), c.in_or_none(7)});
    const ValueId scale = mul(b, one(c.in(3)), one(c.in(4)));
    const ValueId projected = add(b, mul(b, b.cast(sums, b.element(scale)), scale), c.in(2));
    return projected_attention(c, projected, 5, 8, -1);
}

// Queries, keys and values from up to three inputs, each perhaps in heads already, perhaps packed together.
Values multi_head_attention(Context& c) {
    Builder& b = c.builder();
    const std::int64_t heads = c.integer("num_heads");
    const auto packed = [&](int input, std::int64_t which) {  // [B, S, H, n, D] -> [B, H, S, D]
        const ValueId part = squeeze(b, b.slice_axis(c.in(input), 3, which, 1), {3});
        return b.transpose(part, {0, 2, 1, 3});
    };
    std::int64_t offset = 0;
    const auto biased = [&](ValueId x) {  // projections are biased before they are split
        if (!c.has(3)) return x;
        const std::int64_t width = b.shape(x)[2];
        x = add(b, x, b.slice_axis(c.in(3), 0, offset, width));
        offset += width;
        return x;
    };
    const auto in_heads = [&](int input) {
        return c.rank(input) == 4 ? c.in(input) : split_heads(c, biased(c.in(input)), heads);
    };
    Heads h{};
    if (c.rank(0) == 5) {
        h = {packed(0, 0), packed(0, 1), packed(0, 2)};
    } else if (c.has(1) && c.rank(1) == 5) {
        h.q = in_heads(0);
        h.k = packed(1, 0);
        h.v = packed(1, 1);
    } else {
        h.q = in_heads(0);
        h.k = in_heads(1);
        h.v = in_heads(2);
    }
    c.expect(!c.has(8) && !c.has(9), "shared buffers and beams");
    std::int64_t before = 0;
    if (c.has(6)) {
        before = c.shape(6)[2];
        h.k = b.concat({c.in(6), h.k}, 2);
        h.v = b.concat({c.in(7), h.v}, 2);
    }
    const Shape q = b.shape(h.q);
    const std::int64_t keys = b.shape(h.k)[2];
    AttentionOptions options;
    options.scale = c.real("scale", 0);
    if (c.has(4)) options.biases.push_back(bias_of(c, allowed_by(c, 4, q[0], keys)));
    if (c.has(5)) options.biases.push_back(c.in(5));
    if (c.flag("unidirectional", false)) {
        const ValueId first = b.scalar(ElementType::i64, static_cast<double>(before));
        options.allowed.push_back(visible(b, first, q[2], keys, true, -1, -1));
    }
    const AttentionResult out = attend(c, h, options);
    return {merged_heads(b, out.y), h.k, h.v, out.weights};
}

// Heads [B, H, S, D] divided by their root mean square, times the weights [D] of an input.
ValueId normed_head(Context& c, ValueId x, int weight, double epsilon) {
    Builder& b = c.builder();
    c.expect(c.shape(weight) == Shape{b.shape(x).back()}, "weights ", c.type(weight), " for heads ", b.shape(x));
    const ValueId normed = rms_normalised(b, widened(b, x), {3}, epsilon);
    return b.cast(mul(b, normed, b.cast(c.in(weight), b.element(normed))), b.element(x));
}

// A cache that holds seqlens_k + 1 - S tokens of each row, to which S more are written.
Values group_query_attention(Context& c) {
    Builder& b = c.builder();
    const std::int64_t heads = c.integer("num_heads"), key_heads = c.integer("kv_num_heads");
    c.expect(heads > 0 && key_heads > 0, heads, " query heads and ", key_heads, " key heads");
    if (c.has(12) || c.has(13)) c.unsupported("a quantised cache (k_scale, v_scale)");
    if (c.has(16)) c.unsupported("chunks with padding (query_seqlens)");
    if (c.flag("sliding_window_cache", false)) c.unsupported("sliding_window_cache");
    c.expect(c.has(14) == c.has(15), "q_norm_weight and k_norm_weight come together");
    ValueId query = c.in(0), key = c.in_or_none(1), value = c.in_or_none(2);
    if (key == kNoValue) {  // all three side by side
        const std::int64_t size = c.shape(0)[2] / (heads + 2 * key_heads);
        const ValueId all = query;
        query = b.slice_axis(all, 2, 0, heads * size);
        key = b.slice_axis(all, 2, heads * size, key_heads * size);
        value = b.slice_axis(all, 2, (heads + key_heads) * size, key_heads * size);
    }
    Heads h{split_heads(c, query, heads), split_heads(c, key, key_heads), split_heads(c, value, key_heads)};
    if (c.has(14)) {
        const double epsilon = c.real("qk_norm_epsilon", 1e-6);
        h.q = normed_head(c, h.q, 14, c.real("q_norm_epsilon", epsilon));
        h.k = normed_head(c, h.k, 15, c.real("k_norm_epsilon", epsilon));
    }
    const std::int64_t batch = b.shape(h.q)[0], length = b.shape(h.q)[2], past = c.has(3) ? c.shape(3)[2] : 0;
    const std::int64_t total = c.integer(6);
    c.expect(total >= length && total < (std::int64_t{1} << 31), "a total length of ", total, " for ", length,
             " queries");
    const bool prompt = total == length;
    const ValueId last = b.reshape(b.cast(c.in(5), ElementType::i64), Shape{batch});
    const ValueId first = prompt ? b.expand(b.scalar(ElementType::i64, 0), Shape{batch})
                                 : sub(b, last, b.scalar(ElementType::i64, static_cast<double>(length - 1)));
    if (c.flag("do_rotary", false)) {
        const ValueId counted = add(b, unsqueeze(b, first, {1}), b.iota(ElementType::i64, Shape{1, length}, 1));
        const ValueId places = c.has(9) ? c.in(9) : counted;
        const ValueId cosines = b.gather(c.in(7), places, 0), sines = b.gather(c.in(8), places, 0);
        const bool interleaved = c.flag("rotary_interleaved", false);
        h.q = rotated(c, h.q, cosines, sines, interleaved);
        h.k = rotated(c, h.k, cosines, sines, interleaved);
    }
    const std::int64_t room = std::max(past, total);
    const auto cached = [&](int input, ValueId fresh) {
        if (past == 0 && prompt) return fresh;
        Ints after(4, 0);
        after[2] = room - past;
        const Shape shape = b.shape(fresh);
        const ValueId old = c.has(input) ? b.pad(c.in(input), Ints(4, 0), after)
                                         : b.expand(number(b, fresh, 0), Shape{shape[0], shape[1], room, shape[3]});
        // One row without padding: what is new stands behind what is there.
        if (batch == 1 && past + length == total && past > 0) return b.concat({c.in(input), fresh}, 2);
        return written(b, old, fresh, first, 2, false);
    };
    h.k = cached(3, h.k);
    h.v = cached(4, h.v);
    const std::int64_t keys = b.shape(h.k)[2], window = c.integer("local_window_size", -1);
    AttentionOptions options;
    options.scale = c.real("scale", 0);
    options.softcap = c.real("softcap", 0);
    const bool causal = c.flag("causal", true);
    const ValueId starts = b.reshape(first, Shape{batch, 1, 1, 1});
    if (causal) options.allowed.push_back(visible(b, starts, length, keys, true, window > 0 ? window - 1 : -1, -1));
    const ValueId ends = b.reshape(last, Shape{batch, 1, 1, 1});
    if (!causal) options.allowed.push_back(b.map("less_equal", {b.iota(ElementType::i64, Shape{keys}, 0), ends}));
    if (c.has(10)) {
        ValueId bias = c.in(10);
        const std::int64_t missing = keys - c.shape(10)[3];
        if (missing > 0) bias = b.pad(bias, Ints(4, 0), {0, 0, 0, missing});
        options.biases.push_back(bias);
    }
    if (c.has(11)) options.sink = c.in(11);
    if (!c.has(11) && c.integer("smooth_softmax", 0) > 0) options.sink = b.expand(number(b, h.q, 0), Shape{heads});
    const AttentionResult out = attend(c, h, options);
    return {merged_heads(b, out.y), h.k, h.v, c.integer("qk_output", 0) == 2 ? out.weights : out.biased};
}

Values rotary_embedding(Context& c) {
    Builder& b = c.builder();
    const bool in_heads = c.rank(0) == 4;
    const std::int64_t half = c.shape(2).back();
    std::int64_t heads = c.integer("num_heads", 0);
    if (!in_heads && heads == 0) heads = c.shape(0)[2] / std::max<std::int64_t>(2 * half, 1);
    const ValueId x = in_heads ? c.in(0) : split_heads(c, c.in(0), heads);
    const std::int64_t length = b.shape(x)[2];
    ValueId places = b.cast(c.in(1), ElementType::i64);
    if (c.shape(1).rank() <= 1)  // where the first token stands
        places = add(b, b.reshape(places, Shape{1, 1}), b.iota(ElementType::i64, Shape{1, length}, 1));
    const ValueId out =
        rotated(c, x, b.gather(c.in(2), places, 0), b.gather(c.in(3), places, 0), c.flag("interleaved", false));
    return {in_heads ? out : merged_heads(b, out)};
}

constexpr std::string_view kMicrosoft = "com.microsoft";

const Row kRows[] = {
    {kMicrosoft, "Attention", 1, 0, attention},
    {kMicrosoft, "GroupQueryAttention", 1, 0, group_query_attention},
    {kMicrosoft, "MultiHeadAttention", 1, 0, multi_head_attention},
    {kMicrosoft, "QAttention", 1, 0, quantised_attention},
    {kMicrosoft, "RotaryEmbedding", 1, 0, rotary_embedding},
};

}  // namespace

namespace families {
const Family microsoft_attention{kRows};
}

}  // namespace shoal::importer
