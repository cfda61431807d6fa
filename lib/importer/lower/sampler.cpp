#include "importer/lower/sampler.hpp"

#include "importer/compose.hpp"

namespace shoal::importer {

Sampler::Sampler(Builder& b, ValueId image, Mode mode, Padding padding, bool align_corners)
    : b_(b), image_(b.shape(image)), mode_(mode), padding_(padding), align_corners_(align_corners) {
    rows_ = b.reshape(image, Shape{image_.count(0, image_.rank() - 1), image_.back()});
}

// The triangle wave that folds every place back between the borders.
ValueId Sampler::reflected(ValueId place, std::int64_t extent) {
    const double low = align_corners_ ? 0 : -0.5, span = static_cast<double>(extent) - (align_corners_ ? 1 : 0);
    if (span <= 0) return mul(b_, place, number(b_, place, 0));
    const ValueId along = b_.map("floor_mod", {sub(b_, place, number(b_, place, low)), number(b_, place, 2 * span)});
    const ValueId folded = absolute(b_, sub(b_, along, number(b_, place, span)));
    return sub(b_, number(b_, place, low + span), folded);
}

// `index` is of floats, whole numbers, perhaps outside of the axis.
Sampler::Tap Sampler::tap(ValueId index, std::optional<ValueId> weight, std::int64_t extent) {
    const auto last = static_cast<double>(extent - 1);
    if (padding_ == Padding::reflection) index = b_.map("round", {reflected(index, extent)});
    const ValueId inside = b_.map("clip", {index}, 0, last);
    if (padding_ == Padding::zeros) {
        const ValueId counts = b_.cast(b_.map("equal", {index, inside}), b_.element(index));
        weight = weight ? mul(b_, *weight, counts) : counts;
    }
    return {b_.cast(inside, ElementType::i64), weight};
}

std::vector<Sampler::Tap> Sampler::taps(ValueId place, std::int64_t extent) {
    if (mode_ == Mode::nearest) place = b_.map("round", {place});
    if (padding_ == Padding::border && mode_ != Mode::cubic)
        place = b_.map("clip", {place}, 0, static_cast<double>(extent - 1));
    if (padding_ == Padding::reflection) place = reflected(place, extent);
    if (mode_ == Mode::nearest) return {tap(b_.map("round", {place}), std::nullopt, extent)};
    const ValueId low = b_.map("floor", {place}), fraction = sub(b_, place, low);
    const auto constant = [&](double value) { return number(b_, place, value); };
    const auto shifted = [&](int by) { return add(b_, low, constant(by)); };
    const ValueId rest = sub(b_, constant(1), fraction);
    if (mode_ == Mode::linear) return {tap(low, rest, extent), tap(shifted(1), fraction, extent)};
    // Keys' kernel with a = -0.75, near (distance t <= 1) and far (1 < t <= 2).
    constexpr double a = -0.75;
    const auto polynomial = [&](ValueId t, double c3, double c2, double c1, double c0) {
        ValueId out = add(b_, scaled(b_, t, c3), constant(c2));
        out = add(b_, mul(b_, out, t), constant(c1));
        return add(b_, mul(b_, out, t), constant(c0));
    };
    const auto near = [&](ValueId t) { return polynomial(t, a + 2, -(a + 3), 0, 1); };
    const auto far = [&](ValueId t) { return polynomial(add(b_, t, constant(1)), a, -5 * a, 8 * a, -4 * a); };
    return {tap(shifted(-1), far(fraction), extent), tap(low, near(fraction), extent),
            tap(shifted(1), near(rest), extent), tap(shifted(2), far(rest), extent)};
}

ValueId Sampler::gathered(const std::vector<std::vector<Tap>>& taps, std::size_t axis, ValueId row) {
    if (axis == taps.size()) return b_.gather(rows_, row, 0);
    const auto step = static_cast<double>(image_.count(static_cast<int>(axis) + 2, image_.rank() - 1));
    ValueId sum = graph::kNoValue;
    for (const Tap& tap : taps[axis]) {
        ValueId part = gathered(taps, axis + 1, add(b_, row, scaled(b_, tap.index, step)));
        if (tap.weight) {
            const ValueId weight = b_.cast(*tap.weight, b_.element(rows_));
            part = mul(b_, part, unsqueeze(b_, weight, {b_.shape(weight).rank()}));
        }
        sum = sum == graph::kNoValue ? part : add(b_, sum, part);
    }
    return sum;
}

ValueId Sampler::sample(const std::vector<ValueId>& places) {
    std::vector<std::vector<Tap>> all;
    for (std::size_t k = 0; k < places.size(); ++k)
        all.push_back(taps(places[k], image_[static_cast<int>(k) + 1]));
    const auto image_size = static_cast<double>(image_.count(1, image_.rank() - 1));
    const ValueId images = b_.iota(ElementType::i64, Shape{image_[0]}, 0, 0, image_size);
    return gathered(all, 0, along_axis(b_, images, 0, b_.shape(places[0]).rank()));
}

}  // namespace shoal::importer
