// Operators that put elements back where windows took them from.
#include "base/checked.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"
#include "importer/lower/rows.hpp"
#include "importer/lower/window.hpp"

namespace shoal::importer {
namespace {

// Adds up overlapping blocks: [N, C * taps, L] -> [N, C, image..].
Values col2im(Context& c) {
    Builder& b = c.builder();
    const Shape x = c.shape(0), image(c.ints(1));
    const SpatialWindow win = spatial_window(c, image.extents(), c.ints(2));
    const auto& w = win.window;
    const std::int64_t taps = w.taps(), blocks = Shape(win.outputs).count();
    c.expect(x.rank() == 3 && x[1] % taps == 0 && x[2] == blocks, "x is ", x, " for ", blocks, " blocks of ", taps);
    c.expect_table(base::checked_mul(taps, blocks));
    const std::int64_t channels = x[1] / taps, pixels = image.count();
    // The pixel of each tap of each block; those in the padding go to a place that is left out.
    Ints places;
    const auto tap_steps = tensor::strides(Shape(w.kernel)), block_steps = tensor::strides(Shape(win.outputs));
    for (std::int64_t tap = 0; tap < taps; ++tap) {
        for (std::int64_t block = 0; block < blocks; ++block) {
            std::int64_t place = 0;
            for (std::size_t k = 0; k < w.kernel.size(); ++k) {
                const std::int64_t at = block / block_steps[k] % win.outputs[k] * w.strides[k] +
                                        tap / tap_steps[k] % w.kernel[k] * w.dilations[k] - w.pads_begin[k];
                const std::int64_t extent = image[static_cast<int>(k)];
                place = place < 0 || at < 0 || at >= extent ? -1 : place * extent + at;
            }
            places.push_back(place < 0 ? pixels : place);
        }
    }
    const ValueId moved = b.transpose(b.reshape(c.in(0), Shape{x[0], channels, taps, blocks}), {2, 3, 0, 1});
    const ValueId empty = b.expand(number(b, c.in(0), 0), Shape{pixels, x[0] * channels});
    const ValueId sums =
        scattered(b, "add", empty, vector_of(b, places), b.reshape(moved, Shape{taps * blocks, x[0] * channels}));
    Ints extents{x[0], channels};
    extents.insert(extents.end(), image.begin(), image.end());
    return {b.reshape(b.transpose(b.reshape(sums, Shape{pixels, x[0], channels}), {1, 2, 0}), Shape(extents))};
}

// The indices count within the shape that follows from the window; a larger output_shape is filled up behind it.
Values max_unpool(Context& c) {
    Builder& b = c.builder();
    const Shape x = c.shape(0);
    const auto rank = static_cast<std::size_t>(std::max(0, x.rank() - 2));
    const Ints kernel = c.ints("kernel_shape"), strides = c.ints("strides", Ints(rank, 1)),
               pads = c.ints("pads", Ints(2 * rank, 0));
    c.expect(
        x.rank() >= 3 && kernel.size() == rank && strides.size() == rank && pads.size() == 2 * rank && c.shape(1) == x,
        "x is ", x, ", indices ", c.type(1), ", a window of ", kernel.size(), " axes");
    Ints extents{x[0], x[1]};
    const auto sane = [](std::int64_t n) { return n >= 0 && n < (std::int64_t{1} << 31); };
    for (std::size_t k = 0; k < rank; ++k) {
        c.expect(sane(kernel[k]) && sane(strides[k]) && sane(pads[k]) && sane(pads[k + rank]), "a window of ",
                 kernel[k], " in steps of ", strides[k], " with padding ", pads[k], " and ", pads[k + rank]);
        const std::int64_t spread = base::checked_mul(x[static_cast<int>(k) + 2] - 1, strides[k], "extent");
        extents.push_back(base::checked_add(spread, kernel[k] - pads[k] - pads[k + rank], "extent"));
    }
    const Shape inferred(extents);
    const ValueId empty = b.expand(number(b, c.in(0), 0), Shape{inferred.count()});
    const Shape flat{x.count()};
    const ValueId places = b.reshape(b.cast(c.in(1), ElementType::i64), flat);
    const ValueId out = b.reshape(scattered(b, "set", empty, places, b.reshape(c.in(0), flat)), inferred);
    if (!c.has(2)) return {out};
    const Shape wanted(c.ints(2));
    c.expect(wanted.rank() == inferred.rank(), "output_shape is ", wanted, ", the window gives ", inferred);
    Ints after;
    for (int k = 0; k < wanted.rank(); ++k) {
        c.expect(wanted[k] >= inferred[k], "output_shape is ", wanted, ", the window gives ", inferred);
        after.push_back(wanted[k] - inferred[k]);
    }
    return {b.pad(out, Ints(after.size(), 0), after)};
}

const Row kRows[] = {
    {"", "Col2Im", 1, 0, col2im},
    {"", "MaxUnpool", 1, 0, max_unpool},
};

}  // namespace

namespace families {
const Family patches{kRows};
}

}  // namespace shoal::importer
