// Operators whose result's shape depends on the data: computed on the host by plain loops, once the data is known.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"
#include "importer/lower/suppression.hpp"

namespace shoal::importer {
namespace {

// Coordinates of the elements that are not 0: [rank, count].
Tensor nonzero_places(const Tensor& x) {
    std::vector<std::int64_t> found;
    for (std::int64_t i = 0; i < x.count(); ++i) {
        if (tensor::element_as_double(x, i) != 0) found.push_back(i);
    }
    const auto rank = static_cast<std::int64_t>(x.shape().rank()), count = static_cast<std::int64_t>(found.size());
    const auto steps = tensor::strides(x.shape());
    Tensor out(Type{ElementType::i64, Shape{rank, count}});
    const auto target = out.edit_as<std::int64_t>();
    for (std::int64_t axis = 0; axis < rank; ++axis) {
        const auto k = static_cast<std::size_t>(axis);
        for (std::size_t i = 0; i < found.size(); ++i)
            target[k * found.size() + i] = found[i] / steps[k] % x.shape()[static_cast<int>(axis)];
    }
    return out;
}

Values nonzero(Context& c) {
    return c.on_host({0}, [](const std::vector<Tensor>& in) { return std::vector<Tensor>{nonzero_places(in[0])}; });
}

// The slices along an axis (or elements) for which the condition holds.
Values compress(Context& c) {
    Builder& b = c.builder();
    const bool flat = !c.has_attribute("axis");
    const ValueId x = flat ? b.reshape(c.in(0), Shape{c.shape(0).count()}) : c.in(0);
    const int axis = flat ? 0 : c.axis(c.integer("axis"), c.rank(0));
    const std::int64_t extent = b.shape(x)[axis];
    const Values places = c.on_host({1}, [extent](const std::vector<Tensor>& in) {
        Ints kept;
        for (std::int64_t i = 0; i < std::min(extent, in[0].count()); ++i)
            if (tensor::element_as_int(in[0], i) != 0) kept.push_back(i);
        return std::vector<Tensor>{tensor::from_ints(kept)};
    });
    return {b.gather(x, places[0], axis)};
}

// x as `rows` rows that are compared with each other.
class Rows {
public:
    Rows(const Tensor& x, int axis) : values_(tensor::to_doubles(x)) {
        const Shape& s = x.shape();
        outer_ = s.count(0, axis);
        count_ = s[axis];
        inner_ = s.count(axis + 1, s.rank());
    }
    [[nodiscard]] std::int64_t count() const noexcept { return count_; }
    [[nodiscard]] int compare(std::int64_t i, std::int64_t j) const {
        for (std::int64_t o = 0; o < outer_; ++o) {
            for (std::int64_t k = 0; k < inner_; ++k) {
                const double a = at(o, i, k), b = at(o, j, k);
                if (a != b && !(std::isnan(a) && std::isnan(b))) return a < b || std::isnan(b) ? -1 : 1;
            }
        }
        return 0;
    }

private:
    [[nodiscard]] double at(std::int64_t o, std::int64_t i, std::int64_t k) const {
        return values_[static_cast<std::size_t>((o * count_ + i) * inner_ + k)];
    }
    std::vector<double> values_;
    std::int64_t outer_ = 1, count_ = 0, inner_ = 1;
};

// First positions, inverse numbers and counts of the distinct rows.
std::vector<Tensor> distinct(const Tensor& x, int axis, bool sorted) {
    const Rows rows(x, axis);
    Ints order(static_cast<std::size_t>(rows.count()));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return rows.compare(i, j) < 0; });
    std::vector<Ints> groups;  // positions of equal rows, ascending
    for (const auto i : order) {
        if (groups.empty() || rows.compare(groups.back()[0], i) != 0) groups.emplace_back();
        groups.back().push_back(i);
    }
    if (!sorted) std::sort(groups.begin(), groups.end(), [](const Ints& a, const Ints& b) { return a[0] < b[0]; });
    Ints first, inverse(order.size()), counts;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        first.push_back(groups[g][0]);
        counts.push_back(static_cast<std::int64_t>(groups[g].size()));
        for (const auto i : groups[g])
            inverse[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(g);
    }
    return {tensor::from_ints(first), tensor::from_ints(inverse), tensor::from_ints(counts)};
}

