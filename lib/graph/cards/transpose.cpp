// transpose: out[i] = in[j] with i[k] = j[perm[k]]; output axis k is input axis perm[k].
//   attributes: perm (a permutation of the axes)
#include <algorithm>

#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    const auto& perm = s.attrs.ints("perm");
    const Shape& in = s.in(0).shape;
    if (static_cast<int>(perm.size()) != in.rank())
        refuse("transpose: a permutation of ", perm.size(), " axes for ", s.in(0));
    std::vector<bool> seen(perm.size(), false);
    Ints extents;
    for (const auto axis : perm) {
        if (axis < 0 || axis >= in.rank() || seen[static_cast<std::size_t>(axis)]) {
            refuse("transpose: ", to_string(s.attrs), " is no permutation of ", in.rank(), " axes");
        }
        seen[static_cast<std::size_t>(axis)] = true;
        extents.push_back(in[static_cast<int>(axis)]);
    }
    return {{s.in(0).element, Shape(std::move(extents))}};
}

std::vector<SplitAxis> splits(const Signature& s) {
    return axis_splits(s.out().shape);
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    const auto& perm = s.attrs.ints("perm");
    return {s.attrs, {{static_cast<int>(perm[static_cast<std::size_t>(split.output_axes[0])]), begin, end}}};
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    move_elements(inputs, outputs[0], [&](std::span<const Tensor* const> in, Tensor& out) {
        const auto own = tensor::strides(in[0]->shape());
        Ints from;
        for (const auto axis : s.attrs.ints("perm"))
            from.push_back(own[static_cast<std::size_t>(axis)]);
        copy_strided(out.edit().data(), tensor::strides(out.shape()), in[0]->bytes().data(), from, out.shape(),
                     static_cast<std::size_t>(tensor::bits(out.element()) / 8));
    });
}

}  // namespace

namespace cards {
const Card transpose{
    .name = "transpose",
    .min_inputs = 1,
    .max_inputs = 1,
    .attributes = {{"perm", "I"}},
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
