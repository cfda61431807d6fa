// Fourier transforms as products with constant tables of cosines and sines; windows and filter banks.
#include <cmath>

#include "base/checked.hpp"
#include "graph/cards.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

constexpr double kTurn = 6.283185307179586;

/// One transform of `length` samples into `bins`, complex numbers as pairs (real, imaginary).
struct Transform {
    std::int64_t length, bins;
    bool inverse = false;
    bool complex_in = true, complex_out = true;
    std::int64_t period = 0;  ///< samples of a whole turn
    /// Only half of the samples are there, the others are their conjugates.
    bool half_in = false;
};

// [length * parts in, bins * parts out]: y = x * table.
std::vector<double> table_of_transform(const Transform& t) {
    const std::int64_t in_parts = t.complex_in ? 2 : 1, out_parts = t.complex_out ? 2 : 1;
    std::vector<double> out(static_cast<std::size_t>(t.length * in_parts * t.bins * out_parts));
    const double scale = t.inverse ? 1.0 / static_cast<double>(t.period) : 1;
    for (std::int64_t n = 0; n < t.length; ++n) {
        // A sample that stands for its conjugate as well counts twice.
        const bool twice = t.half_in && n != 0 && 2 * n != t.period;
        for (std::int64_t k = 0; k < t.bins; ++k) {
            const double angle = kTurn * static_cast<double>(n * k % t.period) / static_cast<double>(t.period);
            const double c = std::cos(angle) * scale * (twice ? 2 : 1);
            const double s = std::sin(angle) * scale * (twice ? 2 : 1) * (t.inverse ? 1 : -1);
            const auto at = [&](std::int64_t part_in, std::int64_t part_out) -> double& {
                return out[static_cast<std::size_t>((n * in_parts + part_in) * t.bins * out_parts + k * out_parts +
                                                    part_out)];
            };
            at(0, 0) = c;
            if (t.complex_out) at(0, 1) = s;
            if (t.complex_in) at(1, 0) = -s;
            if (t.complex_in && t.complex_out) at(1, 1) = c;
        }
    }
    return out;
}

// Cut or filled with zeros to `length` along `axis`.
ValueId fitted_to(Builder& b, ValueId x, int axis, std::int64_t length) {
    const std::int64_t extent = b.shape(x)[axis];
    if (extent >= length) return b.slice_axis(x, axis, 0, length);
    Ints before(b.shape(x).extents().size(), 0), after = before;
    after[static_cast<std::size_t>(axis)] = length - extent;
    return b.pad(x, before, after);
}

Values dft(Context& c) {
    Builder& b = c.builder();
    const Shape shape = c.shape(0);
    const int last = shape.rank() - 1;
    c.expect(last >= 1 && (shape.back() == 1 || shape.back() == 2), "its input is ", c.type(0),
             ", must end in [1] or [2]");
    const std::int64_t axis_given = c.opset() >= 20 ? (c.has(2) ? c.integer(2) : -2) : c.integer("axis", 1);
    const int axis = c.axis(axis_given, shape.rank());
    c.expect(axis != last, "axis ", axis, " holds the parts of the numbers");
    Transform t{};
    t.inverse = c.flag("inverse", false);
    const bool onesided = c.flag("onesided", false);
    t.complex_in = shape.back() == 2;
    c.expect(!onesided || t.complex_in == t.inverse, "one-sided transforms go from real to complex or back");
    t.half_in = onesided && t.inverse;
    t.complex_out = !t.half_in;
    t.period = c.has(1) ? c.integer(1) : t.half_in ? 2 * (shape[axis] - 1) : shape[axis];
    c.expect(t.period > 0 && t.period < (1 << 24), "a length of ", t.period);
    t.length = t.half_in ? t.period / 2 + 1 : t.period;
    t.bins = onesided && !t.inverse ? t.period / 2 + 1 : t.period;
    const std::int64_t rows = t.length * shape.back(), columns = t.bins * (t.complex_out ? 2 : 1);
    c.expect_table(base::checked_mul(rows, columns));
    const ValueId table = table_of(b, c.element(0), Shape{rows, columns}, table_of_transform(t));
    ValueId x = move_axis(b, fitted_to(b, c.in(0), axis, t.length), axis, last - 1);
    Ints extents = b.shape(x).extents();
    extents.resize(extents.size() - 2);
    const std::int64_t batch = Shape(extents).count();
    x = b.matmul(b.reshape(x, Shape{batch, rows}), table);
    extents.insert(extents.end(), {t.bins, t.complex_out ? 2 : 1});
    return {move_axis(b, b.reshape(x, Shape(extents)), last - 1, axis)};
}

