// cumulate: running sum along `axis`.
//   attributes: axis (not negative), exclusive (1: element i sums those before it only), reverse (1: from the end)
#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    const auto axis = s.attrs.integer("axis");
    if (axis < 0 || axis >= s.in(0).shape.rank()) refuse("cumulate: axis ", axis, " of ", s.in(0));
    if (tensor::is_nibble(s.in(0).element) || s.in(0).element == ElementType::boolean)
        refuse("cumulate: not defined for ", s.in(0));
    return {s.in(0)};
}

std::vector<SplitAxis> splits(const Signature& s) {
    return axis_splits(s.out().shape, [&](int axis) { return axis != s.attrs.integer("axis"); });
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    return {s.attrs, {{split.output_axes[0], begin, end}}};
}

template <class Value>
void run(const Signature& s, const Tensor& x, Tensor& out) {
    const auto axis = static_cast<int>(s.attrs.integer("axis"));
    const bool exclusive = s.attrs.integer("exclusive") != 0, reverse = s.attrs.integer("reverse") != 0;
    const std::int64_t extent = x.shape()[axis], step = tensor::strides(x.shape())[static_cast<std::size_t>(axis)];
    auto values = elements_as<Value>(x);
    if (values.empty()) return;
    for_each_index(x.shape().with(axis, 1), [&](const Ints& at) {
        const std::int64_t base = dot(at, tensor::strides(x.shape()));
        Value sum{};
        for (std::int64_t i = 0; i < extent; ++i) {
            Value& value = values[static_cast<std::size_t>(base + (reverse ? extent - 1 - i : i) * step)];
            const Value own = value;
            value = exclusive ? sum : wrapping_add(sum, own);
            sum = wrapping_add(sum, own);
        }
    });
    store_sums(out, 0, std::span<const Value>(values));
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    if (tensor::is_floating(s.in(0).element))
        run<double>(s, *inputs[0], outputs[0]);
    else
        run<std::int64_t>(s, *inputs[0], outputs[0]);
}

}  // namespace

namespace cards {
const Card cumulate{
    .name = "cumulate",
    .min_inputs = 1,
    .max_inputs = 1,
    .attributes = {{"axis", "i"}, {"exclusive", "i"}, {"reverse", "i"}},
    .infer = infer,
    .flops = one_flop_each,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
