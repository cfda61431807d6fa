// scatter: out = data, then for m in order: out[indices[m], q..] = or op= updates[m, q..].
//   data [A, Q..], indices i32 or i64 [M], updates [M, Q..] -> out [A, Q..]
//   attributes: fn ("set" | "add" | "mul" | "max" | "min")
//   Indices below 0 count from the end; those still outside are left out. With "set", the last of equal indices wins.
// The other scatters of ONNX become this one by arithmetic on their indices.
#include <algorithm>

#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    const auto& fn = s.attrs.text("fn");
    if (fn != "set" && fn != "add" && fn != "mul" && fn != "max" && fn != "min") refuse("scatter: fn '", fn, "'");
    const Shape &data = s.in(0).shape, &indices = s.in(1).shape;
    if (data.rank() < 1 || indices.rank() != 1) refuse("scatter: into ", s.in(0), " at ", s.in(1));
    if (s.in(1).element != ElementType::i64 && s.in(1).element != ElementType::i32)
        refuse("scatter: indices are ", s.in(1), ", must be i32 or i64");
    if (s.in(2) != Type{s.in(0).element, data.with(0, indices[0])})
        refuse("scatter: updates ", s.in(2), " into ", s.in(0), " at ", s.in(1));
    if (tensor::is_nibble(s.in(0).element)) refuse("scatter: nibbles must be cast to a wider type first");
    return {{s.in(0).element, data}};
}

double flops(const Signature& s) {
    return static_cast<double>(s.in(2).shape.count());
}

std::vector<SplitAxis> splits(const Signature& s) {
    return axis_splits(s.out().shape, [](int axis) { return axis > 0; });
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    const InputSlice slice{split.output_axes[0], begin, end};
    return {s.attrs, {slice, InputSlice::whole(), slice}};
}

template <class Value>
void apply(const Signature& s, const std::vector<std::int64_t>& indices, const Tensor& data, const Tensor& updates,
           Tensor& out) {
    const auto& fn = s.attrs.text("fn");
    auto values = elements_as<Value>(data);
    const auto changes = elements_as<Value>(updates);
    const std::int64_t row = data.shape().count(1, data.shape().rank()), rows = data.shape()[0];
    for (std::size_t m = 0; m < indices.size(); ++m) {
        const std::int64_t index = indices[m] < 0 ? indices[m] + rows : indices[m];
        if (index < 0 || index >= rows) continue;
        for (std::int64_t q = 0; q < row; ++q) {
            Value& at = values[static_cast<std::size_t>(index * row + q)];
            const Value change = changes[m * static_cast<std::size_t>(row) + static_cast<std::size_t>(q)];
            if (fn == "set")
                at = change;
            else if (fn == "add")
                at = wrapping_add(at, change);
            else if (fn == "mul")
                at = wrapping_mul(at, change);
            else if (fn == "max")
                at = std::max(at, change);
            else
                at = std::min(at, change);
        }
    }
    store_sums(out, 0, std::span<const Value>(values));
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    const auto indices = tensor::to_ints(*inputs[1]);
    with_accumulator(s.in(0).element,
                     [&](auto zero) { apply<decltype(zero)>(s, indices, *inputs[0], *inputs[2], outputs[0]); });
}

}  // namespace

namespace cards {
const Card scatter{
    .name = "scatter",
    .min_inputs = 3,
    .max_inputs = 3,
    .attributes = {{"fn", "s"}},
    .infer = infer,
    .flops = flops,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
