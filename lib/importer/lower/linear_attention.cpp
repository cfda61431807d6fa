// Attention whose memory is a state of fixed size, and the short convolution that stands before it.
#include <cmath>

#include "graph/cards.hpp"
#include "importer/compose.hpp"
#include "importer/lower/attention.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

// What com.microsoft's forms have besides: refused unless it is left as it was before it came.
void expect_plain(Context& c) {
    const std::pair<const char*, std::int64_t> defaults[] = {{"state_window", 0},   {"ndim", 1},
                                                             {"dilation", 1},       {"channels_last", 0},
                                                             {"state_length", 0},   {"state_update_capacity", 0},
                                                             {"input_channels", 0}, {"input_channel_offset", 0}};
    for (const auto& [name, otherwise] : defaults) {
        const auto given = c.integer(name, otherwise);
        if (given != otherwise) c.unsupported(name, " ", given);
    }
}

// x [B, C, L] behind the last k - 1 positions of what came before, each channel by its own kernel [C, 1, k].
Values causal_convolution(Context& c) {
    Builder& b = c.builder();
    expect_plain(c);
    const Shape x = c.shape(0), w = c.shape(1);
    c.expect(x.rank() == 3 && w.rank() == 3 && w[0] == x[1] && w[1] == 1 && w[2] > 0, "x is ", x, ", weights are ", w);
    const Shape before{x[0], x[1], w[2] - 1};
    c.expect(!c.has(3) || c.shape(3) == before, "past_state is ", c.has(3) ? c.type(3) : Type(), ", must be ", before);
    const ValueId past = c.has(3) ? c.in(3) : b.expand(number(b, c.in(0), 0), before);
    const ValueId whole = b.concat({past, c.in(0)}, 2);
    ValueId out = b.add(graph::cards::conv, {channels_last(b, whole), channels_last(b, c.in(1))},
                        {{"strides", Ints{1}},
                         {"dilations", Ints{1}},
                         {"pads_begin", Ints{0}},
                         {"pads_end", Ints{0}},
                         {"groups", x[1]}})[0];
    if (c.has(2)) out = add(b, out, c.in(2));
    const std::string activation = c.text("activation", "none");
    c.expect(activation == "none" || activation == "silu" || activation == "swish", "activation '", activation, "'");
    if (activation != "none") out = b.map("swish", {out}, 1);
    return {channels_first(b, out), b.slice_axis(whole, 2, x[2], w[2] - 1)};
}

// [ONNX LinearAttention], token by token: the state S [B, Hk, D, E] decays, loses what it says about the key (delta
// rules), and gains key times value; what a query reads of it is the output.
class LinearAttention {
public:
    explicit LinearAttention(Context& c)
        : c_(c), b_(c.builder()), heads_(c.integer("q_num_heads")), key_heads_(c.integer("kv_num_heads")) {
        const std::string rule = c.text("update_rule", "gated_delta");
        gated_ = rule == "gated" || rule == "gated_delta";
        delta_ = rule == "delta" || rule == "gated_delta";
        c.expect(gated_ || delta_ || rule == "linear", "update_rule '", rule, "'");
        c.expect(key_heads_ > 0 && heads_ > 0 && heads_ % key_heads_ == 0, heads_, " heads on ", key_heads_);
    }

    Values run() {
        constexpr std::int64_t kOperatorsEach = 16;
        const ValueId q = in_heads(0, heads_), k = in_heads(1, key_heads_), v = in_heads(2, key_heads_);
        const Shape keys = b_.shape(k), queries = b_.shape(q), values = b_.shape(v);
        const std::int64_t length = keys[2];
        c_.expect(queries[3] == keys[3] && queries[2] == length && values[2] == length && queries[0] == keys[0] &&
                      values[0] == keys[0],
                  "queries ", queries, ", keys ", keys, ", values ", values);
        c_.expect_operators(length < (std::int64_t{1} << 40) ? length * kOperatorsEach : length);
        const ValueId decay = gated_ ? b_.map("exp", {in_heads(4, key_heads_)}) : kNoValue;
        const ValueId beta = delta_ ? rates() : kNoValue;
        const Shape whole{keys[0], key_heads_, keys[3], values[3]};
        c_.expect(!c_.has(3) || c_.shape(3) == whole, "past_state is ", c_.has(3) ? c_.type(3) : Type(), ", must be ",
                  whole);
        ValueId state = c_.has(3) ? b_.cast(c_.in(3), b_.element(q)) : b_.expand(number(b_, q, 0), whole);
        const double given = c_.real("scale", 0);
        const double scale =
            given != 0 ? given : 1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(keys[3], 1)));
        // Query heads of one key head stand below each other: [B, Hk, Hq / Hk, T, D].
        const ValueId grouped =
            b_.reshape(scaled(b_, q, scale), Shape{queries[0], key_heads_, heads_ / key_heads_, length, queries[3]});
        Values outputs;
        for (std::int64_t t = 0; t < length; ++t) {
            const ValueId key = b_.slice_axis(k, 2, t, 1);  // [B, Hk, 1, D]
            const ValueId column = swap_last_two(b_, key);
            ValueId value = b_.slice_axis(v, 2, t, 1);
            if (decay != kNoValue) state = mul(b_, state, swap_last_two(b_, b_.slice_axis(decay, 2, t, 1)));
            if (beta != kNoValue) value = mul(b_, sub(b_, value, b_.matmul(key, state)), b_.slice_axis(beta, 2, t, 1));
            state = add(b_, state, mul(b_, column, value));
            outputs.push_back(unsqueeze(b_, b_.matmul(squeeze(b_, b_.slice_axis(grouped, 3, t, 1), {3}), state), {3}));
        }
        const Shape heads{queries[0], heads_, length, values[3]};
        const ValueId y =
            outputs.empty() ? b_.expand(number(b_, q, 0), heads) : b_.reshape(b_.concat(std::move(outputs), 3), heads);
        return {b_.cast(merged_heads(b_, y), c_.element(0)), b_.cast(state, c_.element(c_.has(3) ? 3 : 0))};
    }

private:
    [[nodiscard]] ValueId in_heads(int input, std::int64_t heads) {
        return widened(b_, split_heads(c_, c_.in(input), heads));
    }

    // [B, T, Hk] or [B, T, 1] -> [B, Hk or 1, T, 1]
    [[nodiscard]] ValueId rates() { return in_heads(5, c_.rank(5) == 3 && c_.shape(5).back() == 1 ? 1 : key_heads_); }

    Context& c_;
    Builder& b_;
    std::int64_t heads_, key_heads_;
    bool gated_ = false, delta_ = false;
};

Values linear_attention(Context& c) {
    expect_plain(c);
    return LinearAttention(c).run();
}

constexpr std::string_view kMicrosoft = "com.microsoft";

const Row kRows[] = {
    {"", "CausalConvWithState", 1, 0, causal_convolution},
    {"", "LinearAttention", 1, 0, linear_attention},
    {kMicrosoft, "CausalConvWithState", 1, 0, causal_convolution},
    {kMicrosoft, "LinearAttention", 1, 0, linear_attention},
};

}  // namespace

namespace families {
const Family linear_attention{kRows};
}

}  // namespace shoal::importer
