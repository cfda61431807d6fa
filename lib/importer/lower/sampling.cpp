// Operators that read images between their pixels: GridSample, AffineGrid, RoiAlign, DeformConv.
#include <cmath>

#include "base/checked.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"
#include "importer/lower/sampler.hpp"
#include "importer/lower/window.hpp"

namespace shoal::importer {
namespace {

Sampler::Mode mode_of(Context& c) {
    const std::string mode = c.text("mode", "linear");
    if (mode == "nearest") return Sampler::Mode::nearest;
    if (mode == "linear" || mode == "bilinear") return Sampler::Mode::linear;
    if (mode == "cubic" || mode == "bicubic") return Sampler::Mode::cubic;
    c.invalid("mode '", mode, "'");
}

Sampler::Padding padding_of(Context& c) {
    const std::string padding = c.text("padding_mode", "zeros");
    if (padding == "zeros") return Sampler::Padding::zeros;
    if (padding == "border") return Sampler::Padding::border;
    if (padding == "reflection") return Sampler::Padding::reflection;
    c.invalid("padding_mode '", padding, "'");
}

// The grid holds coordinates in [-1, 1], the last axis of the image first.
Values grid_sample(Context& c) {
    Builder& b = c.builder();
    const Shape image = c.shape(0), grid = c.shape(1);
    const int rank = image.rank() - 2;
    c.expect(rank >= 1 && grid.rank() == image.rank() && grid.back() == rank && grid[0] == image[0], "x is ", image,
             ", grid ", grid);
    for (int k = 0; k < rank; ++k)
        c.expect(image[k + 2] > 0, "x is ", image);
    const bool align = c.flag("align_corners", false);
    std::vector<ValueId> places;
    for (int k = 0; k < rank; ++k) {
        const ValueId part = b.slice_axis(c.in(1), rank + 1, rank - 1 - k, 1);
        const ValueId unit = widened(b, squeeze(b, part, {rank + 1}));
        const auto extent = static_cast<double>(image[k + 2]);
        const ValueId shifted = add(b, unit, number(b, unit, 1));
        places.push_back(align ? scaled(b, shifted, (extent - 1) / 2)
                               : sub(b, scaled(b, shifted, extent / 2), number(b, unit, 0.5)));
    }
    const ElementType element = c.element(0);
    const ValueId pixels = tensor::is_floating(element) ? widened(b, c.in(0)) : b.cast(c.in(0), ElementType::f32);
    Sampler sampler(b, channels_last(b, pixels), mode_of(c), padding_of(c), align);
    return {b.cast(channels_first(b, sampler.sample(places)), element)};
}

Values affine_grid(Context& c) {
    Builder& b = c.builder();
    const Ints size = c.ints(1);
    const auto rank = static_cast<int>(size.size()) - 2;
    c.expect((rank == 2 || rank == 3) && c.shape(0) == Shape{size[0], rank, rank + 1}, "theta is ", c.type(0), " for ",
             size.size(), " axes");
    const bool align = c.flag("align_corners", false);
    const Shape spatial(Ints(size.begin() + 2, size.end()));
    // Positions [D.., rank + 1], the last axis first and a 1 behind them.
    Values columns;
    for (int k = rank; k-- > 0;) {
        const auto extent = static_cast<double>(spatial[k]);
        const double step = align ? (extent > 1 ? 2 / (extent - 1) : 0) : 2 / extent;
        columns.push_back(b.iota(c.element(0), spatial, k, align ? -1 : -1 + step / 2, step));
    }
    columns.push_back(b.expand(number(b, c.in(0), 1), spatial));
    for (ValueId& column : columns)
        column = b.reshape(column, Shape{spatial.count(), 1});
    const ValueId grid = b.matmul(b.concat(columns, 1), c.in(0), true);
    Ints extents{size[0]};
    extents.insert(extents.end(), spatial.begin(), spatial.end());
    extents.push_back(rank);
    return {b.reshape(grid, Shape(extents))};
}

// Sampling places that depend on offsets: every tap of the kernel is read like a grid, then it is a matrix product.
Values deform_conv(Context& c) {
    Builder& b = c.builder();
    const Shape x = c.shape(0), w = c.shape(1), offsets = c.shape(2);
    const int rank = x.rank() - 2;
    c.expect(rank >= 1 && w.rank() == x.rank() && offsets.rank() == x.rank(), "x is ", x, ", weights ", w, ", offsets ",
             offsets);
    const SpatialWindow win = spatial_window(c, spatial_extents(x), spatial_extents(w));
    const std::int64_t taps = win.window.taps(), groups = c.integer("group", 1), parts = c.integer("offset_group", 1);
    c.expect(parts > 0 && x[1] % parts == 0 && groups > 0 && x[1] == w[1] * groups && w[0] % groups == 0 &&
                 offsets[1] == parts * taps * rank && offsets[0] == x[0] && spatial_extents(offsets) == win.outputs,
             "x is ", x, ", weights ", w, ", offsets ", offsets, " in ", groups, " and ", parts, " groups");
    const std::int64_t positions = offsets.count(2, offsets.rank()), channels = x[1] / parts;
    const Shape places{x[0], taps, positions};
    const ValueId apart = b.reshape(c.in(2), Shape{x[0], parts, taps, rank, positions});
    const Shape kernel(win.window.kernel), outputs(win.outputs);
    // Where axis k of every tap and position lies without offsets: [1, taps, positions].
    const auto base = [&](int k) {
        const auto at = static_cast<std::size_t>(k);
        const ValueId tap = b.iota(c.element(2), kernel, k, -static_cast<double>(win.window.pads_begin[at]),
                                   static_cast<double>(win.window.dilations[at]));
        const ValueId position = b.iota(c.element(2), outputs, k, 0, static_cast<double>(win.window.strides[at]));
        return add(b, b.reshape(tap, Shape{1, taps, 1}), b.reshape(position, Shape{1, 1, positions}));
    };
    Values sampled;
    for (std::int64_t part = 0; part < parts; ++part) {
        std::vector<ValueId> at;
        const ValueId own = b.slice_axis(apart, 1, part, 1);
        for (int k = 0; k < rank; ++k)
            at.push_back(add(b, b.reshape(b.slice_axis(own, 3, k, 1), places), base(k)));
        const ValueId image = channels_last(b, b.slice_axis(c.in(0), 1, part * channels, channels));
        ValueId values = Sampler(b, image, Sampler::Mode::linear, Sampler::Padding::zeros, true).sample(at);
        if (c.has(4)) {
            const ValueId mask = b.slice_axis(b.reshape(c.in(4), Shape{x[0], parts, taps, positions}), 1, part, 1);
            values = mul(b, values, b.reshape(mask, Shape{x[0], taps, positions, 1}));
        }
        sampled.push_back(values);
    }
    const ValueId columns = b.transpose(b.concat(sampled, 3), {0, 2, 3, 1});  // [N, P, C, taps]
    Values results;
    for (std::int64_t group = 0; group < groups; ++group) {
        const ValueId left =
            b.reshape(b.slice_axis(columns, 2, group * w[1], w[1]), Shape{x[0], positions, w[1] * taps});
        const std::int64_t rows = w[0] / groups;
        const ValueId right = b.reshape(b.slice_axis(c.in(1), 0, group * rows, rows), Shape{rows, w[1] * taps});
        results.push_back(b.matmul(left, right, true));
    }
    ValueId out = b.concat(results, 2);
    if (c.has(3)) out = add(b, out, c.in(3));
    Ints extents{x[0], w[0]};
    extents.insert(extents.end(), win.outputs.begin(), win.outputs.end());
    return {b.reshape(b.transpose(out, {0, 2, 1}), Shape(extents))};
}

// What RoiAlign reads, worked out on the host from the regions: rows of the image and their weights.
struct RoiPlan {
    std::int64_t batch, height, width, rows, columns, sampling;
    double scale;
    bool half_pixel, maximum;

