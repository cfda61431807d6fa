#include "importer/lower/suppression.hpp"

#include <algorithm>
#include <vector>

namespace shoal::importer {
namespace {

struct Box {
    double top, left, bottom, right;

    [[nodiscard]] double area() const { return (bottom - top) * (right - left); }
};

Box box_of(const double* v, bool centred) {
    if (centred) return {v[1] - v[3] / 2, v[0] - v[2] / 2, v[1] + v[3] / 2, v[0] + v[2] / 2};
    return {std::min(v[0], v[2]), std::min(v[1], v[3]), std::max(v[0], v[2]), std::max(v[1], v[3])};
}

double overlap_of(const Box& a, const Box& b) {
    const double high = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
    const double wide = std::min(a.right, b.right) - std::max(a.left, b.left);
    if (!(high > 0 && wide > 0) || !(a.area() > 0 && b.area() > 0)) return 0;
    return high * wide / (a.area() + b.area() - high * wide);
}

}  // namespace

tensor::Tensor suppress(const Suppression& how, const tensor::Tensor& boxes, const tensor::Tensor& scores) {
    const auto values = tensor::to_doubles(boxes), score = tensor::to_doubles(scores);
    const std::int64_t images = scores.shape()[0], classes = scores.shape()[1], count = scores.shape()[2];
    std::vector<std::int64_t> out;
    for (std::int64_t pair = 0; pair < images * classes; ++pair) {
        const double* const own = score.data() + pair * count;
        std::vector<std::int64_t> order;
        for (std::int64_t i = 0; i < count; ++i)
            if (own[i] > how.least_score) order.push_back(i);
        std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return own[i] > own[j]; });
        std::vector<Box> kept;
        for (const auto i : order) {
            if (static_cast<std::int64_t>(kept.size()) >= how.most) break;
            const Box box = box_of(values.data() + (pair / classes * count + i) * 4, how.centred);
            const bool hidden = std::any_of(kept.begin(), kept.end(),
                                            [&](const Box& better) { return overlap_of(box, better) > how.overlap; });
            if (hidden) continue;
            kept.push_back(box);
            out.insert(out.end(), {pair / classes, pair % classes, i});
        }
    }
    return tensor::Tensor::of<std::int64_t>(tensor::Shape{static_cast<std::int64_t>(out.size() / 3), 3}, out);
}

}  // namespace shoal::importer
