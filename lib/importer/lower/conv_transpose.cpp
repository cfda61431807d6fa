// Transposed convolution, without multiplying work by zeros: output positions of the same remainder modulo the stride
// are an ordinary convolution with a part of the taps each; their results are interleaved.
//
// Along one axis, with stride s, dilation d and padding p: out[o] = sum over taps k of x[(o + p - k d) / s] w[k], where
// the division must have no remainder. With o + p = q s + r these are the taps with k d = r (mod s), and x is read at
// q - (k d - r) / s: a convolution over q.
#include <numeric>

#include "base/checked.hpp"
#include "graph/cards.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"
#include "importer/lower/window.hpp"

namespace shoal::importer {
namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/// One spatial axis of the transposed convolution.
struct Axis {
    std::int64_t input, kernel, stride, dilation, pad, output;

    [[nodiscard]] std::int64_t first() const { return floor_div(pad, stride); }
    [[nodiscard]] std::int64_t count() const { return floor_div(pad + output - 1, stride) - first() + 1; }
};

/// The taps of one remainder, as the window of an ordinary convolution.
struct Taps {
    std::int64_t first_tap = 0, tap_step = 1, count = 0;    // into the transposed kernel, ascending
    std::int64_t dilation = 1, pad_begin = 0, pad_end = 0;  // padding may be negative: the input is cut

    bool operator==(const Taps& o) const {
        return count == o.count && dilation == o.dilation && pad_begin == o.pad_begin && pad_end == o.pad_end;
    }
};

Taps taps_of(const Axis& axis, std::int64_t remainder) {
    const std::int64_t common = std::gcd(axis.stride, axis.dilation);
    Taps out;
    out.tap_step = axis.stride / common;
    out.dilation = axis.dilation / common;
    for (std::int64_t k = 0; k < std::min(axis.kernel, axis.stride); ++k) {
        if (k * axis.dilation % axis.stride != remainder) continue;
        out.first_tap = k;
        out.count = (axis.kernel - 1 - k) / out.tap_step + 1;
        const std::int64_t nearest = (k * axis.dilation - remainder) / axis.stride;
        const std::int64_t farthest = nearest + (out.count - 1) * out.dilation;
        out.pad_begin = farthest - axis.first();
        out.pad_end = axis.first() + axis.count() - axis.input - nearest;
        break;
    }
    return out;
}

class Lowerer {
public:
    explicit Lowerer(Context& c) : c_(c), b_(c.builder()) {
        const Shape x = c.shape(0), w = c.shape(1);
        groups_ = c.integer("group", 1);
        c.expect(x.rank() >= 3 && w.rank() == x.rank() && groups_ >= 1 && x[1] == w[0] && w[0] % groups_ == 0, "x is ",
                 x, ", weights are ", w, " in ", groups_, " groups");
        rank_ = x.rank() - 2;
        outputs_ = base::checked_mul(w[1], groups_);
        read_axes(spatial_extents(x), spatial_extents(w));
        // [C, O / G, k..] -> [G, O / G, k.., C / G]
        Ints apart{groups_, w[0] / groups_, w[1]};
        apart.insert(apart.end(), w.begin() + 2, w.end());
        weights_ = move_axis(b_, b_.reshape(c.in(1), Shape(apart)), 1, rank_ + 2);
        x_ = channels_last(b_, c.in(0));
    }

