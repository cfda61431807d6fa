// Operators of com.microsoft that graph fusions leave behind: a plain operator, and what follows it.
#include <algorithm>

#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"
#include "importer/lower/quantisation.hpp"

namespace shoal::importer {
namespace {

// The activation that an attribute names, with its parameters.
ValueId activated(Context& c, ValueId x, const std::string& name, const std::vector<double>& parameters) {
    Builder& b = c.builder();
    const auto parameter = [&](std::size_t i, double otherwise) {
        return i < parameters.size() ? parameters[i] : otherwise;
    };
    if (name.empty()) return x;
    if (name == "Relu") return b.map("relu", {x});
    if (name == "Tanh") return b.map("tanh", {x});
    if (name == "Sigmoid") return b.map("sigmoid", {x});
    if (name == "LeakyRelu") return b.map("leaky_relu", {x}, parameter(0, 0.01));
    if (name == "Clip") return b.map("clip", {x}, parameter(0, -3.4e38), parameter(1, 3.4e38));
    if (name == "HardSigmoid") return b.map("hard_sigmoid", {x}, parameter(0, 0.2), parameter(1, 0.5));
    if (name == "HardSwish") return b.map("hard_swish", {x});
    c.unsupported("fused activation '", name, "'");
}

// Conv, a summand, an activation.
Values fused_conv(Context& c) {
    ValueId out = c.as("Conv", 11, {c.in(0), c.in(1), c.in_or_none(2)})[0];
    if (c.has(3)) out = add(c.builder(), out, c.in(3));
    return {activated(c, out, c.text("activation", ""), c.reals("activation_params"))};
}

// The same with channels last; the weights of NhwcFusedConv stay [O, I, k..]. NhwcConv is documented so too, but what
// writes it (fusions for one GPU) and what runs it have them as [O, k.., I], which their last axis tells.
Values nhwc_conv(Context& c) {
    Builder& b = c.builder();
    const Shape x = c.shape(0), w = c.shape(1);
    c.expect(x.rank() >= 3 && w.rank() == x.rank(), "x is ", x, ", weights are ", w);
    const std::int64_t groups = c.integer("group", 1);
    const bool last =
        c.row().real == "NhwcConv" && groups > 0 && x.back() % groups == 0 && w.back() == x.back() / groups;
    const ValueId weights = last ? channels_first(b, c.in(1)) : c.in(1);
    ValueId out = channels_last(b, c.as("Conv", 11, {channels_first(b, c.in(0)), weights, c.in_or_none(2)})[0]);
    if (c.has(3)) out = add(b, out, c.in(3));
    return {activated(c, out, c.text("activation", ""), c.reals("activation_params"))};
}

Values fused_gemm(Context& c) {
    const ValueId out = c.as("Gemm", 13, {c.in(0), c.in(1), c.in_or_none(2)})[0];
    return {
        activated(c, out, c.text("activation", ""), {c.real("activation_alpha", 0.01), c.real("activation_beta", 0)})};
}

// Batch axes may be turned over as well: the first axis then stands before the last one.
ValueId turned(Context& c, int i, const char* transpose, const char* batch) {
    Builder& b = c.builder();
    ValueId x = c.in(i);
    const int rank = c.rank(i);
    if (c.flag(batch, false) && rank > 2) x = move_axis(b, x, 0, rank - 2);
    return c.flag(transpose, false) && rank > 1 ? swap_last_two(b, x) : x;
}

Values fused_matmul(Context& c) {
    Builder& b = c.builder();
    const ValueId left = turned(c, 0, "transA", "transBatchA"), right = turned(c, 1, "transB", "transBatchB");
    return {scaled(b, c.as("MatMul", 13, {left, right})[0], c.real("alpha", 1))};
}

Values fused_matmul_activation(Context& c) {
    std::vector<double> parameters;
    if (c.has_attribute("activation_alpha")) parameters.push_back(c.real("activation_alpha"));
    if (c.has_attribute("activation_beta")) {
        c.expect(!parameters.empty(), "activation_beta without activation_alpha");
        parameters.push_back(c.real("activation_beta"));
    }
    return {activated(c, fused_matmul(c)[0], c.text("activation"), parameters)};
}

Values gemm_fast_gelu(Context& c) {
    Builder& b = c.builder();
    ValueId out = b.matmul(c.in(0), c.in(1));
    if (c.has(2)) out = add(b, out, c.in(2));
    return {b.map("gelu_tanh", {out})};
}

// Sums up input, skip and bias and normalises; the sum is the fourth output.
Values skip_normalisation(Context& c, bool centred) {
    Builder& b = c.builder();
    const int bias = centred ? 4 : 3;
    ValueId sum = add(b, c.in(0), c.in(1));
    if (c.has(bias)) sum = add(b, sum, c.in(bias));
    const ValueId wide = widened(b, sum);
    const Ints axes{b.shape(sum).rank() - 1};
    const double epsilon = c.real("epsilon", 1e-12);
    const auto in_place = [&](int i) { return b.cast(c.in(i), b.element(wide)); };
    ValueId out = centred ? normalised(b, wide, axes, epsilon) : rms_normalised(b, wide, axes, epsilon);
    out = mul(b, out, in_place(2));
    if (centred && c.has(3)) out = add(b, out, in_place(3));
    c.expect(!c.wants(1) && !c.wants(2), "statistics for training");
    return {b.cast(out, c.element(0)), kNoValue, kNoValue, sum};
}
Values skip_layer_normalisation(Context& c) {
    return skip_normalisation(c, true);
}
Values skip_rms_normalisation(Context& c) {
    return skip_normalisation(c, false);
}

Values rms_normalisation(Context& c) {
    Builder& b = c.builder();
    const ValueId x = widened(b, c.in(0));
    const Ints axes = all_axes(c.shape(0), c.axis(c.integer("axis", -1), c.rank(0)));
    const ValueId power = mean(b, b.map("square", {x}), axes);
    const ValueId inverse = b.map("rsqrt", {add(b, power, number(b, power, c.real("epsilon", 1e-5)))});
    const ValueId out = mul(b, mul(b, x, inverse), b.cast(c.in(1), b.element(x)));
    return {b.cast(out, c.element(0)), inverse};
}

// x is [N, D.., C], or [N, C, D..] without channels_last; gamma and beta are one number a channel.
ValueId in_groups(Context& c, ValueId x, bool last) {
    Builder& b = c.builder();
    const std::int64_t groups = c.integer("groups"), kind = c.integer("activation");
    ValueId wide = widened(b, last ? channels_first(b, x) : x);
    const Shape shape = b.shape(wide);
    c.expect(shape.rank() >= 3 && groups > 0 && shape[1] % groups == 0, shape, " in ", groups, " groups");
    c.expect(kind == 0 || kind == 1, "activation ", kind);
    const Shape apart{shape[0], groups, shape.count(1, shape.rank()) / groups};
    const auto by_channel = [&](int i) { return along_axis(b, b.cast(c.in(i), b.element(wide)), 1, shape.rank()); };
    wide = b.reshape(normalised(b, b.reshape(wide, apart), {2}, c.real("epsilon", 1e-5)), shape);
    wide = add(b, mul(b, wide, by_channel(1)), by_channel(2));
    if (kind == 1) wide = b.map("silu", {wide});
    return b.cast(last ? channels_last(b, wide) : wide, b.element(x));
}

Values group_norm(Context& c) {
    return {in_groups(c, c.in(0), c.flag("channels_last", true))};
}

// skip is like x, or one number for every channel of every entry: [N, 1, 1, C] or [N, C].
Values skip_group_norm(Context& c) {
    Builder& b = c.builder();
    const bool last = c.flag("channels_last", true);
    const Shape x = c.shape(0), skip = c.shape(3);
    c.expect(x.rank() == 4, "x is ", x);
    const auto per_entry = [&](ValueId vector, std::int64_t entries) {
        const std::int64_t channels = last ? x[3] : x[1];
        return b.reshape(vector, last ? Shape{entries, 1, 1, channels} : Shape{entries, channels, 1, 1});
    };
    ValueId sum = add(b, c.in(0), skip == x ? c.in(3) : per_entry(c.in(3), x[0]));
    if (c.has(4)) sum = add(b, sum, per_entry(c.in(4), 1));
    return {in_groups(c, sum, last), sum};
}

// Words, positions and segments looked up, summed and normalised; the second output counts the words of each row.
// `table(i)` are the rows of input i that these indices name, `vector(i)` is gamma or beta.
Values embedded(Context& c, ValueId places, const std::function<ValueId(int, ValueId)>& table,
                const std::function<ValueId(int)>& vector) {
    Builder& b = c.builder();
    const Shape ids = c.shape(0);
    c.expect(ids.rank() == 2, "words are ", c.type(0));
    if (places == kNoValue) places = b.iota(ElementType::i64, Shape{1, ids[1]}, 1);
    ValueId sum = add(b, table(2, c.in(0)), table(3, places));
    if (c.has(1)) sum = add(b, sum, table(4, c.in(1)));
    const ValueId wide = widened(b, sum);
    const auto in_place = [&](int i) { return b.cast(vector(i), b.element(wide)); };
    const ValueId out = add(b, mul(b, normalised(b, wide, {2}, c.real("epsilon", 1e-12)), in_place(5)), in_place(6));
    const ValueId words = c.has(7) ? squeeze(b, b.reduce("sum", b.cast(c.in(7), ElementType::i32), {1}), {1})
                                   : b.expand(b.scalar(ElementType::i32, 0), Shape{ids[0]});
    return {b.cast(out, b.element(sum)), words, sum};
}

Values embed_layer_normalisation(Context& c) {
    return embedded(
        c, c.in_or_none(8), [&](int i, ValueId at) { return c.builder().gather(c.in(i), at, 0); },
        [&](int i) { return c.in(i); });
}

// The same with tables, gamma and beta of bytes: inputs 8 to 12 are the scales of inputs 2 to 6, then zero points.
Values embed_layer_normalisation_of_bytes(Context& c) {
    Builder& b = c.builder();
    const auto real = [&](int i, ValueId numbers) {
        const auto one = [&](int k) { return b.reshape(c.in(k), Shape{}); };
        return dequantised(b, numbers, one(i + 6), c.has(i + 11) ? one(i + 11) : kNoValue);
    };
    return embedded(
        c, kNoValue, [&](int i, ValueId at) { return real(i, b.gather(c.in(i), at, 0)); },
        [&](int i) { return real(i, c.in(i)); });
}

// Distances between the rows of two matrices, by differences: what scikit-learn's neighbours are exported to.
Values distances(Context& c) {
    Builder& b = c.builder();
    const std::string metric = c.text("metric", "sqeuclidean");
    c.expect(metric == "euclidean" || metric == "sqeuclidean", "metric '", metric, "'");
    c.expect(c.rank(0) == 2 && c.rank(1) == 2, "rows are ", c.type(0), " and ", c.type(1));
    const ValueId apart = sub(b, unsqueeze(b, c.in(0), {1}), unsqueeze(b, c.in(1), {0}));
    const ValueId squares = squeeze(b, b.reduce("sum", b.map("square", {apart}), {2}), {2});
    return {metric == "euclidean" ? b.map("sqrt", {squares}) : squares};
}

// Two halves of the channels: x * gelu(gate).
Values bias_split_gelu(Context& c) {
    Builder& b = c.builder();
    const ValueId x = add(b, c.in(0), c.in(1));
    const int last = b.shape(x).rank() - 1;
    const std::int64_t half = b.shape(x).back() / 2;
    return {mul(b, b.slice_axis(x, last, 0, half), b.map("gelu", {b.slice_axis(x, last, half, half)}))};
}

Values bias_add(Context& c) {
    Builder& b = c.builder();
    return {add(b, add(b, c.in(0), c.in(1)), c.in(2))};
}

Values expand_dims(Context& c) {
    return {unsqueeze(c.builder(), c.in(0), {c.axis(c.integer(1), c.rank(0) + 1)})};
}

// An operator that has the same form under another name.
Values plain(Context& c) {
    Values inputs;
    for (int i = 0; i < c.input_count(); ++i)
        inputs.push_back(c.in_or_none(i));
    return c.as(c.row().real, 16, inputs);
}

Values nhwc_max_pool(Context& c) {
    Builder& b = c.builder();
    return {channels_last(b, c.as("MaxPool", 12, {channels_first(b, c.in(0))})[0])};
}

constexpr std::string_view kMicrosoft = "com.microsoft";

const Row kRows[] = {
    {"", "SimplifiedLayerNormalization", 1, 0, rms_normalisation},
    {kMicrosoft, "BiasAdd", 1, 0, bias_add},
    {kMicrosoft, "BiasSplitGelu", 1, 0, bias_split_gelu},
    {kMicrosoft, "CDist", 1, 0, distances},
    {kMicrosoft, "EmbedLayerNormalization", 1, 0, embed_layer_normalisation},
    {kMicrosoft, "ExpandDims", 1, 0, expand_dims},
    {kMicrosoft, "FusedConv", 1, 0, fused_conv},
    {kMicrosoft, "FusedGemm", 1, 0, fused_gemm},
    {kMicrosoft, "FusedMatMul", 1, 0, fused_matmul},
    {kMicrosoft, "FusedMatMulActivation", 1, 0, fused_matmul_activation},
    {kMicrosoft, "GatherND", 1, 0, plain, "GatherND"},
    {kMicrosoft, "GemmFastGelu", 1, 0, gemm_fast_gelu},
    {kMicrosoft, "GridSample", 1, 0, plain, "GridSample"},
    {kMicrosoft, "GroupNorm", 1, 0, group_norm},
    {kMicrosoft, "LayerNormalization", 1, 0, plain, "LayerNormalization"},
    {kMicrosoft, "NhwcConv", 1, 0, nhwc_conv, "NhwcConv"},
    {kMicrosoft, "NhwcFusedConv", 1, 0, nhwc_conv},
    {kMicrosoft, "NhwcMaxPool", 1, 0, nhwc_max_pool},
    {kMicrosoft, "Pad", 1, 0, plain, "Pad"},
    {kMicrosoft, "Range", 1, 0, plain, "Range"},
    {kMicrosoft, "QEmbedLayerNormalization", 1, 0, embed_layer_normalisation_of_bytes},
    {kMicrosoft, "SimplifiedLayerNormalization", 1, 0, rms_normalisation},
    {kMicrosoft, "SkipGroupNorm", 1, 0, skip_group_norm},
    {kMicrosoft, "SkipLayerNormalization", 1, 0, skip_layer_normalisation},
    {kMicrosoft, "SkipSimplifiedLayerNormalization", 1, 0, skip_rms_normalisation},
    {kMicrosoft, "TransposeMatMul", 1, 0, fused_matmul},
};

}  // namespace

namespace families {
const Family microsoft_fused{kRows};
}

}  // namespace shoal::importer
