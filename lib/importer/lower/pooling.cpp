// Pools over windows and over everything.
#include <algorithm>
#include <cmath>

#include "base/checked.hpp"
#include "graph/cards.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"
#include "importer/lower/window.hpp"

namespace shoal::importer {
namespace {

SpatialWindow pool_window(Context& c) {
    c.expect(c.rank(0) >= 3, "its input is ", c.type(0), ", must be [N, C, D..]");
    return spatial_window(c, spatial_extents(c.shape(0)), c.ints("kernel_shape"));
}

// x [N, D.., C] -> [N, P.., C]
ValueId pooled(Builder& b, const char* fn, const SpatialWindow& w, ValueId x) {
    return b.add(graph::cards::pool, {x}, w.attrs().set("kernel", w.window.kernel).set("fn", std::string(fn)))[0];
}

// 1 / how many elements each window of one axis counts.
std::vector<double> shares(const SpatialWindow& w, std::size_t k, std::int64_t extent, bool padding_counts) {
    const auto& win = w.window;
    const std::int64_t low = padding_counts ? -win.pads_begin[k] : 0;
    const std::int64_t high = extent + (padding_counts ? w.declared_end[k] : 0);
    std::vector<double> out;
    for (std::int64_t p = 0; p < w.outputs[k]; ++p) {
        const std::int64_t begin = p * win.strides[k] - win.pads_begin[k];
        // How many taps lie before `end`.
        const auto taps_before = [&](std::int64_t end) {
            return end <= begin ? 0 : std::min(win.kernel[k], base::ceil_div(end - begin, win.dilations[k]));
        };
        const std::int64_t count = std::max<std::int64_t>(taps_before(high) - taps_before(low), 0);
        out.push_back(count > 0 ? 1.0 / static_cast<double>(count) : 0);
    }
    return out;
}

// Divides sums over windows [N, P.., C] by what they count: the counts of a box are the product of those of its sides.
ValueId averaged(Context& c, const SpatialWindow& w, ValueId sums, bool padding_counts) {
    Builder& b = c.builder();
    double common = 1;
    for (std::size_t k = 0; k < w.outputs.size(); ++k) {
        c.expect_table(w.outputs[k]);
        const auto values = shares(w, k, spatial_extents(c.shape(0))[k], padding_counts);
        if (std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; })) {
            if (!values.empty()) common *= values[0];
            continue;
        }
        const ValueId table = table_of(b, b.element(sums), Shape{w.outputs[k]}, values);
        sums = mul(b, sums, along_axis(b, table, static_cast<int>(k) + 1, b.shape(sums).rank()));
    }
    return scaled(b, sums, common);
}

Values average_pool(Context& c) {
    Builder& b = c.builder();
    const SpatialWindow w = pool_window(c);
    const ValueId sums = pooled(b, "sum", w, channels_last(b, widened(b, c.in(0))));
    const ValueId means = averaged(c, w, sums, c.flag("count_include_pad", false));
    return {b.cast(channels_first(b, means), c.element(0))};
}

// Positions within the whole of x: those of the core language count within one channel, last axis fastest.
ValueId global_positions(Context& c, ValueId local, bool columns_first) {
    Builder& b = c.builder();
    const Shape x = c.shape(0);
    const std::int64_t volume = x.count(2, x.rank());
    if (columns_first) {
        // Take the position apart, last axis first, and put it together with the first axis fastest.
        ValueId rest = local, turned = number(b, local, 0);
        for (int axis = x.rank() - 1; axis >= 2; --axis) {
            const ValueId extent = number(b, local, static_cast<double>(x[axis]));
            const ValueId coordinate = b.map("int_rem", {rest, extent});
            rest = divide(b, rest, extent);
            turned = add(b, turned, mul(b, coordinate, number(b, local, static_cast<double>(x.count(2, axis)))));
        }
        local = turned;
    }
    const auto planes = static_cast<double>(volume);
    const ValueId image = b.iota(ElementType::i64, Shape{x[0]}, 0, 0, planes * static_cast<double>(x[1]));
    const ValueId channel = b.iota(ElementType::i64, Shape{x[1]}, 0, 0, planes);
    return add(b, add(b, local, along_axis(b, channel, 1, x.rank())), along_axis(b, image, 0, x.rank()));
}

Values max_pool(Context& c) {
    Builder& b = c.builder();
    const SpatialWindow w = pool_window(c);
    const ValueId x = channels_last(b, c.in(0));
    Values out{channels_first(b, pooled(b, "max", w, x))};
    if (c.wants(1)) {
        const ValueId local = channels_first(b, pooled(b, "argmax", w, x));
        out.push_back(global_positions(c, local, c.flag("storage_order", false)));
    }
    return out;
}

// (sum |x|^p)^(1/p) of what a window or everything holds.
double norm_order(Context& c) {
    return c.opset() < 2 ? c.real("p", 2) : static_cast<double>(c.integer("p", 2));
}
ValueId powered(Builder& b, ValueId x, double p) {
    x = absolute(b, x);
    return p == 1 ? x : p == 2 ? b.map("square", {x}) : b.map("pow", {x, number(b, x, p)});
}
ValueId rooted(Builder& b, ValueId x, double p) {
    return p == 1 ? x : p == 2 ? b.map("sqrt", {x}) : b.map("pow", {x, number(b, x, 1 / p)});
}

Values lp_pool(Context& c) {
    Builder& b = c.builder();
    const double p = norm_order(c);
    const ValueId sums = pooled(b, "sum", pool_window(c), channels_last(b, powered(b, widened(b, c.in(0)), p)));
    return {b.cast(channels_first(b, rooted(b, sums, p)), c.element(0))};
}

Values global_average_pool(Context& c) {
    Builder& b = c.builder();
    return {b.cast(mean(b, widened(b, c.in(0)), all_axes(c.shape(0), 2)), c.element(0))};
}

Values global_max_pool(Context& c) {
    return {c.builder().reduce("max", c.in(0), all_axes(c.shape(0), 2))};
}

Values global_lp_pool(Context& c) {
    Builder& b = c.builder();
    const double p = norm_order(c);
    const ValueId sums = b.reduce("sum", powered(b, widened(b, c.in(0)), p), all_axes(c.shape(0), 2));
    return {b.cast(rooted(b, sums, p), c.element(0))};
}

const Row kRows[] = {
    {"", "AveragePool", 1, 0, average_pool},
    {"", "GlobalAveragePool", 1, 0, global_average_pool},
    {"", "GlobalLpPool", 1, 0, global_lp_pool},
    {"", "GlobalMaxPool", 1, 0, global_max_pool},
    {"", "LpPool", 1, 0, lp_pool},
    {"", "MaxPool", 1, 0, max_pool},
};

}  // namespace

namespace families {
const Family pooling{kRows};
}

}  // namespace shoal::importer