    ValueId run() {
        std::int64_t classes = 1;
        for (const Axis& axis : axes_)
            classes = base::checked_mul(classes, axis.stride);
        c_.expect_table(base::checked_mul<std::int64_t>(classes, 64));
        std::vector<std::vector<Taps>> taps(static_cast<std::size_t>(classes));
        for (std::int64_t i = 0; i < classes; ++i) {
            std::int64_t rest = i;
            taps[static_cast<std::size_t>(i)].resize(axes_.size());
            for (std::size_t k = axes_.size(); k-- > 0; rest /= axes_[k].stride)
                taps[static_cast<std::size_t>(i)][k] = taps_of(axes_[k], rest % axes_[k].stride);
        }
        const bool alike = std::all_of(taps.begin(), taps.end(), [&](const auto& one) { return one == taps[0]; });
        return interleaved(alike ? all_at_once(taps) : one_by_one(taps), classes);
    }

private:
    void read_axes(const Ints& input, const Ints& kernel) {
        const auto rank = static_cast<std::size_t>(rank_);
        const auto sane = [&](const char* name, Ints list, std::size_t count, std::int64_t least) {
            c_.expect(list.size() == count, name, " has ", list.size(), " entries for ", count);
            for (const auto value : list)
                c_.expect(value >= least && value < (std::int64_t{1} << 31), name, " of ", value);
            return list;
        };
        const Ints strides = sane("strides", c_.ints("strides", Ints(rank, 1)), rank, 1);
        const Ints dilations = sane("dilations", c_.ints("dilations", Ints(rank, 1)), rank, 1);
        const Ints extra = sane("output_padding", c_.ints("output_padding", Ints(rank, 0)), rank, 0);
        const Ints pads = sane("pads", c_.ints("pads", Ints(2 * rank, 0)), 2 * rank, 0);
        Ints shape = c_.ints("output_shape", Ints(rank, -1));
        if (shape.size() == rank + 2) shape.erase(shape.begin(), shape.begin() + 2);  // old files have N and C in it
        const Ints wanted = sane("output_shape", std::move(shape), rank, -1);
        const std::string automatic = c_.text("auto_pad", "NOTSET");
        const bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
        for (std::size_t k = 0; k < rank; ++k) {
            const std::int64_t reach = (kernel[k] - 1) * dilations[k] + 1;
            const std::int64_t whole = strides[k] * (input[k] - 1) + extra[k] + reach;
            Axis axis{input[k], kernel[k], strides[k], dilations[k], pads[k], whole - pads[k] - pads[k + rank]};
            if (automatic == "VALID") axis = {input[k], kernel[k], strides[k], dilations[k], 0, whole};
            if (wanted[k] >= 0 || same) {
                axis.output = wanted[k] >= 0 ? wanted[k] : input[k] * strides[k];
                const std::int64_t total = std::max<std::int64_t>(whole - axis.output, 0);
                axis.pad = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
            }
            c_.expect(axis.input > 0 && axis.kernel > 0 && axis.output > 0, "spatial axis ", k, " has ", axis.input,
                      " positions, a kernel of ", axis.kernel, " and ", axis.output, " results");
            axes_.push_back(axis);
        }
    }

    // The weights of one class as [G, O / G, t.., C / G], taps in the order of an ordinary convolution.
    ValueId weights_of(const std::vector<Taps>& taps) {
        Ints begins(static_cast<std::size_t>(rank_) + 3, 0), steps(begins.size(), 1),
            sizes = b_.shape(weights_).extents();
        for (std::size_t k = 0; k < taps.size(); ++k) {
            begins[k + 2] = taps[k].first_tap + (taps[k].count - 1) * taps[k].tap_step;
            sizes[k + 2] = taps[k].count;
            steps[k + 2] = -taps[k].tap_step;
        }
        return b_.slice(weights_, begins, sizes, steps);
    }

    // x with w [O', t.., C / G]: [N, n.., O']
    ValueId convolved(const std::vector<Taps>& taps, ValueId w) {
        graph::Attrs attrs{{"groups", groups_}, {"strides", Ints(taps.size(), 1)}};
        Ints dilations, begin, end, first{0}, size{b_.shape(x_)[0]};
        for (std::size_t k = 0; k < taps.size(); ++k) {
            dilations.push_back(taps[k].dilation);
            begin.push_back(std::max<std::int64_t>(taps[k].pad_begin, 0));
            end.push_back(std::max<std::int64_t>(taps[k].pad_end, 0));
            first.push_back(begin[k] - taps[k].pad_begin);
            size.push_back(axes_[k].input - first.back() - (end[k] - taps[k].pad_end));
            if (size.back() <= 0) return nothing(b_.shape(w)[0]);
        }
        first.push_back(0);
        size.push_back(b_.shape(x_).back());
        attrs.set("dilations", dilations).set("pads_begin", begin).set("pads_end", end);
        return b_.add(graph::cards::conv, {b_.slice(x_, first, size, Ints(first.size(), 1)), w}, attrs)[0];
    }

