// gather: out[p.., j.., q..] = data[p.., indices[j..], q..], p before and q behind `axis`.
//   data [P.., A, Q..], indices i32 or i64 [J..] -> out [P.., J.., Q..]
//   attributes: axis (not negative)
//   An index below 0 counts from the end; one that is still outside is clamped, on every device alike: the value of an
//   index is data, and data must not be able to read outside of a buffer.
#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    const auto axis = s.attrs.integer("axis");
    const Shape &data = s.in(0).shape, &indices = s.in(1).shape;
    if (axis < 0 || axis >= data.rank()) refuse("gather: axis ", axis, " of ", s.in(0));
    if (s.in(1).element != ElementType::i64 && s.in(1).element != ElementType::i32)
        refuse("gather: indices are ", s.in(1), ", must be i32 or i64");
    if (data[static_cast<int>(axis)] == 0 && indices.count() > 0)
        refuse("gather: axis ", axis, " of ", s.in(0), " is empty");
    Ints extents(data.begin(), data.begin() + axis);
    extents.insert(extents.end(), indices.begin(), indices.end());
    extents.insert(extents.end(), data.begin() + axis + 1, data.end());
    return {{s.in(0).element, Shape(std::move(extents))}};
}

Cost bytes(const Signature& s) {
    const auto moved = static_cast<double>(s.out().size_bytes());
    return {0, moved + static_cast<double>(s.in(1).size_bytes()), moved};
}

std::vector<SplitAxis> splits(const Signature& s) {
    return axis_splits(s.out().shape);
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    const auto axis = static_cast<int>(s.attrs.integer("axis"));
    const int index_rank = s.in(1).shape.rank(), k = split.output_axes[0];
    if (k < axis) return {s.attrs, {{k, begin, end}, InputSlice::whole()}};
    if (k < axis + index_rank) return {s.attrs, {InputSlice::whole(), {k - axis, begin, end}}};
    return {s.attrs, {{k - index_rank + 1, begin, end}, InputSlice::whole()}};
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    const auto axis = static_cast<int>(s.attrs.integer("axis"));
    const auto indices = tensor::to_ints(*inputs[1]);
    const Tensor* const data_only[] = {inputs[0]};
    move_elements(data_only, outputs[0], [&](std::span<const Tensor* const> in, Tensor& out) {
        const Shape& data = in[0]->shape();
        const auto size = static_cast<std::size_t>(tensor::bits(out.element()) / 8);
        const std::size_t row = static_cast<std::size_t>(data.count(axis + 1, data.rank())) * size;
        std::byte* to = out.edit().data();
        if (out.count() == 0) return;
        for (std::int64_t outer = 0; outer < data.count(0, axis); ++outer) {
            for (const auto index : indices) {
                const std::int64_t wrapped =
                    std::clamp<std::int64_t>(index < 0 ? index + data[axis] : index, 0, data[axis] - 1);
                std::copy_n(in[0]->bytes().data() + static_cast<std::size_t>(outer * data[axis] + wrapped) * row, row,
                            to);
                to += row;
            }
        }
    });
}

}  // namespace

namespace cards {
const Card gather{
    .name = "gather",
    .min_inputs = 2,
    .max_inputs = 2,
    .attributes = {{"axis", "i"}},
    .infer = infer,
    .flops = no_flops,
    .bytes = bytes,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
