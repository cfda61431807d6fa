// iota: out[i] = start + step * i[axis], for positions, masks and one-hot rows without storing them.
//   attributes: element (ElementType number), shape, axis, start, step
//   output: element[shape]; no inputs
#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    const auto element = s.attrs.integer("element");
    if (element < 1 || element > tensor::kElementTypeCount) refuse("iota: element type ", element);
    Shape shape(s.attrs.ints("shape"));
    const auto axis = s.attrs.integer("axis");
    if (axis < 0 || axis >= shape.rank()) refuse("iota: axis ", axis, " of shape ", shape);
    return {{static_cast<ElementType>(element), std::move(shape)}};
}

std::vector<SplitAxis> splits(const Signature& s) {
    return axis_splits(s.out().shape);
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    const int axis = split.output_axes[0];
    Attrs attrs = s.attrs;
    attrs.set("shape", s.out().shape.with(axis, end - begin).extents());
    if (axis == s.attrs.integer("axis")) {
        attrs.set("start", s.attrs.real("start") + s.attrs.real("step") * static_cast<double>(begin));
    }
    return {attrs, {}};
}

void evaluate(const Signature& s, std::span<const Tensor* const>, std::span<Tensor> outputs) {
    const double start = s.attrs.real("start"), step = s.attrs.real("step");
    const auto axis = static_cast<std::size_t>(s.attrs.integer("axis"));
    std::vector<double> values;
    for_each_index(s.out().shape,
                   [&](const Ints& at) { values.push_back(start + step * static_cast<double>(at[axis])); });
    outputs[0] = tensor::from_doubles(s.out().element, s.out().shape, values);
}

}  // namespace

namespace cards {
const Card iota{
    .name = "iota",
    .min_inputs = 0,
    .max_inputs = 0,
    .attributes = {{"element", "i"}, {"shape", "I"}, {"axis", "i"}, {"start", "f"}, {"step", "f"}},
    .infer = infer,
    .flops = one_flop_each,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