    // What a class without taps, or one that never meets the input, contributes.
    ValueId nothing(std::int64_t channels) {
        Ints extents{b_.shape(x_)[0]};
        for (const Axis& axis : axes_)
            extents.push_back(axis.count());
        extents.push_back(channels);
        return b_.expand(number(b_, x_, 0), Shape(extents));
    }

    // One convolution whose channels are those of all classes: [N, n.., classes * O].
    ValueId all_at_once(const std::vector<std::vector<Taps>>& taps) {
        if (taps[0][0].count == 0) return nothing(static_cast<std::int64_t>(taps.size()) * outputs_);
        Values parts;
        for (const auto& one : taps)
            parts.push_back(unsqueeze(b_, weights_of(one), {1}));
        const auto classes = static_cast<std::int64_t>(taps.size());
        ValueId w = b_.concat(std::move(parts), 1);  // [G, classes, O / G, t.., C / G]
        Ints flat = b_.shape(w).extents();
        flat.erase(flat.begin(), flat.begin() + 3);
        flat.insert(flat.begin(), classes * outputs_);
        const ValueId out = convolved(taps[0], b_.reshape(w, Shape(flat)));
        if (groups_ == 1 || classes == 1) return out;
        Ints apart = b_.shape(out).extents();
        apart.pop_back();
        apart.insert(apart.end(), {groups_, classes, outputs_ / groups_});
        const auto last = static_cast<int>(apart.size());
        return b_.reshape(move_axis(b_, b_.reshape(out, Shape(apart)), last - 3, last - 2), b_.shape(out));
    }

    ValueId one_by_one(const std::vector<std::vector<Taps>>& taps) {
        Values parts;
        for (const auto& one : taps) {
            const bool none = std::any_of(one.begin(), one.end(), [](const Taps& t) { return t.count == 0; });
            if (none) {
                parts.push_back(nothing(outputs_));
                continue;
            }
            Ints flat = b_.shape(weights_of(one)).extents();
            flat.erase(flat.begin());
            flat[0] = outputs_;
            parts.push_back(convolved(one, b_.reshape(weights_of(one), Shape(flat))));
        }
        return b_.concat(std::move(parts), rank_ + 1);
    }

    // [N, n.., s.. * O] -> [N, n * s.., O], cut to the output.
    ValueId interleaved(ValueId classes_last, std::int64_t classes) {
        Ints apart = b_.shape(classes_last).extents(), order{0}, together{apart[0]}, first{0}, size{apart[0]};
        apart.pop_back();
        for (int k = 0; k < rank_; ++k) {
            const Axis& axis = axes_[static_cast<std::size_t>(k)];
            apart.push_back(axis.stride);
            order.insert(order.end(), {k + 1, k + 1 + rank_});
            together.push_back(axis.count() * axis.stride);
            first.push_back(axis.pad - axis.first() * axis.stride);
            size.push_back(axis.output);
        }
        apart.push_back(outputs_);
        order.push_back(2 * rank_ + 1);
        for (Ints* list : {&together, &size})
            list->push_back(outputs_);
        first.push_back(0);
        ValueId out = classes_last;
        if (classes > 1) out = b_.reshape(b_.transpose(b_.reshape(out, Shape(apart)), order), Shape(together));
        return b_.slice(out, first, size, Ints(first.size(), 1));
    }

    Context& c_;
    Builder& b_;
    int rank_ = 0;
    std::int64_t groups_ = 1, outputs_ = 0;
    std::vector<Axis> axes_;
    ValueId x_ = kNoValue, weights_ = kNoValue;
};

Values conv_transpose(Context& c) {
    Builder& b = c.builder();
    ValueId out = Lowerer(c).run();
    if (c.has(2)) out = add(b, out, c.in(2));
    return {channels_first(b, out)};
}

const Row kRows[] = {
    {"", "ConvTranspose", 1, 0, conv_transpose},
};

}  // namespace

namespace families {
const Family conv_transpose{kRows};
}

}  // namespace shoal::importer
