// Normalisations: statistics, a shift and a scale. Computed in f32 for halves.
#include "graph/cards.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {

namespace {

// x * scale + bias, either of which may be left out, back in the element type of input 0.
ValueId scaled_and_shifted(Context& c, ValueId x, ValueId scale, ValueId bias) {
    Builder& b = c.builder();
    if (scale != kNoValue) x = mul(b, x, b.cast(scale, b.element(x)));
    if (bias != kNoValue) x = add(b, x, b.cast(bias, b.element(x)));
    return b.cast(x, c.element(0));
}

Ints axes_from(Context& c, std::int64_t otherwise) {
    return all_axes(c.shape(0), c.axis(c.integer("axis", otherwise), c.rank(0)));
}

// A vector over channels for [N, C, D..]; statistics per activation keep their own shape (batch_norm, spatial = 0).
// What has a single axis has one channel.
ValueId per_channel(Context& c, ValueId vector) {
    Builder& b = c.builder();
    const int rank = c.rank(0);
    if (b.shape(vector).rank() != 1) return vector;
    if (rank >= 2) return along_axis(b, vector, 1, rank);
    c.expect(b.shape(vector).count() == 1, b.type(vector), " for the channels of ", c.type(0));
    return b.reshape(vector, Shape(Ints(static_cast<std::size_t>(rank), 1)));
}

Values batch_normalisation(Context& c) {
    Builder& b = c.builder();
    const bool training = c.flag("training_mode", false);
    if (c.opset() < 14 && c.wants(1)) c.unsupported("statistics of a training run");
    const ValueId x = c.in(0), scale = widened(b, c.in(1)), bias = widened(b, c.in(2));
    const ElementType computed = b.element(scale);
    ValueId average = b.cast(c.in(3), computed), variance = b.cast(c.in(4), computed);
    Values running;
    if (training) {
        Ints axes = all_axes(c.shape(0));
        if (axes.size() > 1) axes.erase(axes.begin() + 1);
        const ValueId wide = b.cast(x, computed);
        const ValueId batch = mean(b, wide, axes);
        const ValueId spread = mean(b, b.map("square", {sub(b, wide, batch)}), axes);
        const double momentum = c.real("momentum", 0.9);
        const auto blended = [&](ValueId old, ValueId now) {
            now = b.reshape(now, b.shape(old));
            return b.cast(add(b, scaled(b, old, momentum), scaled(b, now, 1 - momentum)), c.element(3));
        };
        running = {blended(average, batch), blended(variance, spread)};
        average = b.reshape(batch, b.shape(average));
        variance = b.reshape(spread, b.shape(variance));
    }
    const ValueId deviation = b.map("sqrt", {add(b, variance, number(b, variance, c.real("epsilon", 1e-5)))});
    const ValueId factor = divide(b, scale, deviation);
    const ValueId offset = sub(b, bias, mul(b, average, factor));
    const ElementType element = c.element(0);
    Values out{add(b, mul(b, x, b.cast(per_channel(c, factor), element)), b.cast(per_channel(c, offset), element))};
    out.insert(out.end(), running.begin(), running.end());
    return out;
}

Values instance_normalisation(Context& c) {
    Builder& b = c.builder();
    const ValueId x = normalised(b, widened(b, c.in(0)), all_axes(c.shape(0), 2), c.real("epsilon", 1e-5));
    return {scaled_and_shifted(c, x, per_channel(c, c.in(1)), per_channel(c, c.in(2)))};
}

// Scale and bias are per group in version 18, per channel since 21.
Values group_normalisation(Context& c) {
    Builder& b = c.builder();
    const Shape shape = c.shape(0);
    const std::int64_t groups = c.integer("num_groups");
    c.expect(shape.rank() >= 2 && groups > 0 && shape[1] % groups == 0, shape, " in ", groups, " groups");
    const Shape apart{shape[0], groups, shape.count(1, shape.rank()) / groups};
    ValueId x = normalised(b, b.reshape(widened(b, c.in(0)), apart), {2}, c.real("epsilon", 1e-5));
    const bool by_group = c.shape(1) == Shape{groups} && groups != shape[1];
    if (by_group) {
        const auto wide = [&](int i) { return b.reshape(b.cast(c.in(i), b.element(x)), Shape{1, groups, 1}); };
        x = add(b, mul(b, x, wide(1)), wide(2));
        return {b.cast(b.reshape(x, shape), c.element(0))};
    }
    return {scaled_and_shifted(c, b.reshape(x, shape), per_channel(c, c.in(1)), per_channel(c, c.in(2)))};
}

// Outputs besides y: mean and 1 / standard deviation, in the type they are computed in.
Values layer_normalisation(Context& c) {
    Builder& b = c.builder();
    const Ints axes = axes_from(c, -1);
    const ValueId x = widened(b, c.in(0));
    const ValueId average = mean(b, x, axes), centred = sub(b, x, average);
    const ValueId variance = mean(b, b.map("square", {centred}), axes);
    const ValueId inverse = b.map("rsqrt", {add(b, variance, number(b, variance, c.real("epsilon", 1e-5)))});
    return {scaled_and_shifted(c, mul(b, centred, inverse), c.in(1), c.in_or_none(2)), average, inverse};
}

Values rms_normalisation(Context& c) {
    Builder& b = c.builder();
    const ValueId x = rms_normalised(b, widened(b, c.in(0)), axes_from(c, -1), c.real("epsilon", 1e-5));
    return {scaled_and_shifted(c, x, c.in(1), kNoValue)};
}

Values lp_normalisation(Context& c) {
    Builder& b = c.builder();
    const Ints axes{c.axis(c.integer("axis", -1), c.rank(0))};
    const std::int64_t p = c.integer("p", 2);
    c.expect(p == 1 || p == 2, "p = ", p);
    const ValueId x = widened(b, c.in(0));
    const ValueId size =
        p == 1 ? b.reduce("sum", absolute(b, x), axes) : b.map("sqrt", {b.reduce("sum", b.map("square", {x}), axes)});
    // A vector of zeros stays one.
    const ValueId zero = b.map("equal", {size, number(b, size, 0)});
    return {b.cast(divide(b, x, select(b, zero, number(b, size, 1), size)), c.element(0))};
}

Values mean_variance_normalisation(Context& c) {
    Builder& b = c.builder();
    Ints axes = c.ints("axes", {0, 2, 3});
    for (auto& axis : axes)
        axis = c.axis(axis, c.rank(0));
    const ValueId x = widened(b, c.in(0));
    const ValueId centred = sub(b, x, mean(b, x, axes));
    const ValueId deviation = b.map("sqrt", {mean(b, b.map("square", {centred}), axes)});
    return {b.cast(divide(b, centred, add(b, deviation, number(b, deviation, 1e-9))), c.element(0))};
}

// x / (bias + alpha / size * sum of squares over `size` neighbouring channels)^beta
Values local_response_normalisation(Context& c) {
    Builder& b = c.builder();
    const Shape shape = c.shape(0);
    const std::int64_t size = c.integer("size");
    c.expect(shape.rank() >= 2 && size > 0 && size < (std::int64_t{1} << 31), shape, " with a window of ", size);
    const ValueId x = widened(b, c.in(0));
    const ValueId squares = b.reshape(b.map("square", {x}), Shape{shape[0], shape[1], shape.count(2, shape.rank())});
    const ValueId sums = b.add(graph::cards::pool, {squares},
                               {{"fn", std::string("sum")},
                                {"kernel", Ints{size}},
                                {"strides", Ints{1}},
                                {"dilations", Ints{1}},
                                {"pads_begin", Ints{(size - 1) / 2}},
                                {"pads_end", Ints{size - 1 - (size - 1) / 2}}})[0];
    const double alpha = c.real("alpha", 1e-4) / static_cast<double>(size);
    const ValueId base = add(b, scaled(b, b.reshape(sums, shape), alpha), number(b, x, c.real("bias", 1)));
    return {b.cast(divide(b, x, b.map("pow", {base, number(b, x, c.real("beta", 0.75))})), c.element(0))};
}

// Before version 13 the axis and everything behind it count as one.
template <ValueId (*function)(Builder&, ValueId, const Ints&)>
Values over_axis(Context& c) {
    Builder& b = c.builder();
    const bool flattened = c.opset() < 13;
    const int axis = c.axis(c.integer("axis", flattened ? 1 : -1), c.rank(0));
    const Ints axes = flattened ? all_axes(c.shape(0), axis) : Ints{axis};
    return {b.cast(function(b, widened(b, c.in(0)), axes), c.element(0))};
}

// 1 where the first maximum stands, else 0.
Values hardmax(Context& c) {
    Builder& b = c.builder();
    const Shape shape = c.shape(0);
    const bool flattened = c.opset() < 13;
    const int axis = c.axis(c.integer("axis", flattened ? 1 : -1), shape.rank());
    if (shape.count() == 0) return {c.in(0)};
    const Shape apart = flattened ? Shape{shape.count(0, axis), shape.count(axis, shape.rank()), 1}
                                  : Shape{shape.count(0, axis), shape[axis], shape.count(axis + 1, shape.rank())};
    const ValueId first = b.add(graph::cards::arg_reduce, {b.reshape(c.in(0), apart)},
                                {{"fn", std::string("max")}, {"axis", std::int64_t{1}}, {"last", std::int64_t{0}}})[0];
    const ValueId places = b.iota(ElementType::i64, Shape{1, apart[1], 1}, 1);
    return {b.reshape(b.cast(b.map("equal", {first, places}), c.element(0)), shape)};
}

const Row kRows[] = {
    {"", "BatchNormalization", 1, 0, batch_normalisation},
    {"", "GroupNormalization", 18, 0, group_normalisation},
    {"", "Hardmax", 1, 0, hardmax},
    {"", "InstanceNormalization", 1, 0, instance_normalisation},
    {"", "LRN", 1, 0, local_response_normalisation},
    {"", "LayerNormalization", 1, 0, layer_normalisation},
    {"", "LogSoftmax", 1, 0, over_axis<log_softmax>},
    {"", "LpNormalization", 1, 0, lp_normalisation},
    {"", "MeanVarianceNormalization", 1, 0, mean_variance_normalisation},
    {"", "RMSNormalization", 1, 0, rms_normalisation},
    {"", "Softmax", 1, 0, over_axis<softmax>},
};

}  // namespace

namespace families {
const Family normalisation{kRows};
}

}  // namespace shoal::importer
