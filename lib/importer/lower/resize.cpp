// Resize and Upsample: separable, so one axis after the other. Along an axis every output position is a weighted sum of
// a few input positions, which are known here and now: gathers with constant indices and weights.
// Source: ONNX operator Resize, version 19 (coordinate transformations, filters, antialiasing).
#include <cmath>

#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

struct Settings {
    std::string mode, transform, nearest;
    double cubic_a = -0.75, extrapolation = 0;
    bool exclude_outside = false, antialias = false;
};

/// How one axis is resized.
struct AxisPlan {
    std::int64_t input = 0, output = 0;
    double scale = 1, roi_start = 0, roi_end = 1;
};

// Where output position i lies in the input, as a real number.
template <class Real>
Real source_of(const Settings& s, const AxisPlan& a, std::int64_t i) {
    constexpr Real kHalf{0.5};
    const auto x = static_cast<Real>(i), in = static_cast<Real>(a.input), scale = static_cast<Real>(a.scale);
    // Need not be whole, but is where the output's size was given: the product must not round it away from there.
    const auto out = static_cast<Real>(a.scale * static_cast<double>(a.input));
    if (s.transform == "align_corners") return out == 1 ? 0 : x * (in - 1) / (out - 1);
    if (s.transform == "asymmetric") return x / scale;
    if (s.transform == "tf_half_pixel_for_nn") return (x + kHalf) / scale;
    if (s.transform == "tf_crop_and_resize") {
        const auto whole = static_cast<Real>(a.output), start = static_cast<Real>(a.roi_start);
        const Real span = (static_cast<Real>(a.roi_end) - start) * (in - 1);
        return start * (in - 1) + (whole == 1 ? span / 2 : x * span / (whole - 1));
    }
    if (s.transform == "pytorch_half_pixel" && a.output == 1) return 0;
    const Real offset =
        s.transform == "half_pixel_symmetric" ? in / 2 * (1 - static_cast<Real>(a.output) / out) : Real{0};
    return offset + (x + kHalf) / scale - kHalf;
}

// Which of two equally near neighbours is taken depends on the rounding of what leads there: exporters' frameworks and
// ONNX's reference compute it in f32, so that is what is meant.
double position_of(const Settings& s, const AxisPlan& a, std::int64_t i) {
    return s.mode == "nearest" ? static_cast<double>(source_of<float>(s, a, i)) : source_of<double>(s, a, i);
}

std::int64_t nearest_of(const Settings& s, const AxisPlan& a, double x) {
    // Before version 11 rounding followed the direction.
    if (s.nearest == "simple") return static_cast<std::int64_t>(a.scale < 1 ? std::ceil(x) : std::floor(x));
    const double rounded = s.nearest == "floor"               ? std::floor(x)
                           : s.nearest == "ceil"              ? std::ceil(x)
                           : s.nearest == "round_prefer_ceil" ? std::floor(x + 0.5)
                                                              : std::ceil(x - 0.5);
    return static_cast<std::int64_t>(rounded);
}

