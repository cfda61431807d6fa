// topk: the k largest (or smallest) elements along `axis`, in order, and where they stood (i64).
//   x [.., A, ..] -> values [.., k, ..], indices i64 [.., k, ..]
//   attributes: axis (not negative), k, largest (1 or 0)
//   Of equal elements the one with the lower index comes first. NaN counts as larger than any number.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    const auto axis = s.attrs.integer("axis"), k = s.attrs.integer("k");
    const Shape& x = s.in(0).shape;
    if (axis < 0 || axis >= x.rank()) refuse("topk: axis ", axis, " of ", s.in(0));
    if (k < 0 || k > x[static_cast<int>(axis)])
        refuse("topk: k = ", k, " of ", x[static_cast<int>(axis)], " elements along axis ", axis);
    if (tensor::is_nibble(s.in(0).element)) refuse("topk: nibbles must be cast to a wider type first");
    const Shape out = x.with(static_cast<int>(axis), k);
    return {{s.in(0).element, out}, {ElementType::i64, out}};
}

double flops(const Signature& s) {
    // Each element is compared on its way through a heap of k.
    const auto k = static_cast<double>(s.attrs.integer("k"));
    return static_cast<double>(s.in(0).shape.count()) * (2 + 2 * std::log2(k + 1));
}

std::vector<SplitAxis> splits(const Signature& s) {
    auto found = axis_splits(s.out().shape, [&](int axis) { return axis != s.attrs.integer("axis"); });
    for (auto& split : found)
        split.output_axes.push_back(split.output_axes[0]);
    return found;
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    return {s.attrs, {{split.output_axes[0], begin, end}}};
}

template <class Value>
void select(const Signature& s, const Tensor& x, Tensor& top, Tensor& where) {
    const auto axis = static_cast<int>(s.attrs.integer("axis"));
    const std::int64_t k = s.attrs.integer("k"), extent = x.shape()[axis];
    const bool largest = s.attrs.integer("largest") != 0;
    const auto steps = tensor::strides(x.shape()), out_steps = tensor::strides(top.shape());
    const auto values = elements_as<Value>(x);
    std::vector<Value> chosen(static_cast<std::size_t>(top.count()));
    const auto indices = where.edit_as<std::int64_t>();
    if (k == 0) return;
    for_each_index(x.shape().with(axis, 1), [&](const Ints& at) {
        const std::int64_t base = dot(at, steps), step = steps[static_cast<std::size_t>(axis)];
        const auto value = [&](std::int64_t i) { return values[static_cast<std::size_t>(base + i * step)]; };
        const auto less = [&](Value a, Value b) { return a < b || (b != b && a == a); };
        std::vector<std::int64_t> order(static_cast<std::size_t>(extent));
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
            return largest ? less(value(b), value(a)) : less(value(a), value(b));
        });
        const std::int64_t to = dot(at, out_steps);
        for (std::int64_t i = 0; i < k; ++i) {
            const auto slot = static_cast<std::size_t>(to + i * out_steps[static_cast<std::size_t>(axis)]);
            chosen[slot] = value(order[static_cast<std::size_t>(i)]);
            indices[slot] = order[static_cast<std::size_t>(i)];
        }
    });
    store_sums(top, 0, std::span<const Value>(chosen));
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    with_accumulator(s.in(0).element,
                     [&](auto zero) { select<decltype(zero)>(s, *inputs[0], outputs[0], outputs[1]); });
}

}  // namespace

namespace cards {
const Card topk{
    .name = "topk",
    .min_inputs = 1,
    .max_inputs = 1,
    .attributes = {{"axis", "i"}, {"k", "i"}, {"largest", "i"}},
    .infer = infer,
    .flops = flops,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
