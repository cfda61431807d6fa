// pool: over every window of x [N, D1..Dr, C] -> [N, P1..Pr, C], positions in the padding left out.
//   attributes: fn, kernel, strides, dilations, pads_begin, pads_end (one per spatial axis)
//   fn: "max" (lowest value of the type for a window of padding only) | "sum" | "argmax" (i64: the position of the
//   first maximum, row-major over D1..Dr)
// Averages are sums times a constant that the lowering makes, since frameworks disagree on what to divide by.
#include <cmath>
#include <limits>

#include "graph/cards.hpp"
#include "graph/cards/support.hpp"
#include "graph/window.hpp"

namespace shoal::graph {
namespace {

Window window(const Signature& s) {
    if (s.in(0).shape.rank() != static_cast<int>(s.attrs.ints("kernel").size()) + 2) {
        refuse("pool: x ", s.in(0), " with a window of ", s.attrs.ints("kernel").size(), " axes");
    }
    return window_of(s.attrs, s.attrs.ints("kernel"), "pool");
}

std::vector<Type> infer(const Signature& s) {
    const auto& fn = s.attrs.text("fn");
    if (fn != "max" && fn != "sum" && fn != "argmax") refuse("pool: fn '", fn, "'");
    const Shape& x = s.in(0).shape;
    Ints extents{x.rank() > 0 ? x[0] : 0};
    for (const auto extent : output_extents(window(s), x, "pool"))
        extents.push_back(extent);
    extents.push_back(x.back());
    return {{fn == "argmax" ? ElementType::i64 : s.in(0).element, Shape(std::move(extents))}};
}

double flops(const Signature& s) {
    return static_cast<double>(s.out().shape.count()) * static_cast<double>(window(s).taps());
}

std::vector<SplitAxis> splits(const Signature& s) {
    const bool positions = s.attrs.text("fn") == "argmax";  // a row's position changes when rows are cut off
    const int last = s.out().shape.rank() - 1;
    return axis_splits(s.out().shape, [&](int axis) { return !positions || axis == 0 || axis == last; });
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    const int axis = split.output_axes[0];
    const Shape& x = s.in(0).shape;
    if (axis == 0 || axis + 1 == x.rank()) return {s.attrs, {{axis, begin, end}}};
    auto rows = shard_rows(s.attrs, window(s), x, axis, begin, end);
    return {std::move(rows.attrs), {rows.input}};
}

// Calls visit(position in x, flat spatial position) for every tap of the window at `at` that lies inside x.
template <class Visit>
void for_each_tap(const Window& win, const Shape& x, const Ints& xs, const Ints& at, Visit&& visit) {
    for_each_index(Shape(win.kernel), [&](const Ints& tap) {
        std::int64_t from = at.front() * xs.front() + at.back(), flat = 0;
        for (std::size_t k = 0; k < tap.size(); ++k) {
            const std::int64_t p = at[k + 1] * win.strides[k] + tap[k] * win.dilations[k] - win.pads_begin[k];
            const std::int64_t extent = x[static_cast<int>(k) + 1];
            if (p < 0 || p >= extent) return;
            from += p * xs[k + 1];
            flat = flat * extent + p;
        }
        visit(from, flat);
    });
}

template <class Value>
void pool_values(const Signature& s, const Tensor& x, Tensor& out) {
    const Window win = window(s);
    const auto& fn = s.attrs.text("fn");
    const auto xs = tensor::strides(x.shape());
    const auto values = elements_as<Value>(x);
    std::int64_t index = 0;
    for_each_index(out.shape(), [&](const Ints& at) {
        Value best = lowest_of<Value>(x.element()), sum{};
        std::int64_t where = 0;
        bool first = true;
        for_each_tap(win, x.shape(), xs, at, [&](std::int64_t from, std::int64_t flat) {
            const Value value = values[static_cast<std::size_t>(from)];
            sum = wrapping_add(sum, value);
            if (first || value > best || (value != value && best == best)) {
                best = value;
                where = flat;
                first = false;
            }
        });
        const Value result = fn == "sum" ? sum : fn == "max" ? best : static_cast<Value>(where);
        store_sums(out, index++, std::span<const Value>(&result, 1));
    });
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    with_accumulator(s.in(0).element, [&](auto zero) { pool_values<decltype(zero)>(s, *inputs[0], outputs[0]); });
}

}  // namespace

namespace cards {
const Card pool{
    .name = "pool",
    .min_inputs = 1,
    .max_inputs = 1,
    .attributes =
        {{"fn", "s"}, {"kernel", "I"}, {"strides", "I"}, {"dilations", "I"}, {"pads_begin", "I"}, {"pads_end", "I"}},
    .infer = infer,
    .flops = flops,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
