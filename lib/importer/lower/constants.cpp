// Values that stand in the file or follow from shapes alone.
#include <cmath>

#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

Values constant(Context& c) {
    Builder& b = c.builder();
    if (c.has_attribute("value")) return {b.constant(c.tensor("value"))};
    if (c.has_attribute("value_float")) return {b.scalar(ElementType::f32, c.real("value_float"))};
    if (c.has_attribute("value_int")) return {b.constant(Tensor::scalar(c.integer("value_int")))};
    if (c.has_attribute("value_ints")) return {vector_of(b, c.ints("value_ints"))};
    if (c.has_attribute("value_floats")) {
        const auto values = c.reals("value_floats");
        return {table_of(b, ElementType::f32, Shape{static_cast<std::int64_t>(values.size())}, values)};
    }
    c.unsupported("a constant that is text or sparse");
}

Values constant_of_shape(Context& c) {
    const Tensor value = c.has_attribute("value") ? c.tensor("value") : Tensor::scalar(0.0F);
    c.expect(value.count() == 1, "its value is ", value.type(), ", must be one element");
    return {c.builder().expand(c.builder().constant(value.reshaped(Shape{})), Shape(c.ints(0)))};
}

Values shape_of(Context& c) {
    const Shape shape = c.shape(0);
    const auto inside = [&](std::int64_t at) {
        return std::clamp<std::int64_t>(at < 0 ? at + shape.rank() : at, 0, shape.rank());
    };
    const std::int64_t start = inside(c.integer("start", 0)), end = inside(c.integer("end", shape.rank()));
    if (start >= end) return {vector_of(c.builder(), {})};
    return {vector_of(c.builder(), Ints(shape.begin() + start, shape.begin() + end))};
}

Values size_of(Context& c) {
    return {c.builder().constant(Tensor::scalar(c.shape(0).count()))};
}

Values range(Context& c) {
    const ElementType element = c.element(0);
    std::int64_t count = 0;
    double start = 0, step = 0;
    if (tensor::is_floating(element)) {
        start = c.real(0);
        step = c.has(2) ? c.real(2) : 1;
        const double steps = std::ceil((c.real(1) - start) / step);
        c.expect(step != 0 && steps < 1e15, "from ", start, " to ", c.real(1), " in steps of ", step);
        count = steps > 0 ? static_cast<std::int64_t>(steps) : 0;
    } else {
        const std::int64_t first = c.integer(0), last = c.integer(1), delta = c.has(2) ? c.integer(2) : 1;
        constexpr std::int64_t kMost = std::int64_t{1} << 52;
        const auto sane = [](std::int64_t value) { return value > -kMost && value < kMost; };
        c.expect(delta != 0 && sane(first) && sane(last) && sane(delta), "from ", first, " to ", last, " in steps of ",
                 delta);
        count = std::max<std::int64_t>(0, (last - first + delta - (delta > 0 ? 1 : -1)) / delta);
        start = static_cast<double>(first);
        step = static_cast<double>(delta);
    }
    return {c.builder().iota(element, Shape{count}, 0, start, step)};
}

// The row and column numbers of a matrix, to be broadcast against each other.
ValueId row_numbers(Builder& b, std::int64_t rows) {
    return b.iota(ElementType::i64, Shape{rows, 1}, 0);
}
ValueId column_numbers(Builder& b, std::int64_t columns) {
    return b.iota(ElementType::i64, Shape{1, columns}, 1);
}

Values eye_like(Context& c) {
    Builder& b = c.builder();
    const Shape shape = c.shape(0);
    c.expect(shape.rank() == 2, "its input is ", c.type(0), ", must be a matrix");
    const ValueId diagonal =
        add(b, row_numbers(b, shape[0]), b.scalar(ElementType::i64, static_cast<double>(c.integer("k", 0))));
    const ValueId ones = b.map("equal", {diagonal, column_numbers(b, shape[1])});
    return {b.cast(ones, c.element_type("dtype", c.element(0)))};
}

// Keeps what is on or above (upper) or on or below the k-th diagonal.
Values triangle(Context& c) {
    Builder& b = c.builder();
    const Shape shape = c.shape(0);
    c.expect(shape.rank() >= 2, "its input is ", c.type(0), ", must have two axes");
    ValueId diagonal = row_numbers(b, shape[shape.rank() - 2]);
    if (c.has(1)) diagonal = add(b, diagonal, b.reshape(c.in(1), Shape{}));
    const bool upper = c.flag("upper", true);
    const ValueId keep = b.map(upper ? "greater_equal" : "less_equal", {column_numbers(b, shape.back()), diagonal});
    return {select(b, keep, c.in(0), number(b, c.in(0), 0))};
}

Values one_hot(Context& c) {
    Builder& b = c.builder();
    const Tensor depth_value = c.value(1);
    c.expect(depth_value.count() == 1, "depth is ", depth_value.type(), ", must be one number");
    const std::int64_t depth = tensor::element_as_int(depth_value, 0);
    c.expect(depth >= 0, "a depth of ", depth);
    const int axis = c.axis(c.integer("axis", -1), c.rank(0) + 1);
    const ValueId raw = b.cast(c.in(0), ElementType::i64);
    const ValueId wrapped = add(b, raw, b.scalar(ElementType::i64, static_cast<double>(depth)));
    const ValueId index = select(b, b.map("less", {raw, number(b, raw, 0)}), wrapped, raw);
    const ValueId places = along_axis(b, b.iota(ElementType::i64, Shape{depth}, 0), axis, c.rank(0) + 1);
    const ValueId hot = b.map("equal", {unsqueeze(b, index, {axis}), places});
    c.expect(c.shape(2) == Shape{2}, "values are ", c.type(2), ", must be two");
    const ValueId off = b.reshape(b.slice_axis(c.in(2), 0, 0, 1), Shape{});
    const ValueId on = b.reshape(b.slice_axis(c.in(2), 0, 1, 1), Shape{});
    return {select(b, hot, on, off)};
}

const Row kRows[] = {
    {"", "Constant", 1, 0, constant},
    {"", "ConstantOfShape", 1, 0, constant_of_shape},
    {"", "EyeLike", 1, 0, eye_like},
    {"", "OneHot", 1, 0, one_hot},
    {"", "Range", 1, 0, range},
    {"", "Shape", 1, 0, shape_of},
    {"", "Size", 1, 0, size_of},
    {"", "Trilu", 1, 0, triangle},
    {"com.microsoft", "Trilu", 1, 0, triangle},
};

}  // namespace

namespace families {
const Family constants{kRows};
}

}  // namespace shoal::importer
