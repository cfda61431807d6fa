// Gathers and scatters: the many forms of ONNX become rows of a flat tensor by arithmetic on their indices.
#include "graph/cards.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"
#include "importer/lower/rows.hpp"

namespace shoal::importer {

ValueId wrapped(Builder& b, ValueId index, std::int64_t extent) {
    const auto known = b.is_constant(index) ? tensor::to_ints(b.value_of(index)) : Ints{-1};
    if (std::all_of(known.begin(), known.end(), [](auto value) { return value >= 0; })) return index;
    const ValueId negative = b.map("less", {index, number(b, index, 0)});
    return select(b, negative, add(b, index, number(b, index, static_cast<double>(extent))), index);
}

ValueId scattered(Builder& b, const std::string& fn, ValueId data, ValueId rows, ValueId updates) {
    return b.add(graph::cards::scatter, {data, rows, updates}, {{"fn", fn}})[0];
}

namespace {

Values gather(Context& c) {
    return {c.builder().gather(c.in(0), c.in(1), c.axis(c.integer("axis", 0), c.rank(0)))};
}

// What becomes of an index outside of its axis, as the cards of gather and scatter have it for the one axis that they
// know: reading takes the nearest element, writing leaves it out.
enum class Access { read, write };

// Parts of a place in flattened axes, each an index into one axis: checked one by one, for an index beyond the end of
// its axis is a place in another row.
class Places {
public:
    Places(Builder& b, Access access) : b_(b), access_(access) {}

    void add_index(ValueId index, std::int64_t extent, std::int64_t step) {
        index = wrapped(b_, index, extent);
        if (!surely_inside(index, extent)) {
            const ValueId first = number(b_, index, 0), last = number(b_, index, static_cast<double>(extent - 1));
            if (access_ == Access::read) {
                index = maximum(b_, minimum(b_, index, last), first);
            } else {
                const ValueId inside =
                    b_.map("and", {b_.map("greater_equal", {index, first}), b_.map("less_equal", {index, last})});
                inside_ = inside_ == kNoValue ? inside : b_.map("and", {inside_, inside});
            }
        }
        add_offset(mul(b_, index, number(b_, index, static_cast<double>(step))));
    }
    void add_offset(ValueId offset) { sum_ = sum_ == kNoValue ? offset : add(b_, sum_, offset); }

    // `size`: of all axes together. kNoValue when nothing was added.
    [[nodiscard]] ValueId finish(std::int64_t size) const {
        if (inside_ == kNoValue) return sum_;
        return select(b_, inside_, sum_, number(b_, sum_, static_cast<double>(size)));
    }

private:
    [[nodiscard]] bool surely_inside(ValueId index, std::int64_t extent) const {
        if (!b_.is_constant(index)) return false;
        const Ints known = tensor::to_ints(b_.value_of(index));
        return std::all_of(known.begin(), known.end(), [&](auto value) { return value >= 0 && value < extent; });
    }

