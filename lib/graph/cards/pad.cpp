// pad: the input surrounded by `before` and `after` elements along each axis (numpy.pad).
//   attributes: before, after (one per axis, not negative), mode, value (for constant)
//   mode: "constant" | "edge" (repeat the border) | "reflect" (mirror without the border) | "wrap" (start over)
#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    const auto &before = s.attrs.ints("before"), &after = s.attrs.ints("after");
    const auto& mode = s.attrs.text("mode");
    const Shape& in = s.in(0).shape;
    if (before.size() != static_cast<std::size_t>(in.rank()) || after.size() != before.size()) {
        refuse("pad: ", to_string(s.attrs), " for ", s.in(0));
    }
    if (mode != "constant" && mode != "edge" && mode != "reflect" && mode != "wrap") refuse("pad: mode '", mode, "'");
    Ints extents;
    for (std::size_t k = 0; k < before.size(); ++k) {
        const std::int64_t extent = in[static_cast<int>(k)];
        if (before[k] < 0 || after[k] < 0) refuse("pad: negative padding in ", to_string(s.attrs));
        if (mode != "constant" && extent == 0 && before[k] + after[k] > 0)
            refuse("pad: mode ", mode, " of an empty axis of ", s.in(0));
        if (mode == "reflect" && extent == 1 && before[k] + after[k] > 0)
            refuse("pad: nothing to reflect along an axis of extent 1 of ", s.in(0));
        extents.push_back(base::checked_add(extent, base::checked_add(before[k], after[k], "padding"), "padding"));
    }
    return {{s.in(0).element, Shape(std::move(extents))}};
}

bool is_padded(const Signature& s, int axis) {
    const auto k = static_cast<std::size_t>(axis);
    return s.attrs.ints("before")[k] > 0 || s.attrs.ints("after")[k] > 0;
}

std::vector<SplitAxis> splits(const Signature& s) {
    const bool constant = s.attrs.text("mode") == "constant";
    return axis_splits(s.out().shape, [&](int axis) { return constant || !is_padded(s, axis); });
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    const int axis = split.output_axes[0];
    const auto k = static_cast<std::size_t>(axis);
    Ints before = s.attrs.ints("before"), after = s.attrs.ints("after");
    const std::int64_t extent = s.in(0).shape[axis];
    const std::int64_t low = std::clamp<std::int64_t>(begin - before[k], 0, extent);
    const std::int64_t high = std::clamp<std::int64_t>(end - before[k], low, extent);
    const std::int64_t padded = end - begin - (high - low);
    before[k] = std::min(padded, std::max<std::int64_t>(before[k] - begin, 0));
    after[k] = padded - before[k];
    Attrs attrs = s.attrs;
    attrs.set("before", before).set("after", after);
    return {attrs, {{axis, low, high}}};
}

// The input coordinate that output coordinate `i` of an axis shows, for the modes that repeat the input.
std::int64_t source_of(std::int64_t i, std::int64_t extent, const std::string& mode) {
    if (mode == "edge") return std::clamp<std::int64_t>(i, 0, extent - 1);
    if (mode == "wrap") return ((i % extent) + extent) % extent;
    const std::int64_t period = 2 * (extent - 1);  // reflect
    if (period == 0) return 0;
    const std::int64_t folded = ((i % period) + period) % period;
    return folded < extent ? folded : period - folded;
}

void fill(Tensor& out, double value) {
    if (value == 0) return;
    const std::vector<double> values(static_cast<std::size_t>(out.count()), value);
    out = tensor::from_doubles(out.element(), out.shape(), values);
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    const auto& mode = s.attrs.text("mode");
    const auto& before = s.attrs.ints("before");
    move_elements(inputs, outputs[0], [&](std::span<const Tensor* const> in, Tensor& out) {
        const auto size = static_cast<std::size_t>(tensor::bits(out.element()) / 8);
        const auto own = tensor::strides(in[0]->shape()), target = tensor::strides(out.shape());
        if (mode == "constant") {
            fill(out, s.attrs.real("value"));
            if (in[0]->count() == 0) return;
            copy_strided(out.edit().data() + static_cast<std::size_t>(dot(before, target)) * size, target,
                         in[0]->bytes().data(), own, in[0]->shape(), size);
            return;
        }
        std::byte* to = out.edit().data();
        for_each_index(out.shape(), [&](const Ints& at) {
            std::int64_t from = 0;
            for (std::size_t k = 0; k < at.size(); ++k) {
                from += own[k] * source_of(at[k] - before[k], in[0]->shape()[static_cast<int>(k)], mode);
            }
            std::copy_n(in[0]->bytes().data() + static_cast<std::size_t>(from) * size, size, to);
            to += size;
        });
    });
}

}  // namespace

namespace cards {
const Card pad{
    .name = "pad",
    .min_inputs = 1,
    .max_inputs = 1,
    .attributes = {{"before", "I"}, {"after", "I"}, {"mode", "s"}, {"value", "f"}},
    .infer = infer,
    .flops = no_flops,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
    .movement = true,
};
}  // namespace cards

}  // namespace shoal::graph