Values unique(Context& c) {
    Builder& b = c.builder();
    const bool flat = !c.has_attribute("axis"), sorted = c.flag("sorted", true);
    const Shape flat_shape{c.shape(0).count()};
    const int axis = flat ? 0 : c.axis(c.integer("axis"), c.rank(0));
    const Values found = c.on_host({0}, [=](const std::vector<Tensor>& in) {
        return distinct(flat ? in[0].reshaped(flat_shape) : in[0], axis, sorted);
    });
    const ValueId x = flat ? b.reshape(c.in(0), flat_shape) : c.in(0);
    return {b.gather(x, found[0], axis), found[0], found[1], found[2]};
}

// That of com.microsoft: of a vector, in the order of first occurrence, and without the positions.
Values unique_in_order(Context& c) {
    c.expect(c.rank(0) == 1, "its input is ", c.type(0), ", must be a vector");
    const Values found = c.on_host({0}, [](const std::vector<Tensor>& in) { return distinct(in[0], 0, false); });
    return {c.builder().gather(c.in(0), found[0], 0), found[1], found[2]};
}

Values non_max_suppression(Context& c) {
    Suppression how;
    how.centred = c.flag("center_point_box", false);
    how.most = c.has(2) ? c.integer(2) : 0;
    how.overlap = c.has(3) ? c.real(3) : 0;
    if (c.has(4)) how.least_score = c.real(4);
    const Shape boxes = c.shape(0), scores = c.shape(1);
    c.expect(boxes.rank() == 3 && scores.rank() == 3 && boxes[2] == 4 && boxes[0] == scores[0] && boxes[1] == scores[2],
             "boxes are ", boxes, ", scores ", scores);
    return c.on_host({0, 1},
                     [how](const std::vector<Tensor>& in) { return std::vector<Tensor>{suppress(how, in[0], in[1])}; });
}

// Gaussian elimination with the largest pivot.
double determinant(std::vector<double> m, std::size_t n) {
    double out = 1;
    for (std::size_t k = 0; k < n; ++k) {
        std::size_t pivot = k;
        for (std::size_t i = k + 1; i < n; ++i)
            if (std::abs(m[i * n + k]) > std::abs(m[pivot * n + k])) pivot = i;
        if (m[pivot * n + k] == 0) return 0;
        if (pivot != k) {
            std::swap_ranges(m.begin() + static_cast<std::ptrdiff_t>(k * n),
                             m.begin() + static_cast<std::ptrdiff_t>(k * n + n),
                             m.begin() + static_cast<std::ptrdiff_t>(pivot * n));
            out = -out;
        }
        out *= m[k * n + k];
        for (std::size_t i = k + 1; i < n; ++i) {
            const double factor = m[i * n + k] / m[k * n + k];
            for (std::size_t j = k; j < n; ++j)
                m[i * n + j] -= factor * m[k * n + j];
        }
    }
    return out;
}

Values determinants(Context& c) {
    const Shape shape = c.shape(0);
    c.expect(shape.rank() >= 2 && shape.back() == shape[shape.rank() - 2], "its input is ", c.type(0),
             ", must be square matrices");
    return c.on_host({0}, [](const std::vector<Tensor>& in) {
        const Shape& s = in[0].shape();
        const auto values = tensor::to_doubles(in[0]);
        const auto n = static_cast<std::size_t>(s.back());
        std::vector<double> out;
        for (std::size_t i = 0; n > 0 && i < values.size(); i += n * n) {
            const auto first = values.begin() + static_cast<std::ptrdiff_t>(i);
            out.push_back(determinant({first, first + static_cast<std::ptrdiff_t>(n * n)}, n));
        }
        const Shape batch(Ints(s.begin(), s.end() - 2));
        if (n == 0) out.assign(static_cast<std::size_t>(batch.count()), 1);
        return std::vector<Tensor>{tensor::from_doubles(in[0].element(), batch, out)};
    });
}

const Row kRows[] = {
    {"", "Compress", 1, 0, compress},
    {"", "Det", 1, 0, determinants},
    {"", "NonMaxSuppression", 1, 0, non_max_suppression},
    {"", "NonZero", 1, 0, nonzero},
    {"", "Unique", 1, 0, unique},
    {"com.microsoft", "Unique", 1, 0, unique_in_order},
};

}  // namespace

namespace families {
const Family searching{kRows};
}

}  // namespace shoal::importer
