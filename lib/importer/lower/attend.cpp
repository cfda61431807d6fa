#include <cmath>
#include <limits>

#include "importer/compose.hpp"
#include "importer/lower/attention.hpp"

namespace shoal::importer {

ValueId split_heads(Context& c, ValueId x, std::int64_t heads) {
    Builder& b = c.builder();
    const Shape shape = b.shape(x);
    c.expect(shape.rank() == 3 && heads > 0 && shape[2] % heads == 0, "input of shape ", shape, " in ", heads,
             " heads");
    return b.transpose(b.reshape(x, Shape{shape[0], shape[1], heads, shape[2] / heads}), {0, 2, 1, 3});
}

ValueId merged_heads(Builder& b, ValueId x) {
    const Shape shape = b.shape(x);
    return b.reshape(b.transpose(x, {0, 2, 1, 3}), Shape{shape[0], shape[2], shape[1] * shape[3]});
}

ValueId visible(Builder& b, ValueId first, std::int64_t queries, std::int64_t keys, bool causal, std::int64_t left,
                std::int64_t right) {
    const ValueId query = add(b, b.iota(ElementType::i64, Shape{queries, 1}, 0), first);
    const ValueId key = b.iota(ElementType::i64, Shape{1, keys}, 1);
    ValueId out = kNoValue;
    const auto also = [&](ValueId condition) { out = out == kNoValue ? condition : b.map("and", {out, condition}); };
    const auto shifted = [&](std::int64_t by) { return add(b, query, number(b, query, static_cast<double>(by))); };
    if (causal) also(b.map("less_equal", {key, query}));
    if (left >= 0) also(b.map("greater_equal", {key, shifted(-left)}));
    if (right >= 0) also(b.map("less_equal", {key, shifted(right)}));
    return out;
}

namespace {

// Softmax over the last axis; a row without a single visible key gives zeros.
ValueId guarded_softmax(Builder& b, ValueId x, bool masked, ValueId sink) {
    const Ints last{b.shape(x).rank() - 1};
    ValueId top = b.reduce("max", x, last);
    if (sink != kNoValue) top = maximum(b, top, sink);
    if (masked) top = maximum(b, top, number(b, top, std::numeric_limits<float>::lowest()));
    const ValueId powers = b.map("exp", {sub(b, x, top)});
    ValueId total = b.reduce("sum", powers, last);
    if (sink != kNoValue) total = add(b, total, b.map("exp", {sub(b, sink, top)}));
    // The largest of a row that is not empty counts 1, so this is no lower bound for any other.
    if (masked) total = maximum(b, total, number(b, total, 1e-30));
    return divide(b, powers, total);
}

}  // namespace

AttentionResult attend(Context& c, const Heads& heads, const AttentionOptions& options) {
    Builder& b = c.builder();
    const Shape q = b.shape(heads.q), k = b.shape(heads.k), v = b.shape(heads.v);
    c.expect(q.rank() == 4 && k.rank() == 4 && v.rank() == 4 && k[1] > 0 && q[1] % k[1] == 0 && q[3] == k[3] &&
                 v[1] == k[1] && v[2] == k[2] && q[0] == k[0] && q[0] == v[0],
             "queries ", q, ", keys ", k, ", values ", v);
    const ElementType element = b.element(heads.q);
    const double scale = options.scale != 0 ? options.scale : 1 / std::sqrt(static_cast<double>(q[3]));
    // Query heads of one key head stand below each other, so that keys need not be repeated.
    const std::int64_t rows = q[1] / k[1] * q[2];
    const ValueId queries = b.reshape(scaled(b, heads.q, scale), Shape{q[0], k[1], rows, q[3]});
    AttentionResult out{};
    out.scores = b.reshape(b.matmul(queries, heads.k, true), Shape{q[0], q[1], q[2], k[2]});
    ValueId x = widened(b, out.scores);
    if (options.softcap > 0) {
        x = scaled(b, b.map("tanh", {scaled(b, x, 1 / options.softcap)}), options.softcap);
    }
    out.capped = x;
    for (const ValueId bias : options.biases)
        x = add(b, x, b.cast(bias, b.element(x)));
    for (const ValueId allowed : options.allowed)
        x = select(b, allowed, x, number(b, x, -std::numeric_limits<double>::infinity()));
    c.expect(b.shape(x) == Shape{q[0], q[1], q[2], k[2]}, "a mask makes scores of shape ", b.shape(x));
    out.biased = x;
    const bool masked = !options.allowed.empty() || !options.biases.empty();
    const ValueId sink =
        options.sink == kNoValue ? kNoValue : b.cast(b.reshape(options.sink, Shape{1, q[1], 1, 1}), b.element(x));
    out.weights = b.cast(guarded_softmax(b, x, masked, sink), element);
    const ValueId weighted = b.matmul(b.reshape(out.weights, Shape{q[0], k[1], rows, k[2]}), b.cast(heads.v, element));
    out.y = b.reshape(weighted, Shape{q[0], q[1], q[2], v[3]});
    return out;
}

ValueId rotated(Context& c, ValueId x, ValueId cosines, ValueId sines, bool interleaved) {
    Builder& b = c.builder();
    const Shape shape = b.shape(x);
    const std::int64_t half = b.shape(cosines).back();
    c.expect(shape.rank() == 4 && 2 * half <= shape[3] && b.shape(sines) == b.shape(cosines), "heads of shape ", shape,
             " turned by ", b.shape(cosines), " and ", b.shape(sines));
    const ValueId turned = b.slice_axis(x, 3, 0, 2 * half);
    const ValueId pairs = interleaved ? b.reshape(turned, Shape{shape[0], shape[1], shape[2], half, 2})
                                      : b.reshape(turned, Shape{shape[0], shape[1], shape[2], 2, half});
    const int parts = interleaved ? 4 : 3;
    const auto part = [&](std::int64_t which) { return squeeze(b, b.slice_axis(pairs, parts, which, 1), {parts}); };
    const ValueId cos = unsqueeze(b, b.cast(cosines, b.element(x)), {1}),
                  sin = unsqueeze(b, b.cast(sines, b.element(x)), {1});
    const ValueId real = sub(b, mul(b, cos, part(0)), mul(b, sin, part(1)));
    const ValueId imaginary = add(b, mul(b, sin, part(0)), mul(b, cos, part(1)));
    const ValueId both = b.concat({unsqueeze(b, real, {parts}), unsqueeze(b, imaginary, {parts})}, parts);
    const ValueId out = b.reshape(both, Shape{shape[0], shape[1], shape[2], 2 * half});
    if (2 * half == shape[3]) return out;
    return b.concat({out, b.slice_axis(x, 3, 2 * half, shape[3] - 2 * half)}, 3);
}

}  // namespace shoal::importer
