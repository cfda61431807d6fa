// Operators that only move elements: reshape, transpose and what is made of them.
#include <algorithm>
#include <numeric>

#include "base/checked.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

std::vector<Slot> identity(Context& c) {
    c.expect(c.input_count() > 0, "input 0 is left out");
    return {c.slot(0)};
}

// 0 keeps the input's extent (unless allowzero), -1 takes what is left.
Values reshape(Context& c) {
    const auto given = c.ints_from(1, "shape");
    c.expect(given.has_value(), "it is told no shape");
    const Ints& wanted = *given;
    const Shape from = c.shape(0);
    const bool keep_zeros = c.flag("allowzero", false);
    Ints extents;
    std::int64_t known = 1, open = -1;
    for (std::size_t k = 0; k < wanted.size(); ++k) {
        std::int64_t extent = wanted[k];
        if (extent == 0 && !keep_zeros) {
            c.expect(static_cast<int>(k) < from.rank(), "shape entry ", k, " of 0 keeps an axis that ", from, " lacks");
            extent = from[static_cast<int>(k)];
        }
        c.expect(extent >= -1 && (extent != -1 || open < 0), "to shape ", to_string(graph::Attrs{{"shape", wanted}}));
        if (extent == -1)
            open = static_cast<std::int64_t>(k);
        else
            known = base::checked_mul(known, extent, "shape");
        extents.push_back(extent);
    }
    if (open >= 0) {
        c.expect(known > 0 && from.count() % known == 0, from, " does not divide into ", known, " elements");
        extents[static_cast<std::size_t>(open)] = from.count() / known;
    }
    return {c.builder().reshape(c.in(0), Shape(std::move(extents)))};
}

Values flatten(Context& c) {
    const Shape shape = c.shape(0);
    const std::int64_t axis = c.integer("axis", 1);
    const int split = axis == shape.rank() ? shape.rank() : c.axis(axis, shape.rank());
    return {c.builder().reshape(c.in(0), Shape{shape.count(0, split), shape.count(split, shape.rank())})};
}

Values squeeze_axes(Context& c) {
    const Shape shape = c.shape(0);
    const auto given = c.ints_from(1, "axes");
    std::vector<int> axes;
    if (given) {
        axes = c.axes(*given, shape.rank());
    } else {
        for (int axis = 0; axis < shape.rank(); ++axis)
            if (shape[axis] == 1) axes.push_back(axis);
    }
    for (const int axis : axes)
        c.expect(shape[axis] == 1, "axis ", axis, " of ", shape, " is not 1");
    return {squeeze(c.builder(), c.in(0), axes)};
}

Values unsqueeze_axes(Context& c) {
    const auto given = c.ints_from(1, "axes");
    c.expect(given.has_value(), "axes are missing");
    const auto axes = c.axes(*given, c.rank(0) + static_cast<int>(given->size()));
    c.expect(axes.size() == given->size(), "an axis is given twice");
    return {unsqueeze(c.builder(), c.in(0), axes)};
}

Values transpose(Context& c) {
    Ints reversed(static_cast<std::size_t>(c.rank(0)));
    std::iota(reversed.rbegin(), reversed.rend(), 0);
    Ints perm = c.ints("perm", reversed);
    for (auto& axis : perm)
        axis = c.axis(axis, c.rank(0));
    return {c.builder().transpose(c.in(0), std::move(perm))};
}

Values concat(Context& c) {
    Values parts;
    for (int i = 0; i < c.input_count(); ++i)
        parts.push_back(c.in(i));
    c.expect(!parts.empty(), "it has no inputs");
    const std::int64_t axis = c.opset() < 4 ? c.integer("axis", 1) : c.integer("axis");
    return {c.builder().concat(std::move(parts), c.axis(axis, c.rank(0)))};
}

Ints split_sizes(Context& c, std::int64_t extent) {
    if (const auto given = c.ints_from(1, "split")) return *given;
    const auto parts = static_cast<std::int64_t>(c.integer("num_outputs", c.output_count()));
    c.expect(parts > 0 && parts <= c.output_count(), parts, " parts for ", c.output_count(), " outputs");
    const std::int64_t size = base::ceil_div(extent, parts);
    c.expect(c.opset() >= 18 || size * parts == extent, extent, " elements do not divide into ", parts, " parts");
    Ints out;
    for (std::int64_t i = 0, left = extent; i < parts; ++i, left -= out.back())
        out.push_back(std::min(size, left));
    return out;
}

Values split(Context& c) {
    const int axis = c.axis(c.integer("axis", 0), c.rank(0));
    const std::int64_t extent = c.shape(0)[axis];
    const Ints sizes = split_sizes(c, extent);
    Values out;
    std::int64_t begin = 0;
    for (const auto size : sizes) {
        c.expect(size >= 0 && size <= extent - begin, "parts of ", to_string(graph::Attrs{{"sizes", sizes}}), " of ",
                 extent, " elements");
        out.push_back(c.builder().slice_axis(c.in(0), axis, size == 0 ? 0 : begin, size));
        begin += size;
    }
    c.expect(begin == extent, "the parts have ", begin, " of ", extent, " elements");
    return out;
}

