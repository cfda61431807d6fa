// expand: the input repeated along axes of extent 1 (and new leading ones) to `shape`, as NumPy broadcasts.
//   attributes: shape
#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    Shape shape(s.attrs.ints("shape"));
    (void)tensor::broadcast_strides(s.in(0).shape, shape);
    return {{s.in(0).element, std::move(shape)}};
}

std::vector<SplitAxis> splits(const Signature& s) {
    return axis_splits(s.out().shape);
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    const int axis = split.output_axes[0];
    Attrs attrs = s.attrs;
    attrs.set("shape", s.out().shape.with(axis, end - begin).extents());
    return {attrs, {broadcast_slice(s.in(0).shape, s.out().shape, axis, begin, end)}};
}

void evaluate(const Signature&, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    move_elements(inputs, outputs[0], [&](std::span<const Tensor* const> in, Tensor& out) {
        copy_strided(out.edit().data(), tensor::strides(out.shape()), in[0]->bytes().data(),
                     tensor::broadcast_strides(in[0]->shape(), out.shape()), out.shape(),
                     static_cast<std::size_t>(tensor::bits(out.element()) / 8));
    });
}

}  // namespace

namespace cards {
const Card expand{
    .name = "expand",
    .min_inputs = 1,
    .max_inputs = 1,
    .attributes = {{"shape", "I"}},
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