// The interpolation kernel at distance t.
double weight_at(const Settings& s, double t) {
    t = std::abs(t);
    if (s.mode == "linear") return std::max(0.0, 1 - t);
    const double a = s.cubic_a;
    if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/// For each output position the same number of input positions and weights, row by row.
struct Taps {
    std::int64_t each = 1;
    Ints indices;
    std::vector<double> weights;
    std::vector<bool> outside;  ///< positions that show the extrapolation value
};

Taps taps_of(Context& c, const Settings& s, const AxisPlan& a) {
    const bool nearest = s.mode == "nearest";
    const double stretch = s.antialias ? std::min(a.scale, 1.0) : 1;  // of the kernel
    const double radius = (s.mode == "linear" ? 1 : 2) / stretch;
    Taps out;
    out.each = nearest ? 1 : 2 * static_cast<std::int64_t>(std::fmin(std::ceil(radius), 0x1p40));  // then no table fits
    c.expect_table(a.output > 0 ? std::max(out.each, out.each * a.output) : 0);
    for (std::int64_t i = 0; i < a.output; ++i) {
        const double x = position_of(s, a, i);
        out.outside.push_back(s.transform == "tf_crop_and_resize" &&
                              !(x >= 0 && x <= static_cast<double>(a.input - 1)));
        const auto inside = [&](std::int64_t at) { return std::clamp<std::int64_t>(at, 0, a.input - 1); };
        const double safe = std::isnan(x) ? 0 : std::clamp(x, -4e18, 4e18);
        if (nearest) {
            out.indices.push_back(inside(nearest_of(s, a, safe)));
            out.weights.push_back(1);
            continue;
        }
        const auto first = static_cast<std::int64_t>(std::floor(safe)) - out.each / 2 + 1;
        double total = 0;
        std::vector<double> weights;
        for (std::int64_t tap = 0; tap < out.each; ++tap) {
            const std::int64_t at = first + tap;
            const bool counts = !s.exclude_outside || (at >= 0 && at < a.input);
            weights.push_back(counts ? weight_at(s, (static_cast<double>(at) - safe) * stretch) : 0);
            total += weights.back();
            out.indices.push_back(inside(at));
        }
        const bool rescaled = (s.exclude_outside || s.antialias) && total != 0;
        for (const double weight : weights)
            out.weights.push_back(rescaled ? weight / total : weight);
    }
    return out;
}

// Few taps are summed up one by one, many of an antialiasing filter at once.
ValueId interpolated(Context& c, ValueId x, int axis, const Taps& taps, std::int64_t output) {
    Builder& b = c.builder();
    const int rank = b.shape(x).rank();
    if (taps.each > 4) {
        const ValueId places = b.constant(Tensor::of<std::int64_t>(Shape{output, taps.each}, taps.indices));
        Ints shape(static_cast<std::size_t>(rank) + 1, 1);
        shape[static_cast<std::size_t>(axis)] = output;
        shape[static_cast<std::size_t>(axis) + 1] = taps.each;
        const ValueId weights = table_of(b, b.element(x), Shape(shape), taps.weights);
        return squeeze(b, b.reduce("sum", mul(b, b.gather(x, places, axis), weights), {axis + 1}), {axis + 1});
    }
    ValueId sum = kNoValue;
    for (std::int64_t tap = 0; tap < taps.each; ++tap) {
        Ints places;
        std::vector<double> weights;
        for (std::int64_t i = 0; i < output; ++i) {
            places.push_back(taps.indices[static_cast<std::size_t>(i * taps.each + tap)]);
            weights.push_back(taps.weights[static_cast<std::size_t>(i * taps.each + tap)]);
        }
        if (taps.each > 1 && std::all_of(weights.begin(), weights.end(), [](double w) { return w == 0; })) continue;
        ValueId part = b.gather(x, vector_of(b, places), axis);
        if (!std::all_of(weights.begin(), weights.end(), [](double w) { return w == 1; })) {
            const ValueId table = table_of(b, b.element(x), Shape{output}, weights);
            part = mul(b, part, along_axis(b, table, axis, rank));
        }
        sum = sum == kNoValue ? part : add(b, sum, part);
    }
    return sum == kNoValue ? b.gather(x, vector_of(b, Ints(static_cast<std::size_t>(output), 0)), axis) : sum;
}

ValueId resized(Context& c, const Settings& s, const std::vector<AxisPlan>& plan) {
    Builder& b = c.builder();
    const ElementType element = c.element(0);
    // Nearest neighbours only move; everything else is computed in floats.
    const bool moves = s.mode == "nearest" && s.transform != "tf_crop_and_resize";
    ValueId x = c.in(0);
    if (!moves) x = tensor::is_floating(element) ? widened(b, x) : b.cast(x, ElementType::f32);
    for (std::size_t k = 0; k < plan.size(); ++k) {
        const AxisPlan& a = plan[k];
        const auto axis = static_cast<int>(k);
        if (a.input == a.output && a.scale == 1 && a.roi_start == 0 && a.roi_end == 1) continue;
        c.expect(a.input > 0 || a.output == 0, "axis ", axis, " is empty");
        const Taps taps = taps_of(c, s, a);
        x = interpolated(c, x, axis, taps, a.output);
        if (std::find(taps.outside.begin(), taps.outside.end(), true) == taps.outside.end()) continue;
        const std::vector<double> mask(taps.outside.begin(), taps.outside.end());
        const ValueId hidden = table_of(b, ElementType::boolean, Shape{a.output}, mask);
        x = select(b, along_axis(b, hidden, axis, b.shape(x).rank()), number(b, x, s.extrapolation), x);
    }
    return b.cast(x, element);
}

std::int64_t scaled_extent(Context& c, std::int64_t extent, double scale) {
    c.expect(scale > 0 && scale < 1e9, "a scale of ", scale);
    // In single precision, as the shape rule of ONNX has it.
    const float out = std::floor(static_cast<float>(extent) * static_cast<float>(scale));
    c.expect(out < 1e15F, "extent ", extent, " scaled by ", scale);
    return static_cast<std::int64_t>(out);
}

// All axes, those that `axes` leaves out unchanged; each entry is set from position i of its list.
template <class Set>
std::vector<AxisPlan> plan_of(Context& c, std::size_t given, const Ints& axes, Set&& set) {
    const Shape shape = c.shape(0);
    std::vector<AxisPlan> out;
    for (const auto extent : shape)
        out.push_back({extent, extent});
    c.expect(given == axes.size(), given, " sizes or scales for ", axes.size(), " axes");
    for (std::size_t i = 0; i < axes.size(); ++i)
        set(out[static_cast<std::size_t>(c.axis(axes[i], shape.rank()))], i);
    return out;
}

void apply_scales(Context& c, std::vector<AxisPlan>& plan) {
    for (AxisPlan& a : plan)
        a.output = a.scale == 1 ? a.input : scaled_extent(c, a.input, a.scale);
}

std::vector<AxisPlan> plan_by_sizes(Context& c, const Ints& sizes, const Ints& axes) {
    const std::string policy = c.text("keep_aspect_ratio_policy", "stretch");
    auto plan = plan_of(c, sizes.size(), axes, [&](AxisPlan& a, std::size_t i) {
        c.expect(sizes[i] >= 0 && sizes[i] < (std::int64_t{1} << 40), "a size of ", sizes[i]);
        a.output = sizes[i];
        a.scale = a.input > 0 ? static_cast<double>(a.output) / static_cast<double>(a.input) : 1;
    });
    if (policy == "stretch" || axes.empty()) return plan;
    c.expect(policy == "not_larger" || policy == "not_smaller", "keep_aspect_ratio_policy '", policy, "'");
    double common = policy == "not_larger" ? HUGE_VAL : 0;
    for (const auto axis : axes) {
        const double scale = plan[static_cast<std::size_t>(c.axis(axis, c.rank(0)))].scale;
        common = policy == "not_larger" ? std::min(common, scale) : std::max(common, scale);
    }
    for (const auto axis : axes) {
        AxisPlan& a = plan[static_cast<std::size_t>(c.axis(axis, c.rank(0)))];
        a.scale = common;
        a.output = static_cast<std::int64_t>(common * static_cast<double>(a.input) + 0.5);
    }
    return plan;
}

Values resize(Context& c) {
    const bool early = c.opset() < 11;  // X, scales; no attributes but the mode
    Settings s;
    s.mode = c.text("mode", "nearest");
    if (s.mode == "bilinear") s.mode = "linear";
    c.expect(s.mode == "nearest" || s.mode == "linear" || s.mode == "cubic", "mode '", s.mode, "'");
    s.transform = early ? "asymmetric" : c.text("coordinate_transformation_mode", "half_pixel");
    s.nearest = early ? "simple" : c.text("nearest_mode", "round_prefer_floor");
    s.cubic_a = c.real("cubic_coeff_a", -0.75);
    s.extrapolation = c.real("extrapolation_value", 0);
    s.exclude_outside = c.flag("exclude_outside", false);
    s.antialias = c.flag("antialias", false);
    const Ints axes = c.ints("axes", all_axes(c.shape(0)));

    const int scales_input = early ? 1 : 2;
    const bool by_sizes = !early && c.has(3) && c.shape(3).count() > 0;
    std::vector<AxisPlan> plan;
    if (by_sizes) {
        plan = plan_by_sizes(c, c.ints(3), axes);
    } else {
        const auto scales = c.opset() < 9 ? c.reals("scales") : c.reals(scales_input);
        plan = plan_of(c, scales.size(), axes, [&](AxisPlan& a, std::size_t i) { a.scale = scales[i]; });
    }
    if (s.transform == "tf_crop_and_resize") {
        const auto roi = c.reals(1);
        c.expect(roi.size() == 2 * axes.size(), "roi has ", roi.size(), " entries for ", axes.size(), " axes");
        for (std::size_t i = 0; i < axes.size(); ++i) {
            AxisPlan& a = plan[static_cast<std::size_t>(c.axis(axes[i], c.rank(0)))];
            a.roi_start = roi[i];
            a.roi_end = roi[i + axes.size()];
        }
    }
    if (!by_sizes) apply_scales(c, plan);
    return {resized(c, s, plan)};
}

const Row kRows[] = {
    {"", "Resize", 1, 0, resize},
    {"", "Upsample", 7, 10, resize},
};

}  // namespace

namespace families {
const Family resize{kRows};
}

}  // namespace shoal::importer