Values expand(Context& c) {
    const Shape wanted(c.ints(1));
    return {c.builder().expand(c.in(0), tensor::broadcast(c.shape(0), wanted))};
}

// Every repeated axis gets an axis before it that is expanded, and both become one.
Values tile(Context& c) {
    const Ints repeats = c.ints(1);
    const Shape shape = c.shape(0);
    c.expect(static_cast<int>(repeats.size()) == shape.rank(), repeats.size(), " repeats for ", shape);
    Ints apart, repeated, together;
    for (int axis = 0; axis < shape.rank(); ++axis) {
        const std::int64_t times = repeats[static_cast<std::size_t>(axis)];
        c.expect(times >= 0, "axis ", axis, " is repeated ", times, " times");
        if (times != 1) {
            apart.push_back(1);
            repeated.push_back(times);
        }
        apart.push_back(shape[axis]);
        repeated.push_back(shape[axis]);
        together.push_back(base::checked_mul(shape[axis], times, "extent"));
    }
    Builder& b = c.builder();
    if (apart.size() <= tensor::kMaxRank)
        return {b.reshape(b.expand(b.reshape(c.in(0), Shape(apart)), Shape(repeated)), Shape(together))};
    // One axis after the other, so that three axes are enough.
    Ints extents = shape.extents();
    ValueId out = c.in(0);
    for (int axis = 0; axis < shape.rank(); ++axis) {
        const Shape now(extents);
        const std::int64_t outer = now.count(0, axis), rest = now.count(axis, now.rank());
        out = b.expand(b.reshape(out, Shape{outer, 1, rest}),
                       Shape{outer, repeats[static_cast<std::size_t>(axis)], rest});
        extents[static_cast<std::size_t>(axis)] = together[static_cast<std::size_t>(axis)];
        out = b.reshape(out, Shape(extents));
    }
    return {out};
}

// [N, C, H, W] with C = blocks * C' -> [N, C', H * block, W * block]
Values depth_to_space(Context& c) {
    Builder& b = c.builder();
    const Shape s = c.shape(0);
    const std::int64_t block = c.integer("blocksize");
    c.expect(s.rank() == 4 && block > 0 && block < (1 << 15) && s[1] % (block * block) == 0, s, " with blocks of ",
             block);
    const std::int64_t depth = s[1] / (block * block);
    const bool columns_first = c.text("mode", "DCR") == "CRD";
    const ValueId apart = b.reshape(c.in(0), columns_first ? Shape{s[0], depth, block, block, s[2], s[3]}
                                                           : Shape{s[0], block, block, depth, s[2], s[3]});
    const ValueId moved = b.transpose(apart, columns_first ? Ints{0, 1, 4, 2, 5, 3} : Ints{0, 3, 4, 1, 5, 2});
    return {b.reshape(moved, Shape{s[0], depth, s[2] * block, s[3] * block})};
}

Values space_to_depth(Context& c) {
    Builder& b = c.builder();
    const Shape s = c.shape(0);
    const std::int64_t block = c.integer("blocksize");
    c.expect(s.rank() == 4 && block > 0 && block < (1 << 15) && s[2] % block == 0 && s[3] % block == 0, s,
             " with blocks of ", block);
    const ValueId apart = b.reshape(c.in(0), Shape{s[0], s[1], s[2] / block, block, s[3] / block, block});
    const bool columns_first = c.text("mode", "DCR") == "CRD";
    const ValueId moved = b.transpose(apart, columns_first ? Ints{0, 1, 3, 5, 2, 4} : Ints{0, 3, 5, 1, 2, 4});
    return {b.reshape(moved, Shape{s[0], s[1] * block * block, s[2] / block, s[3] / block})};
}

// At inference nothing is dropped; the mask says so.
Values dropout(Context& c) {
    Builder& b = c.builder();
    const bool training = c.opset() >= 12 && c.has(2) && c.truth(2);
    const double ratio = !training ? 0 : c.has(1) ? c.real(1) : 0.5;
    if (training && ratio != 0) c.unsupported("dropping elements at random, ratio ", ratio);
    Values out{c.in(0)};
    if (c.wants(1)) {
        const ElementType mask = c.opset() >= 10 ? ElementType::boolean : c.element(0);
        out.push_back(b.expand(b.scalar(mask, 1), c.shape(0)));
    }
    return out;
}

const Row kRows[] = {
    {"", "Concat", 1, 0, concat},
    {"", "DepthToSpace", 1, 0, depth_to_space},
    {"", "Dropout", 1, 0, dropout},
    {"", "Expand", 1, 0, expand},
    {"", "Flatten", 1, 0, flatten},
    {.domain = "", .name = "Identity", .since = 1, .until = 0, .lower = nullptr, .lower_slots = identity},
    {"", "Reshape", 1, 0, reshape},
    {"", "SpaceToDepth", 1, 0, space_to_depth},
    {"", "Split", 2, 0, split},
    {"", "Squeeze", 1, 0, squeeze_axes},
    {"", "Tile", 6, 0, tile},
    {"", "Transpose", 1, 0, transpose},
    {"", "Unsqueeze", 1, 0, unsqueeze_axes},
};

}  // namespace

namespace families {
const Family movement{kRows};
}

}  // namespace shoal::importer
