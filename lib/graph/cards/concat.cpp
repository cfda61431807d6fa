// concat: the inputs one behind the other along `axis`; all other extents agree.
//   attributes: axis (not negative)
#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    expect_same_element(s, "concat");
    const auto axis = static_cast<int>(s.attrs.integer("axis"));
    const Shape& first = s.in(0).shape;
    if (axis < 0 || axis >= first.rank()) refuse("concat: axis ", axis, " of ", s.in(0));
    std::int64_t extent = 0;
    for (std::size_t i = 0; i < s.inputs.size(); ++i) {
        if (!s.has(i)) refuse("concat: input ", i, " is left out");
        if (s.in(i).shape.rank() != first.rank() || s.in(i).shape.with(axis, first[axis]) != first) {
            refuse("concat: input ", i, " is ", s.in(i), ", input 0 is ", s.in(0), "; only axis ", axis, " may differ");
        }
        extent = base::checked_add(extent, s.in(i).shape[axis], "concat");
    }
    return {{s.in(0).element, first.with(axis, extent)}};
}

std::vector<SplitAxis> splits(const Signature& s) {
    return axis_splits(s.out().shape, [&](int axis) { return axis != s.attrs.integer("axis"); });
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    return {s.attrs, std::vector<InputSlice>(s.inputs.size(), InputSlice{split.output_axes[0], begin, end})};
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    const auto axis = static_cast<std::size_t>(s.attrs.integer("axis"));
    move_elements(inputs, outputs[0], [&](std::span<const Tensor* const> in, Tensor& out) {
        const auto size = static_cast<std::size_t>(tensor::bits(out.element()) / 8);
        const auto target = tensor::strides(out.shape());
        std::byte* to = out.edit().data();
        for (const Tensor* part : in) {
            copy_strided(to, target, part->bytes().data(), tensor::strides(part->shape()), part->shape(), size);
            to += static_cast<std::size_t>(part->shape()[static_cast<int>(axis)] * target[axis]) * size;
        }
    });
}

}  // namespace

namespace cards {
const Card concat{
    .name = "concat",
    .min_inputs = 1,
    .max_inputs = -1,
    .attributes = {{"axis", "i"}},
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
