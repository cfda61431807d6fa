// reduce: folds the given axes with sum, product, max or min; reduced axes stay with extent 1.
//   attributes: fn ("sum" | "product" | "max" | "min"), axes (ascending, not negative)
//   Over nothing: 0, 1, the lowest and the highest value of the type. NaN goes through max and min.
#include <algorithm>
#include <cmath>

#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

bool is_reduced(const Signature& s, int axis) {
    const auto& axes = s.attrs.ints("axes");
    return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

std::vector<Type> infer(const Signature& s) {
    const auto& fn = s.attrs.text("fn");
    if (fn != "sum" && fn != "product" && fn != "max" && fn != "min") refuse("reduce: fn '", fn, "'");
    if (tensor::is_nibble(s.in(0).element) || s.in(0).element == ElementType::boolean)
        refuse("reduce: not defined for ", s.in(0));
    Ints extents = s.in(0).shape.extents();
    std::int64_t previous = -1;
    for (const auto axis : s.attrs.ints("axes")) {
        if (axis <= previous || axis >= s.in(0).shape.rank())
            refuse("reduce: axes of ", to_string(s.attrs), " for ", s.in(0));
        extents[static_cast<std::size_t>(axis)] = 1;
        previous = axis;
    }
    return {{s.in(0).element, Shape(std::move(extents))}};
}

double flops(const Signature& s) {
    return static_cast<double>(s.in(0).shape.count());
}

Merge merge_of(const std::string& fn) {
    return fn == "sum" ? Merge::sum : fn == "product" ? Merge::product : fn == "max" ? Merge::max : Merge::min;
}

std::vector<SplitAxis> splits(const Signature& s) {
    auto found = axis_splits(s.out().shape);
    for (const auto axis : s.attrs.ints("axes")) {
        const std::int64_t extent = s.in(0).shape[static_cast<int>(axis)];
        if (extent > 1)
            found.push_back({base::text("reduced axis ", axis), extent, 1, merge_of(s.attrs.text("fn")), {}});
    }
    return found;
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    if (split.merge == Merge::concat) return {s.attrs, {{split.output_axes[0], begin, end}}};
    for (const auto axis : s.attrs.ints("axes")) {
        if (split.name == base::text("reduced axis ", axis)) return {s.attrs, {{static_cast<int>(axis), begin, end}}};
    }
    base::fail(base::Code::internal, "reduce has no split '", split.name, "'");
}

template <class Value>
void fold(const Signature& s, const Tensor& x, Tensor& out) {
    const auto& fn = s.attrs.text("fn");
    auto steps = tensor::strides(out.shape());
    for (int axis = 0; axis < out.shape().rank(); ++axis) {
        if (is_reduced(s, axis)) steps[static_cast<std::size_t>(axis)] = 0;
    }
    const Value start = fn == "sum"       ? Value{}
                        : fn == "product" ? Value{1}
                        : fn == "max"     ? lowest_of<Value>(x.element())
                                          : highest_of<Value>(x.element());
    std::vector<Value> totals(static_cast<std::size_t>(out.count()), start);
    const auto values = elements_as<Value>(x);
    std::size_t next = 0;
    for_each_index(x.shape(), [&](const Ints& at) {
        const Value value = values[next++];
        Value& total = totals[static_cast<std::size_t>(dot(at, steps))];
        if (fn == "sum")
            total = wrapping_add(total, value);
        else if (fn == "product")
            total = wrapping_mul(total, value);
        else if (value != value || (fn == "max" ? value > total : value < total))
            total = value;
    });
    store_sums(out, 0, std::span<const Value>(totals));
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    with_accumulator(s.in(0).element, [&](auto zero) { fold<decltype(zero)>(s, *inputs[0], outputs[0]); });
}

}  // namespace

namespace cards {
const Card reduce{
    .name = "reduce",
    .min_inputs = 1,
    .max_inputs = 1,
    .attributes = {{"fn", "s"}, {"axes", "I"}},
    .infer = infer,
    .flops = flops,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
