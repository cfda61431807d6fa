// Operators that fold axes: sums, extremes, their positions, running sums, the largest elements.
#include <algorithm>

#include "graph/cards.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

// The axes to fold; none when the operator is told to leave its input alone.
std::optional<Ints> reduced_axes(Context& c) {
    const auto given = c.ints_from(1, "axes");
    if (!given || given->empty()) {
        if (c.flag("noop_with_empty_axes", false)) return std::nullopt;
        return all_axes(c.shape(0));
    }
    const auto axes = c.axes(*given, c.rank(0));
    return Ints(axes.begin(), axes.end());
}

// What is special about a reduction: x -> before -> reduce -> after, both in f32 for halves.
using Fold = ValueId (*)(Builder&, ValueId x, const Ints& axes);

Values reduction(Context& c, Fold fold) {
    Builder& b = c.builder();
    const auto axes = reduced_axes(c);
    const ValueId folded = b.cast(fold(b, widened(b, c.in(0)), axes.value_or(Ints())), c.element(0));
    if (!axes || c.flag("keepdims", true)) return {folded};
    return {squeeze(b, folded, std::vector<int>(axes->begin(), axes->end()))};
}

template <Fold fold>
Values reduce_by(Context& c) {
    return reduction(c, fold);
}

ValueId sum(Builder& b, ValueId x, const Ints& axes) {
    return b.reduce("sum", x, axes);
}
ValueId product(Builder& b, ValueId x, const Ints& axes) {
    return b.reduce("product", x, axes);
}
ValueId sum_of_absolutes(Builder& b, ValueId x, const Ints& axes) {
    return sum(b, absolute(b, x), axes);
}
ValueId sum_of_squares(Builder& b, ValueId x, const Ints& axes) {
    return sum(b, mul(b, x, x), axes);
}
// Roots and logarithms of integers are taken in f32.
ValueId in_reals(Builder& b, ValueId x, std::string_view function) {
    const ElementType element = b.element(x);
    if (tensor::is_floating(element)) return b.map(function, {x});
    return b.cast(b.map(function, {b.cast(x, ElementType::f32)}), element);
}
ValueId norm(Builder& b, ValueId x, const Ints& axes) {
    return in_reals(b, sum_of_squares(b, x, axes), "sqrt");
}
ValueId log_sum(Builder& b, ValueId x, const Ints& axes) {
    return in_reals(b, sum(b, x, axes), "log");
}
// log(sum(exp(x))), shifted by the maximum so that exp cannot overflow.
ValueId log_sum_exp(Builder& b, ValueId x, const Ints& axes) {
    const ElementType element = b.element(x);
    if (!tensor::is_floating(element)) return b.cast(log_sum_exp(b, b.cast(x, ElementType::f32), axes), element);
    const ValueId top = b.reduce("max", x, axes);
    const ValueId shift = select(b, b.map("is_inf", {top}, 1, 1), number(b, top, 0), top);
    const ValueId total = b.reduce("sum", b.map("exp", {sub(b, x, shift)}), axes);
    return add(b, b.map("log", {total}), shift);
}

// Maximum and minimum need no wider type; booleans are folded as bytes.
Values extreme(Context& c) {
    Builder& b = c.builder();
    const auto axes = reduced_axes(c);
    if (!axes) return {c.in(0)};
    const bool boolean = c.element(0) == ElementType::boolean;
    const ValueId x = boolean ? b.cast(c.in(0), ElementType::u8) : c.in(0);
    const ValueId out = b.cast(b.reduce(c.row().real, x, *axes), c.element(0));
    return {c.flag("keepdims", true) ? out : squeeze(b, out, std::vector<int>(axes->begin(), axes->end()))};
}

Values extreme_position(Context& c) {
    Builder& b = c.builder();
    const int axis = c.axis(c.integer("axis", 0), c.rank(0));
    const ValueId out = b.add(graph::cards::arg_reduce, {c.in(0)},
                              {{"fn", std::string(c.row().real)},
                               {"axis", std::int64_t{axis}},
                               {"last", c.integer("select_last_index", 0)}})[0];
    return {c.flag("keepdims", true) ? out : squeeze(b, out, {axis})};
}

Values top_k(Context& c) {
    const int axis = c.axis(c.integer("axis", -1), c.rank(0));
    const std::int64_t k = c.opset() < 10 ? c.integer("k") : c.integer(1);
    return c.builder().add(graph::cards::topk, {c.in(0)},
                           {{"axis", std::int64_t{axis}}, {"k", k}, {"largest", c.integer("largest", 1)}});
}

Values running_sum(Context& c) {
    const int axis = c.axis(c.integer(1), c.rank(0));
    return c.builder().add(
        graph::cards::cumulate, {c.in(0)},
        {{"axis", std::int64_t{axis}}, {"exclusive", c.integer("exclusive", 0)}, {"reverse", c.integer("reverse", 0)}});
}

// Running products by doubling: after step s every element covers 2^s of its predecessors.
Values running_product(Context& c) {
    Builder& b = c.builder();
    const int axis = c.axis(c.integer(1), c.rank(0));
    const auto k = static_cast<std::size_t>(axis);
    const std::int64_t extent = c.shape(0)[axis];
    const bool reverse = c.flag("reverse", false);
    const auto shifted = [&](ValueId x, std::int64_t by) {
        Ints before(b.shape(x).extents().size(), 0), after = before;
        (reverse ? after : before)[k] = by;
        return b.pad(b.slice_axis(x, axis, reverse ? by : 0, extent - by), before, after, "constant", 1);
    };
    ValueId out = c.in(0);
    if (c.flag("exclusive", false) && extent > 0) out = shifted(out, 1);
    for (std::int64_t reach = 1; reach < extent; reach *= 2)
        out = mul(b, out, shifted(out, reach));
    return {out};
}

const Row kRows[] = {
    {"", "ArgMax", 1, 0, extreme_position, "max"},
    {"", "ArgMin", 1, 0, extreme_position, "min"},
    {"", "CumProd", 1, 0, running_product},
    {"", "CumSum", 1, 0, running_sum},
    {"", "ReduceL1", 1, 0, reduce_by<sum_of_absolutes>},
    {"", "ReduceL2", 1, 0, reduce_by<norm>},
    {"", "ReduceLogSum", 1, 0, reduce_by<log_sum>},
    {"", "ReduceLogSumExp", 1, 0, reduce_by<log_sum_exp>},
    {"", "ReduceMax", 1, 0, extreme, "max"},
    {"", "ReduceMean", 1, 0, reduce_by<mean>},
    {"", "ReduceMin", 1, 0, extreme, "min"},
    {"", "ReduceProd", 1, 0, reduce_by<product>},
    {"", "ReduceSum", 1, 0, reduce_by<sum>},
    {"", "ReduceSumSquare", 1, 0, reduce_by<sum_of_squares>},
    {"", "TopK", 1, 0, top_k},
};

}  // namespace

namespace families {
const Family reduction{kRows};
}

}  // namespace shoal::importer
