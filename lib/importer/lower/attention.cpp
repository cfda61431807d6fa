// Attention and rotary embedding of ai.onnx.
#include <limits>

#include "importer/compose.hpp"
#include "importer/lower/attention.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

// Heads from [B, H, S, D] or, with their number as an attribute, [B, S, H * D].
ValueId heads_of(Context& c, int input, const char* number_of_heads) {
    return c.rank(input) == 4 ? c.in(input) : split_heads(c, c.in(input), c.integer(number_of_heads));
}

// A mask that ends early hides the keys behind its end.
ValueId full_length(Builder& b, ValueId mask, std::int64_t keys) {
    const Shape shape = b.shape(mask);
    if (shape.rank() == 0 || shape.back() == 1 || shape.back() >= keys) return mask;
    Ints before(shape.extents().size(), 0), after = before;
    after.back() = keys - shape.back();
    const bool boolean = b.element(mask) == ElementType::boolean;
    return b.pad(mask, before, after, "constant", boolean ? 0 : -std::numeric_limits<double>::infinity());
}

// Values in, q_num_heads .. is_causal as attributes; version 25 adds windows.
Values attention(Context& c) {
    Builder& b = c.builder();
    const bool packed = c.rank(0) == 3;
    Heads heads{heads_of(c, 0, "q_num_heads"), heads_of(c, 1, "kv_num_heads"), heads_of(c, 2, "kv_num_heads")};
    std::int64_t past = 0;
    if (c.has(4)) {
        past = c.shape(4)[2];
        heads.k = b.concat({c.in(4), heads.k}, 2);
        heads.v = b.concat({c.in(5), heads.v}, 2);
    }
    const std::int64_t queries = b.shape(heads.q)[2], keys = b.shape(heads.k)[2];
    AttentionOptions options;
    options.scale = c.real("scale", 0);
    options.softcap = c.real("softcap", 0);
    const bool causal = c.flag("is_causal", false);
    const std::int64_t left = c.integer("left_window_size", -1), right = c.integer("right_window_size", -1);
    // Keys that are there but count for nothing, per batch entry.
    const ValueId used =
        c.has(6) ? b.reshape(b.cast(c.in(6), ElementType::i64), Shape{c.shape(6).count(), 1, 1, 1}) : kNoValue;
    if (causal || left >= 0 || right >= 0) {
        const ValueId first = used != kNoValue && past == 0
                                  ? sub(b, used, number(b, used, static_cast<double>(queries)))
                                  : b.scalar(ElementType::i64, static_cast<double>(past));
        options.allowed.push_back(visible(b, first, queries, keys, causal, left, right));
    }
    if (used != kNoValue) options.allowed.push_back(b.map("less", {b.iota(ElementType::i64, Shape{keys}, 0), used}));
    if (c.has(3)) {
        const ValueId mask = full_length(b, c.in(3), keys);
        (b.element(mask) == ElementType::boolean ? options.allowed : options.biases).push_back(mask);
    }
    const AttentionResult result = attend(c, heads, options);
    const std::int64_t mode = c.integer("qk_matmul_output_mode", 0);
    const ValueId shown = mode == 0   ? result.scores
                          : mode == 1 ? result.capped
                          : mode == 2 ? result.biased
                                      : result.weights;
    return {packed ? merged_heads(b, result.y) : result.y, heads.k, heads.v, b.cast(shown, c.element(0))};
}

Values rotary_embedding(Context& c) {
    Builder& b = c.builder();
    const bool packed = c.rank(0) == 3;
    const ValueId x = packed ? split_heads(c, c.in(0), c.integer("num_heads")) : c.in(0);
    const auto angles = [&](int input) {
        const ValueId all = c.in(input);
        return c.has(3) ? b.gather(all, c.in(3), 0) : all;
    };
    const ValueId out = rotated(c, x, angles(1), angles(2), c.flag("interleaved", false));
    return {packed ? merged_heads(b, out) : out};
}

const Row kRows[] = {
    {"", "Attention", 1, 0, attention},
    {"", "RotaryEmbedding", 1, 0, rotary_embedding},
};

}  // namespace

namespace families {
const Family attention{kRows};
}

}  // namespace shoal::importer
