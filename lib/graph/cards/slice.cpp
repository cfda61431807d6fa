// slice: out[i] = in[begins + i * steps].
//   attributes: begins, sizes, steps (one per axis; steps not 0, negative ones walk backwards)
#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    const auto &begins = s.attrs.ints("begins"), &sizes = s.attrs.ints("sizes"), &steps = s.attrs.ints("steps");
    const Shape& in = s.in(0).shape;
    const auto rank = static_cast<std::size_t>(in.rank());
    if (begins.size() != rank || sizes.size() != rank || steps.size() != rank)
        refuse("slice: ", to_string(s.attrs), " for ", s.in(0));
    for (std::size_t k = 0; k < rank; ++k) {
        const std::int64_t extent = in[static_cast<int>(k)];
        const bool sane = steps[k] != 0 && sizes[k] >= 0 && sizes[k] <= extent && begins[k] >= 0 &&
                          std::abs(steps[k]) <= (std::int64_t{1} << 40);
        const bool inside =
            sane && (sizes[k] == 0 || (begins[k] < extent && begins[k] + (sizes[k] - 1) * steps[k] >= 0 &&
                                       begins[k] + (sizes[k] - 1) * steps[k] < extent));
        if (!inside) refuse("slice: ", to_string(s.attrs), " reaches outside of ", s.in(0), " along axis ", k);
    }
    return {{s.in(0).element, Shape(sizes)}};
}

std::vector<SplitAxis> splits(const Signature& s) {
    return axis_splits(s.out().shape);
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    const auto axis = static_cast<std::size_t>(split.output_axes[0]);
    Ints begins = s.attrs.ints("begins"), sizes = s.attrs.ints("sizes");
    const std::int64_t step = s.attrs.ints("steps")[axis];
    const std::int64_t first = begins[axis] + begin * step, last = begins[axis] + (end - 1) * step;
    const std::int64_t low = std::min(first, last), high = std::max(first, last) + 1;
    begins[axis] = first - low;
    sizes[axis] = end - begin;
    Attrs attrs = s.attrs;
    attrs.set("begins", begins).set("sizes", sizes);
    return {attrs, {{split.output_axes[0], low, high}}};
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    move_elements(inputs, outputs[0], [&](std::span<const Tensor* const> in, Tensor& out) {
        const auto own = tensor::strides(in[0]->shape());
        const auto &begins = s.attrs.ints("begins"), &steps = s.attrs.ints("steps");
        Ints from;
        for (std::size_t k = 0; k < own.size(); ++k)
            from.push_back(own[k] * steps[k]);
        const auto size = static_cast<std::size_t>(tensor::bits(out.element()) / 8);
        if (out.count() == 0) return;
        copy_strided(out.edit().data(), tensor::strides(out.shape()),
                     in[0]->bytes().data() + static_cast<std::size_t>(dot(begins, own)) * size, from, out.shape(),
                     size);
    });
}

}  // namespace

namespace cards {
const Card slice{
    .name = "slice",
    .min_inputs = 1,
    .max_inputs = 1,
    .attributes = {{"begins", "I"}, {"sizes", "I"}, {"steps", "I"}},
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
