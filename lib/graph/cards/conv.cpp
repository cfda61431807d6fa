// conv: out[n, p, o] = sum over taps t and channels c of x[n, p * stride + t * dilation - pad, g(o) * C/G + c] * w[o,
// t, c]
//   x [N, D1..Dr, C], w [O, k1..kr, C/G] -> out [N, P1..Pr, O]; channels last; positions in the padding count as 0
//   attributes: strides, dilations, pads_begin, pads_end (one per spatial axis), groups (G; g(o) = o / (O/G))
//   Integers: 8-bit inputs give i32, wider ones their own type.
#include "graph/cards.hpp"
#include "graph/cards/support.hpp"
#include "graph/window.hpp"

namespace shoal::graph {
namespace {

Window window(const Signature& s) {
    const Shape& w = s.in(1).shape;
    if (w.rank() < 3 || s.in(0).shape.rank() != w.rank()) refuse("conv: x ", s.in(0), " with weights ", s.in(1));
    return window_of(s.attrs, Ints(w.begin() + 1, w.end() - 1), "conv");
}

std::vector<Type> infer(const Signature& s) {
    const Window win = window(s);
    const Shape &x = s.in(0).shape, &w = s.in(1).shape;
    const std::int64_t groups = s.attrs.integer("groups");
    if (groups < 1 || w[0] % groups != 0 || x.back() % groups != 0 || x.back() / groups != w.back()) {
        refuse("conv: x ", s.in(0), " with weights ", s.in(1), " in ", groups, " groups");
    }
    Ints extents{x[0]};
    for (const auto extent : output_extents(win, x, "conv"))
        extents.push_back(extent);
    extents.push_back(w[0]);
    return {{contraction_element(s, "conv"), Shape(std::move(extents))}};
}

double flops(const Signature& s) {
    const Shape& w = s.in(1).shape;
    return 2.0 * static_cast<double>(s.out().shape.count()) * static_cast<double>(w.count(1, w.rank()));
}

std::vector<SplitAxis> splits(const Signature& s) {
    const Shape& out = s.out().shape;
    auto found = axis_splits(out, [&](int axis) { return axis + 1 < out.rank(); });
    const std::int64_t groups = s.attrs.integer("groups"), channels = s.in(0).shape.back();
    if (out.back() > 1) {
        const std::int64_t granule = groups > 1 ? out.back() / groups : 1;
        if (granule < out.back())
            found.push_back({"output channels", out.back(), granule, Merge::concat, {out.rank() - 1}});
    }
    if (groups == 1 && channels > 1) found.push_back({"input channels", channels, 1, Merge::sum, {}});
    return found;
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    const Shape &x = s.in(0).shape, &w = s.in(1).shape;
    if (split.merge == Merge::sum) return {s.attrs, {{x.rank() - 1, begin, end}, {w.rank() - 1, begin, end}}};
    const int axis = split.output_axes[0];
    if (axis == 0) return {s.attrs, {{0, begin, end}, InputSlice::whole()}};
    if (axis + 1 < x.rank()) {
        auto rows = shard_rows(s.attrs, window(s), x, axis, begin, end);
        return {std::move(rows.attrs), {rows.input, InputSlice::whole()}};
    }
    const std::int64_t groups = s.attrs.integer("groups");
    if (groups == 1) return {s.attrs, {InputSlice::whole(), {0, begin, end}}};
    const std::int64_t first = begin / split.granule, last = end / split.granule;
    Attrs attrs = s.attrs;
    attrs.set("groups", last - first);
    return {attrs, {{x.rank() - 1, first * w.back(), last * w.back()}, {0, begin, end}}};
}

template <class Sum>
void convolve(const Signature& s, const Tensor& x, const Tensor& w, Tensor& out) {
    const Window win = window(s);
    const auto xs = tensor::strides(x.shape()), ws = tensor::strides(w.shape());
    const Shape& o = out.shape();
    const std::int64_t inner = w.shape().back(), channels = o.back(), per_group = channels / s.attrs.integer("groups");
    const auto xv = elements_as<Sum>(x), wv = elements_as<Sum>(w);
    std::vector<Sum> sums(static_cast<std::size_t>(channels));
    std::int64_t row = 0;
    for_each_index(o.with(o.rank() - 1, 1), [&](const Ints& at) {
        std::fill(sums.begin(), sums.end(), Sum{});
        for_each_index(Shape(win.kernel), [&](const Ints& tap) {
            std::int64_t from = at[0] * xs[0], weight = 0;
            for (std::size_t k = 0; k < tap.size(); ++k) {
                const std::int64_t p = at[k + 1] * win.strides[k] + tap[k] * win.dilations[k] - win.pads_begin[k];
                if (p < 0 || p >= x.shape()[static_cast<int>(k) + 1]) return;
                from += p * xs[k + 1];
                weight += tap[k] * ws[k + 1];
            }
            for (std::int64_t c = 0; c < channels; ++c) {
                const Sum* const a = xv.data() + from + c / per_group * inner;
                const Sum* const b = wv.data() + c * ws[0] + weight;
                Sum sum{};
                for (std::int64_t i = 0; i < inner; ++i)
                    sum = wrapping_add(sum, wrapping_mul(a[i], b[i]));
                auto& total = sums[static_cast<std::size_t>(c)];
                total = wrapping_add(total, sum);
            }
        });
        store_sums(out, row, std::span<const Sum>(sums));
        row += channels;
    });
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    if (tensor::is_floating(s.out().element))
        convolve<double>(s, *inputs[0], *inputs[1], outputs[0]);
    else
        convolve<std::int64_t>(s, *inputs[0], *inputs[1], outputs[0]);
}

}  // namespace

namespace cards {
const Card conv{
    .name = "conv",
    .min_inputs = 2,
    .max_inputs = 2,
    .attributes = {{"strides", "I"}, {"dilations", "I"}, {"pads_begin", "I"}, {"pads_end", "I"}, {"groups", "i"}},
    .infer = infer,
    .flops = flops,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
