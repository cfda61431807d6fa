#include "importer/compose.hpp"

#include <algorithm>
#include <numeric>

#include "base/error.hpp"

namespace shoal::importer {

ValueId unsqueeze(Builder& b, ValueId x, std::vector<int> axes) {
    std::sort(axes.begin(), axes.end());
    Ints extents = b.shape(x).extents();
    for (const int axis : axes) {
        if (axis < 0 || axis > static_cast<int>(extents.size()))
            base::fail(base::Code::invalid_argument, "an axis put before axis ", axis, " of ", b.shape(x));
        extents.insert(extents.begin() + axis, 1);
    }
    return b.reshape(x, Shape(std::move(extents)));
}

ValueId squeeze(Builder& b, ValueId x, const std::vector<int>& axes) {
    Ints extents;
    for (int axis = 0; axis < b.shape(x).rank(); ++axis) {
        if (std::find(axes.begin(), axes.end(), axis) == axes.end()) extents.push_back(b.shape(x)[axis]);
    }
    return b.reshape(x, Shape(std::move(extents)));
}

ValueId move_axis(Builder& b, ValueId x, int from, int to) {
    const int rank = b.shape(x).rank();
    if (from < 0 || from >= rank || to < 0 || to >= rank)
        base::fail(base::Code::invalid_argument, "a tensor of shape ", b.shape(x), " has too few axes to swap");
    Ints perm(static_cast<std::size_t>(rank));
    std::iota(perm.begin(), perm.end(), 0);
    perm.erase(perm.begin() + from);
    perm.insert(perm.begin() + to, from);
    return b.transpose(x, std::move(perm));
}

ValueId channels_last(Builder& b, ValueId x) {
    return move_axis(b, x, 1, b.shape(x).rank() - 1);
}

ValueId channels_first(Builder& b, ValueId x) {
    return move_axis(b, x, b.shape(x).rank() - 1, 1);
}

ValueId swap_last_two(Builder& b, ValueId x) {
    return move_axis(b, x, b.shape(x).rank() - 1, b.shape(x).rank() - 2);
}

ValueId along_axis(Builder& b, ValueId vector, int axis, int rank) {
    Ints extents(static_cast<std::size_t>(rank), 1);
    if (axis < 0 || axis >= rank)
        base::fail(base::Code::invalid_argument, "a vector along axis ", axis, " of a tensor of rank ", rank);
    extents[static_cast<std::size_t>(axis)] = b.shape(vector).count();
    return b.reshape(vector, Shape(std::move(extents)));
}

Ints all_axes(const Shape& shape, int first) {
    Ints out;
    for (int axis = first; axis < shape.rank(); ++axis)
        out.push_back(axis);
    return out;
}

ValueId number(Builder& b, ValueId like, double value) {
    return b.scalar(b.element(like), value);
}

ValueId vector_of(Builder& b, const Ints& values) {
    return b.constant(tensor::from_ints(values));
}

ValueId table_of(Builder& b, ElementType element, Shape shape, const std::vector<double>& values) {
    return b.constant(tensor::from_doubles(element, std::move(shape), values));
}

namespace {

// The scalar function for floats or, where integers have one of their own, for integers.
ValueId by_type(Builder& b, std::string_view real, std::string_view whole, std::vector<ValueId> inputs) {
    const auto function = tensor::is_floating(b.element(inputs[0])) ? real : whole;
    return b.map(function, std::move(inputs));
}

}  // namespace

ValueId add(Builder& b, ValueId x, ValueId y) {
    return b.map("add", {x, y});
}
ValueId sub(Builder& b, ValueId x, ValueId y) {
    return b.map("sub", {x, y});
}
ValueId mul(Builder& b, ValueId x, ValueId y) {
    return b.map("mul", {x, y});
}
ValueId divide(Builder& b, ValueId x, ValueId y) {
    return by_type(b, "div", "int_div", {x, y});
}
ValueId maximum(Builder& b, ValueId x, ValueId y) {
    return by_type(b, "max", "int_max", {x, y});
}
ValueId minimum(Builder& b, ValueId x, ValueId y) {
    return by_type(b, "min", "int_min", {x, y});
}
ValueId absolute(Builder& b, ValueId x) {
    return by_type(b, "abs", "int_abs", {x});
}
ValueId scaled(Builder& b, ValueId x, double factor) {
    return factor == 1 ? x : mul(b, x, number(b, x, factor));
}
ValueId select(Builder& b, ValueId condition, ValueId yes, ValueId no) {
    return b.map("select", {condition, yes, no});
}

bool is_half(ElementType type) noexcept {
    return type == ElementType::f16 || type == ElementType::bf16;
}

ValueId widened(Builder& b, ValueId x) {
    return is_half(b.element(x)) ? b.cast(x, ElementType::f32) : x;
}

ValueId mean(Builder& b, ValueId x, const Ints& axes) {
    std::int64_t count = 1;
    for (const auto axis : axes)
        count *= b.shape(x)[static_cast<int>(axis)];
    const ValueId sum = b.reduce("sum", x, axes);
    if (!tensor::is_floating(b.element(x))) return divide(b, sum, number(b, sum, static_cast<double>(count)));
    return count == 1 ? sum : mul(b, sum, number(b, sum, 1.0 / static_cast<double>(count)));
}

ValueId rms_normalised(Builder& b, ValueId x, const Ints& axes, double epsilon) {
    const ValueId power = mean(b, b.map("square", {x}), axes);
    return mul(b, x, b.map("rsqrt", {add(b, power, number(b, power, epsilon))}));
}

ValueId normalised(Builder& b, ValueId x, const Ints& axes, double epsilon) {
    return rms_normalised(b, sub(b, x, mean(b, x, axes)), axes, epsilon);
}

ValueId softmax(Builder& b, ValueId x, const Ints& axes) {
    const ValueId powers = b.map("exp", {sub(b, x, b.reduce("max", x, axes))});
    return divide(b, powers, b.reduce("sum", powers, axes));
}

ValueId log_softmax(Builder& b, ValueId x, const Ints& axes) {
    const ValueId shifted = sub(b, x, b.reduce("max", x, axes));
    return sub(b, shifted, b.map("log", {b.reduce("sum", b.map("exp", {shifted}), axes)}));
}

}  // namespace shoal::importer