    Builder& b_;
    Access access_;
    ValueId sum_ = kNoValue, inside_ = kNoValue;
};

// For every element of `indices` its place in the flat data, where it replaces the coordinate along `axis`.
ValueId flat_places(Context& c, ValueId indices, const Shape& data, int axis, Access access) {
    Builder& b = c.builder();
    const Shape shape = b.shape(indices);
    c.expect(shape.rank() == data.rank(), "indices are ", shape, ", data ", data);
    const auto steps = tensor::strides(data);
    Places out(b, access);
    out.add_index(b.cast(indices, ElementType::i64), data[axis], steps[static_cast<std::size_t>(axis)]);
    for (int k = 0; k < data.rank(); ++k) {
        if (k == axis || shape[k] == 1) continue;
        c.expect(shape[k] <= data[k], "indices are ", shape, ", data ", data);
        const ValueId along =
            b.iota(ElementType::i64, Shape{shape[k]}, 0, 0, static_cast<double>(steps[static_cast<std::size_t>(k)]));
        out.add_offset(along_axis(b, along, k, shape.rank()));
    }
    return out.finish(data.count());
}

Values gather_elements(Context& c) {
    Builder& b = c.builder();
    const Shape data = c.shape(0);
    const ValueId places = flat_places(c, c.in(1), data, c.axis(c.integer("axis", 0), data.rank()), Access::read);
    return {b.gather(b.reshape(c.in(0), Shape{data.count()}), places, 0)};
}

std::string scatter_function(Context& c) {
    const std::string reduction = c.text("reduction", "none");
    c.expect(
        reduction == "none" || reduction == "add" || reduction == "mul" || reduction == "max" || reduction == "min",
        "reduction '", reduction, "'");
    return reduction == "none" ? "set" : reduction;
}

Values scatter_elements(Context& c) {
    Builder& b = c.builder();
    const Shape data = c.shape(0), updates = c.shape(2);
    c.expect(updates == c.shape(1), "updates are ", updates, ", indices ", c.shape(1));
    const ValueId places = flat_places(c, c.in(1), data, c.axis(c.integer("axis", 0), data.rank()), Access::write);
    const Shape flat{updates.count()};
    return {b.reshape(scattered(b, scatter_function(c), b.reshape(c.in(0), Shape{data.count()}),
                                b.reshape(places, flat), b.reshape(c.in(2), flat)),
                      data)};
}

// Index tuples [.., k] into axes [first, first + k) of data -> numbers of rows of data flattened over these axes.
ValueId tuple_rows(Context& c, ValueId tuples, const Shape& data, int first, Access access) {
    Builder& b = c.builder();
    const Shape shape = b.shape(tuples);
    const auto k = static_cast<int>(shape.back());
    c.expect(first + k <= data.rank(), "tuples of ", k, " indices for ", data);
    const ValueId wide = b.cast(tuples, ElementType::i64);
    Places places(b, access);
    for (int axis = 0; axis < k; ++axis) {
        places.add_index(b.slice_axis(wide, shape.rank() - 1, axis, 1), data[first + axis],
                         data.count(first + axis + 1, first + k));
    }
    const ValueId out = places.finish(data.count(first, first + k));
    const Shape rows(Ints(shape.begin(), shape.end() - 1));
    return out == kNoValue ? b.expand(b.scalar(ElementType::i64, 0), rows) : b.reshape(out, rows);
}

Values gather_nd(Context& c) {
    Builder& b = c.builder();
    const Shape data = c.shape(0), indices = c.shape(1);
    const auto batch = static_cast<int>(c.integer("batch_dims", 0));
    c.expect(batch >= 0 && batch < indices.rank() && batch < data.rank(), batch, " batch axes of ", data, " and ",
             indices);
    const int depth = batch + static_cast<int>(std::min<std::int64_t>(indices.back(), data.rank()));
    ValueId rows = tuple_rows(c, c.in(1), data, batch, Access::read);
    if (batch > 0) {
        const std::int64_t images = data.count(0, batch);
        c.expect(indices.count(0, batch) == images, data, " and ", indices, " differ in their batch axes");
        const ValueId starts =
            b.iota(ElementType::i64, Shape{images, 1}, 0, 0, static_cast<double>(data.count(batch, depth)));
        const Shape shape = b.shape(rows);
        rows = b.reshape(add(b, b.reshape(rows, Shape{images, shape.count(batch, shape.rank())}), starts), shape);
    }
    Ints flat{data.count(0, depth)};
    flat.insert(flat.end(), data.begin() + depth, data.end());
    return {b.gather(b.reshape(c.in(0), Shape(flat)), rows, 0)};
}

Values scatter_nd(Context& c) {
    Builder& b = c.builder();
    const Shape data = c.shape(0), indices = c.shape(1);
    c.expect(indices.rank() >= 1 && indices.back() <= data.rank(), "indices are ", indices, ", data ", data);
    const auto depth = static_cast<int>(indices.back());
    const std::int64_t row = data.count(depth, data.rank()), count = indices.count(0, indices.rank() - 1);
    c.expect(c.shape(2).count() == count * row, "updates are ", c.type(2), " for ", count, " rows of ", row);
    const ValueId rows = b.reshape(tuple_rows(c, c.in(1), data, 0, Access::write), Shape{count});
    return {b.reshape(scattered(b, scatter_function(c), b.reshape(c.in(0), Shape{data.count(0, depth), row}), rows,
                                b.reshape(c.in(2), Shape{count, row})),
                      data)};
}

// The first lengths[n] elements of every sequence in reverse order.
Values reverse_sequence(Context& c) {
    Builder& b = c.builder();
    const int rank = c.rank(0);
    const int batch = c.axis(c.integer("batch_axis", 1), rank), time = c.axis(c.integer("time_axis", 0), rank);
    c.expect(rank >= 2 && batch != time, "batch axis ", batch, " and time axis ", time);
    const int time_then = time + (time < batch ? 1 : 0);  // where the time axis lies once the batch axis is in front
    const ValueId x = move_axis(b, move_axis(b, c.in(0), batch, 0), time_then, 1);
    const Shape shape = b.shape(x);
    const ValueId steps = b.iota(ElementType::i64, Shape{1, shape[1]}, 1);
    const ValueId lengths = b.reshape(b.cast(c.in(1), ElementType::i64), Shape{shape[0], 1});
    const ValueId turned = sub(b, sub(b, lengths, number(b, lengths, 1)), steps);
    const ValueId from = select(b, b.map("less", {steps, lengths}), turned, steps);
    const ValueId starts = b.iota(ElementType::i64, Shape{shape[0], 1}, 0, 0, static_cast<double>(shape[1]));
    const ValueId rows = b.reshape(x, Shape{shape[0] * shape[1], shape.count(2, rank)});
    const ValueId out = b.reshape(b.gather(rows, add(b, from, starts), 0), shape);
    return {move_axis(b, move_axis(b, out, 1, time_then), 0, batch)};
}

// Writes `update` into the cache from write_indices[n] on.
Values tensor_scatter(Context& c) {
    Builder& b = c.builder();
    const Shape cache = c.shape(0), update = c.shape(1);
    const int axis = c.axis(c.integer("axis", -2), cache.rank());
    c.expect(axis > 0 && update.rank() == cache.rank(), "axis ", axis, " of ", cache, " and ", update);
    const ValueId start =
        c.has(2) ? b.cast(c.in(2), ElementType::i64) : b.expand(b.scalar(ElementType::i64, 0), Shape{cache[0]});
    return {written(b, c.in(0), c.in(1), start, axis, c.text("mode", "linear") == "circular")};
}

}  // namespace

ValueId written(Builder& b, ValueId cache, ValueId update, ValueId start, int axis, bool circular) {
    const ValueId old = move_axis(b, cache, axis, 1), fresh = move_axis(b, update, axis, 1);
    const Shape to = b.shape(old), from = b.shape(fresh);
    const std::int64_t row = to.count(2, to.rank());
    ValueId places = add(b, b.reshape(start, Shape{to[0], 1}), b.iota(ElementType::i64, Shape{1, from[1]}, 1));
    if (circular) places = b.map("int_mod", {places, number(b, places, static_cast<double>(to[1]))});
    const ValueId inside = b.map("and", {b.map("greater_equal", {places, number(b, places, 0)}),
                                         b.map("less", {places, number(b, places, static_cast<double>(to[1]))})});
    places = add(b, places, b.iota(ElementType::i64, Shape{to[0], 1}, 0, 0, static_cast<double>(to[1])));
    places = select(b, inside, places, number(b, places, static_cast<double>(to[0] * to[1])));
    const ValueId out =
        scattered(b, "set", b.reshape(old, Shape{to[0] * to[1], row}), b.reshape(places, Shape{from[0] * from[1]}),
                  b.reshape(fresh, Shape{from[0] * from[1], row}));
    return move_axis(b, b.reshape(out, to), 1, axis);
}

namespace {

const Row kRows[] = {
    {"", "Gather", 1, 0, gather},
    {"", "GatherElements", 1, 0, gather_elements},
    {"", "GatherND", 1, 0, gather_nd},
    {"", "ReverseSequence", 1, 0, reverse_sequence},
    {"", "Scatter", 1, 0, scatter_elements},
    {"", "ScatterElements", 1, 0, scatter_elements},
    {"", "ScatterND", 1, 0, scatter_nd},
    {"", "TensorScatter", 1, 0, tensor_scatter},
};

}  // namespace

namespace families {
const Family indexing{kRows};
}

}  // namespace shoal::importer
