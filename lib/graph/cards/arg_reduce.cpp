// arg_reduce: the index (i64) of the largest or smallest element along `axis`, which stays with extent 1.
//   attributes: fn ("max" | "min"), axis (not negative), last (1: the last of equals, else the first)
//   The axis must not be empty. NaN counts as the extreme, as in NumPy.
#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    const auto axis = s.attrs.integer("axis");
    const Shape& x = s.in(0).shape;
    if (s.attrs.text("fn") != "max" && s.attrs.text("fn") != "min") refuse("arg_reduce: fn '", s.attrs.text("fn"), "'");
    if (axis < 0 || axis >= x.rank()) refuse("arg_reduce: axis ", axis, " of ", s.in(0));
    if (x[static_cast<int>(axis)] == 0) refuse("arg_reduce: axis ", axis, " of ", s.in(0), " is empty");
    return {{ElementType::i64, x.with(static_cast<int>(axis), 1)}};
}

double flops(const Signature& s) {
    return static_cast<double>(s.in(0).shape.count());
}

std::vector<SplitAxis> splits(const Signature& s) {
    return axis_splits(s.out().shape);
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    return {s.attrs, {{split.output_axes[0], begin, end}}};
}

template <class Value>
void search(const Signature& s, const Tensor& x, Tensor& out) {
    const auto axis = static_cast<int>(s.attrs.integer("axis"));
    const bool largest = s.attrs.text("fn") == "max", last = s.attrs.integer("last") != 0;
    const auto steps = tensor::strides(x.shape());
    const auto values = elements_as<Value>(x);
    const std::int64_t extent = x.shape()[axis];
    auto target = out.edit_as<std::int64_t>().begin();
    for_each_index(out.shape(), [&](const Ints& at) {
        const std::int64_t base = dot(at, steps), step = steps[static_cast<std::size_t>(axis)];
        std::int64_t best = 0;
        for (std::int64_t i = 1; i < extent; ++i) {
            const Value value = values[static_cast<std::size_t>(base + i * step)],
                        top = values[static_cast<std::size_t>(base + best * step)];
            const bool better = (value != value && top == top) || (top == top && (largest ? value > top : value < top));
            if (better || (last && (value == top || (value != value && top != top)))) best = i;
        }
        *target++ = best;
    });
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    with_accumulator(s.in(0).element, [&](auto zero) { search<decltype(zero)>(s, *inputs[0], outputs[0]); });
}

}  // namespace

namespace cards {
const Card arg_reduce{
    .name = "arg_reduce",
    .min_inputs = 1,
    .max_inputs = 1,
    .attributes = {{"fn", "s"}, {"axis", "i"}, {"last", "i"}},
    .infer = infer,
    .flops = flops,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