    std::vector<Tensor> tables(const Tensor& regions, const Tensor& images) const;
};

constexpr std::int64_t kMostBins = 1 << 20;  // along one axis

struct Corner {
    std::int64_t row;
    double weight;
};

// The four pixels around (y, x) and their weights, nothing outside of the image.
void corners_of(const RoiPlan& p, double y, double x, std::int64_t first_row, std::vector<Corner>& out) {
    if (!(y >= -1 && y <= static_cast<double>(p.height) && x >= -1 && x <= static_cast<double>(p.width))) {
        out.insert(out.end(), 4, Corner{first_row, 0});
        return;
    }
    const auto split = [](double at, std::int64_t extent, std::int64_t& low, std::int64_t& high) {
        at = std::max(at, 0.0);
        low = std::min(static_cast<std::int64_t>(at), extent - 1);
        high = std::min(low + 1, extent - 1);
        return low == extent - 1 ? 0.0 : at - static_cast<double>(low);
    };
    std::int64_t top = 0, bottom = 0, left = 0, right = 0;
    const double down = split(y, p.height, top, bottom), across = split(x, p.width, left, right);
    out.push_back({first_row + top * p.width + left, (1 - down) * (1 - across)});
    out.push_back({first_row + top * p.width + right, (1 - down) * across});
    out.push_back({first_row + bottom * p.width + left, down * (1 - across)});
    out.push_back({first_row + bottom * p.width + right, down * across});
}

std::vector<Tensor> RoiPlan::tables(const Tensor& regions, const Tensor& images) const {
    constexpr std::int64_t kMostSamples = 1 << 12;  // along one axis of a bin
    constexpr std::int64_t kMostInAll = std::int64_t{1} << 22, kMostInTables = std::int64_t{1} << 24;
    const auto boxes = tensor::to_doubles(regions);
    const auto image = tensor::to_ints(images);
    const std::int64_t bins = rows * columns;
    std::vector<std::vector<Corner>> all;
    std::size_t most = 1;
    std::int64_t most_samples = 1, total = 0;
    for (std::size_t r = 0; r < image.size(); ++r) {
        if (image[r] < 0 || image[r] >= batch)
            base::fail(base::Code::invalid_argument, "region ", r, " lies in image ", image[r], " of ", batch);
        const double shift = half_pixel ? 0.5 : 0;
        const double left = boxes[4 * r] * scale - shift, top = boxes[4 * r + 1] * scale - shift;
        double wide = boxes[4 * r + 2] * scale - shift - left, high = boxes[4 * r + 3] * scale - shift - top;
        if (!half_pixel) wide = std::max(wide, 1.0), high = std::max(high, 1.0);
        const double bin_high = high / static_cast<double>(rows), bin_wide = wide / static_cast<double>(columns);
        const auto samples = [&](double extent) {
            const double count = sampling > 0 ? static_cast<double>(sampling) : std::ceil(extent);
            // A box of NaN has none: fmax takes the number.
            return static_cast<std::int64_t>(std::fmin(std::fmax(count, 0.0), static_cast<double>(kMostSamples)));
        };
        const std::int64_t down = samples(bin_high), across = samples(bin_wide);
        // What `all` will hold, and then the tables: as wide for every bin as for the one with the most samples.
        total += bins * down * across;
        most_samples = std::max(most_samples, down * across);
        const std::int64_t all_bins = bins * static_cast<std::int64_t>(image.size());
        if (total > kMostInAll || most_samples > kMostInTables / std::max<std::int64_t>(all_bins, 1))
            base::fail(base::Code::invalid_argument, "region ", r, " of ", image.size(), " is ", high, " x ", wide,
                       " pixels: more than ", kMostInAll, " samples in all");
        const double share = maximum ? 1 : 1.0 / static_cast<double>(std::max<std::int64_t>(down * across, 1));
        for (std::int64_t bin = 0; bin < bins; ++bin) {
            std::vector<Corner> corners;
            for (std::int64_t i = 0; i < down * across; ++i) {
                const auto at = [](std::int64_t step, double size, std::int64_t count) {
                    return (static_cast<double>(step) + 0.5) * size / static_cast<double>(count);
                };
                const double y = top + static_cast<double>(bin / columns) * bin_high + at(i / across, bin_high, down);
                const double x =
                    left + static_cast<double>(bin % columns) * bin_wide + at(i % across, bin_wide, across);
                corners_of(*this, y, x, image[r] * height * width, corners);
            }
            for (Corner& corner : corners)
                corner.weight *= share;
            if (corners.empty()) corners.push_back({0, 0});
            most = std::max(most, corners.size());
            all.push_back(std::move(corners));
        }
    }
    Ints places;
    std::vector<double> weights;
    for (const auto& corners : all) {
        for (std::size_t i = 0; i < most; ++i) {
            // A maximum is not changed by an element that comes twice, a sum not by a weight of 0.
            const Corner& corner = corners[i < corners.size() ? i : 0];
            places.push_back(corner.row);
            weights.push_back(i < corners.size() || maximum ? corner.weight : 0);
        }
    }
    const auto count = static_cast<std::int64_t>(image.size());
    const Shape shape{count, rows, columns, static_cast<std::int64_t>(most)};
    return {Tensor::of<std::int64_t>(shape, places), tensor::from_doubles(ElementType::f32, shape, weights)};
}

Values roi_align(Context& c) {
    Builder& b = c.builder();
    const Shape x = c.shape(0);
    c.expect(x.rank() == 4 && c.shape(1) == Shape{c.shape(2).count(), 4} && x[2] > 0 && x[3] > 0, "x is ", x, ", rois ",
             c.type(1), ", batch_indices ", c.type(2));
    const std::string mode = c.text("mode", "avg");
    c.expect(mode == "avg" || mode == "max", "mode '", mode, "'");
    const std::string transform =
        c.text("coordinate_transformation_mode", c.opset() < 16 ? "output_half_pixel" : "half_pixel");
    const RoiPlan plan{x[0],
                       x[2],
                       x[3],
                       c.integer("output_height", 1),
                       c.integer("output_width", 1),
                       c.integer("sampling_ratio", 0),
                       c.real("spatial_scale", 1),
                       transform == "half_pixel",
                       mode == "max"};
    c.expect(
        plan.rows > 0 && plan.columns > 0 && plan.rows < kMostBins && plan.columns < kMostBins && plan.sampling < 4096,
        plan.rows, " by ", plan.columns, " bins of ", plan.sampling, " samples");
    c.expect_table(base::checked_mul(c.shape(2).count(), plan.rows * plan.columns, "bins"));
    const Values tables =
        c.on_host({1, 2}, [plan](const std::vector<Tensor>& in) { return plan.tables(in[0], in[1]); });
    const ValueId pixels = b.reshape(channels_last(b, widened(b, c.in(0))), Shape{x[0] * x[2] * x[3], x[1]});
    const ValueId weights = b.cast(tables[1], b.element(pixels));
    const ValueId parts = mul(b, b.gather(pixels, tables[0], 0), unsqueeze(b, weights, {4}));
    const ValueId out = squeeze(b, b.reduce(plan.maximum ? "max" : "sum", parts, {3}), {3});
    return {b.cast(channels_first(b, out), c.element(0))};
}

const Row kRows[] = {
    {"", "AffineGrid", 1, 0, affine_grid},
    {"", "DeformConv", 1, 0, deform_conv},
    {"", "GridSample", 1, 0, grid_sample},
    {"", "RoiAlign", 1, 0, roi_align},
};

}  // namespace

namespace families {
const Family sampling{kRows};
}

}  // namespace shoal::importer
