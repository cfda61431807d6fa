// Slices and padding.
#include <algorithm>
#include <cstdlib>

#include "base/checked.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

// The elements of one axis that start, end and step pick, after Python's rules.
struct Range {
    std::int64_t begin, size, step;
};

Range range_of(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t extent) {
    const bool forward = step > 0;
    const auto inside = [&](std::int64_t index) {
        if (index < 0) index += extent;
        return forward ? std::clamp<std::int64_t>(index, 0, extent) : std::clamp<std::int64_t>(index, -1, extent - 1);
    };
    start = inside(start);
    end = inside(end);
    step = std::clamp<std::int64_t>(step, -std::max<std::int64_t>(extent, 1), std::max<std::int64_t>(extent, 1));
    const std::int64_t distance = forward ? end - start : start - end;
    if (extent == 0 || distance <= 0) return {0, 0, 1};
    return {start, base::ceil_div(distance, std::abs(step)), step};
}

Values slice(Context& c) {
    const Shape shape = c.shape(0);
    const bool attributes = c.opset() < 10;
    const Ints starts = attributes ? c.ints("starts") : c.ints(1), ends = attributes ? c.ints("ends") : c.ints(2);
    c.expect(starts.size() == ends.size() && static_cast<int>(starts.size()) <= shape.rank(), starts.size(),
             " starts and ", ends.size(), " ends for ", shape);
    Ints axes = graph::Ints(starts.size());
    for (std::size_t i = 0; i < axes.size(); ++i)
        axes[i] = static_cast<std::int64_t>(i);
    if (attributes)
        axes = c.ints("axes", axes);
    else if (c.has(3))
        axes = c.ints(3);
    const Ints steps = !attributes && c.has(4) ? c.ints(4) : Ints(starts.size(), 1);
    c.expect(axes.size() == starts.size() && steps.size() == starts.size(), axes.size(), " axes and ", steps.size(),
             " steps for ", starts.size(), " starts");
    Ints begins(shape.extents().size(), 0), sizes = shape.extents(), strides(begins.size(), 1);
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const int axis = c.axis(axes[i], shape.rank());
        c.expect(steps[i] != 0, "a step of 0 along axis ", axis);
        const Range range = range_of(starts[i], ends[i], steps[i], shape[axis]);
        begins[static_cast<std::size_t>(axis)] = range.begin;
        sizes[static_cast<std::size_t>(axis)] = range.size;
        strides[static_cast<std::size_t>(axis)] = range.step;
    }
    return {c.builder().slice(c.in(0), std::move(begins), std::move(sizes), std::move(strides))};
}

// Negative padding cuts off.
ValueId padded(Context& c, Ints before, Ints after, const std::string& mode, double value) {
    Builder& b = c.builder();
    const Shape shape = c.shape(0);
    Ints begins, sizes;
    for (int axis = 0; axis < shape.rank(); ++axis) {
        const auto k = static_cast<std::size_t>(axis);
        c.expect(std::min(before[k], after[k]) > -(std::int64_t{1} << 62), "padding of ", before[k], " and ", after[k]);
        const std::int64_t front = std::max<std::int64_t>(-before[k], 0), back = std::max<std::int64_t>(-after[k], 0);
        c.expect(front <= shape[axis] && back <= shape[axis] - front, "cuts ", front, " and ", back,
                 " elements off axis ", axis, " of ", shape);
        begins.push_back(front);
        sizes.push_back(shape[axis] - front - back);
        before[k] = std::max<std::int64_t>(before[k], 0);
        after[k] = std::max<std::int64_t>(after[k], 0);
    }
    const ValueId cut = b.slice(c.in(0), begins, sizes, Ints(begins.size(), 1));
    return b.pad(cut, std::move(before), std::move(after), mode, value);
}

Values pad(Context& c) {
    const int rank = c.rank(0);
    const Ints pads = c.opset() >= 11 ? c.ints(1) : c.ints(c.opset() >= 2 ? "pads" : "paddings");
    std::vector<int> axes;
    if (c.has(3)) {
        for (const auto axis : c.ints(3))
            axes.push_back(c.axis(axis, rank));
    } else {
        for (int axis = 0; axis < rank; ++axis)
            axes.push_back(axis);
    }
    c.expect(pads.size() == 2 * axes.size(), pads.size(), " pads for ", axes.size(), " axes");
    constexpr std::int64_t kMost = std::int64_t{1} << 40;
    Ints before(static_cast<std::size_t>(rank), 0), after = before;
    const auto sane = [](std::int64_t value) { return value > -kMost && value < kMost; };
    for (std::size_t i = 0; i < axes.size(); ++i) {
        c.expect(sane(pads[i]) && sane(pads[i + axes.size()]), "padding of ", pads[i], " and ", pads[i + axes.size()]);
        before[static_cast<std::size_t>(axes[i])] = pads[i];
        after[static_cast<std::size_t>(axes[i])] = pads[i + axes.size()];
    }
    const double value = c.opset() < 11 ? c.real("value", 0) : c.has(2) && c.type(2).shape.count() > 0 ? c.real(2) : 0;
    return {padded(c, std::move(before), std::move(after), c.text("mode", "constant"), value)};
}

Values center_crop_pad(Context& c) {
    const Shape shape = c.shape(0);
    const Ints wanted = c.ints(1);
    Ints axes = c.ints("axes", all_axes(shape));
    c.expect(axes.size() == wanted.size(), wanted.size(), " extents for ", axes.size(), " axes");
    Ints before(static_cast<std::size_t>(shape.rank()), 0), after = before;
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const int axis = c.axis(axes[i], shape.rank());
        c.expect(wanted[i] >= 0, "an extent of ", wanted[i]);
        const std::int64_t more = wanted[i] - shape[axis];
        // The smaller half of what is cut off or added stands in front.
        const std::int64_t front = more >= 0 ? more / 2 : -(-more / 2);
        before[static_cast<std::size_t>(axis)] = front;
        after[static_cast<std::size_t>(axis)] = more - front;
    }
    return {padded(c, std::move(before), std::move(after), "constant", 0)};
}

const Row kRows[] = {
    {"", "CenterCropPad", 1, 0, center_crop_pad},
    {"", "Pad", 1, 0, pad},
    {"", "Slice", 1, 0, slice},
};

}  // namespace

namespace families {
const Family cutting{kRows};
}

}  // namespace shoal::importer