// A convolution with the windowed transform as its weights: no frame is ever copied.
Values stft(Context& c) {
    Builder& b = c.builder();
    const Shape signal = c.shape(0);
    c.expect(signal.rank() == 3 && (signal[2] == 1 || signal[2] == 2), "its signal is ", c.type(0));
    const std::int64_t step = c.integer(1);
    const std::int64_t length = c.has(3) ? c.integer(3) : c.has(2) ? c.shape(2).count() : signal[1];
    c.expect(step > 0 && step < (1 << 30) && length > 0 && length <= signal[1], "frames of ", length, " samples, ",
             step, " apart, of ", signal[1]);
    Transform t{};
    t.length = t.period = length;
    t.complex_in = signal[2] == 2;
    t.bins = c.flag("onesided", true) ? length / 2 + 1 : length;
    const std::int64_t rows = length * signal[2], columns = 2 * t.bins;
    c.expect_table(base::checked_mul(rows, columns));
    const ValueId table = table_of(b, c.element(0), Shape{length, signal[2], columns}, table_of_transform(t));
    ValueId weights = b.transpose(table, {2, 0, 1});
    if (c.has(2)) {
        c.expect(c.shape(2) == Shape{length}, "a window of ", c.shape(2), " for frames of ", length);
        weights = mul(b, weights, along_axis(b, c.in(2), 1, 3));
    }
    const ValueId out = b.add(graph::cards::conv, {c.in(0), weights},
                              {{"strides", Ints{step}},
                               {"dilations", Ints{1}},
                               {"pads_begin", Ints{0}},
                               {"pads_end", Ints{0}},
                               {"groups", std::int64_t{1}}})[0];
    const Shape frames = b.shape(out);
    return {b.reshape(out, Shape{frames[0], frames[1], t.bins, 2})};
}

// a0 - a1 cos(w) + a2 cos(2 w)
Values cosine_window(Context& c, double a0, double a1, double a2) {
    const std::int64_t size = c.integer(0);
    c.expect(size >= 0, "a window of ", size);
    c.expect_table(size);
    const auto period = static_cast<double>(c.flag("periodic", true) ? size : size - 1);
    std::vector<double> values;
    for (std::int64_t n = 0; n < size; ++n) {
        const double angle = period > 0 ? kTurn * static_cast<double>(n) / period : 0;
        values.push_back(a0 - a1 * std::cos(angle) + a2 * std::cos(2 * angle));
    }
    return {table_of(c.builder(), c.element_type("output_datatype", ElementType::f32), Shape{size}, values)};
}

Values hann_window(Context& c) {
    return cosine_window(c, 0.5, 0.5, 0);
}
Values hamming_window(Context& c) {
    return cosine_window(c, 25.0 / 46, 21.0 / 46, 0);
}
Values blackman_window(Context& c) {
    return cosine_window(c, 0.42, 0.5, 0.08);
}

// Triangles, evenly spaced in pitch, over the bins of a spectrum.
Values mel_weight_matrix(Context& c) {
    const std::int64_t bands = c.integer(0), length = c.integer(1), rate = c.integer(2);
    c.expect(bands >= 0 && length >= 0 && rate > 0 && bands < (1 << 24) && length < (1 << 24), bands, " bands of ",
             length, " samples at ", rate, " a second");
    const std::int64_t bins = length / 2 + 1;
    c.expect_table(bins * bands);
    const auto pitch = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
    const double low = pitch(c.real(3)), high = pitch(c.real(4));
    std::vector<std::int64_t> edges;
    for (std::int64_t i = 0; i < bands + 2; ++i) {
        const double mel = low + static_cast<double>(i) * (high - low) / static_cast<double>(bands + 2);
        const double hertz = 700 * (std::pow(10, mel / 2595) - 1);
        const double bin = std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate));
        c.expect(bin >= 0 && bin < static_cast<double>(bins), "band ", i, " ends at bin ", bin, " of ", bins);
        edges.push_back(static_cast<std::int64_t>(bin));
    }
    std::vector<double> weights(static_cast<std::size_t>(bins * bands), 0.0);
    for (std::int64_t band = 0; band < bands; ++band) {
        const auto* edge = edges.data() + band;
        const auto at = [&](std::int64_t bin) -> double& {
            return weights[static_cast<std::size_t>(bin * bands + band)];
        };
        at(edge[1]) = 1;
        for (std::int64_t bin = edge[0]; bin < edge[1]; ++bin)
            at(bin) = static_cast<double>(bin - edge[0]) / static_cast<double>(edge[1] - edge[0]);
        for (std::int64_t bin = edge[1]; bin < edge[2]; ++bin)
            at(bin) = static_cast<double>(edge[2] - bin) / static_cast<double>(edge[2] - edge[1]);
    }
    return {table_of(c.builder(), c.element_type("output_datatype", ElementType::f32), Shape{bins, bands}, weights)};
}

const Row kRows[] = {
    {"", "BlackmanWindow", 1, 0, blackman_window},    {"", "DFT", 1, 0, dft},
    {"", "HammingWindow", 1, 0, hamming_window},      {"", "HannWindow", 1, 0, hann_window},
    {"", "MelWeightMatrix", 1, 0, mel_weight_matrix}, {"", "STFT", 1, 0, stft},
};

}  // namespace

namespace families {
const Family signal{kRows};
}

}  // namespace shoal::importer
