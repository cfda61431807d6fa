#include "importer/round_weights.hpp"

#include <algorithm>
#include <cmath>

#include "base/checked.hpp"

namespace shoal::importer {
namespace {

// The scale for these weights. The largest one need not be met: with few steps, clipping it often costs less than the
// coarser steps that it asks for.
double best_scale(std::span<const double> weights, int bits) {
    const double steps = static_cast<double>((1 << (bits - 1)) - 1);
    double largest = 0;
    for (const double weight : weights)
        largest = std::max(largest, std::abs(weight));
    if (largest == 0) return 1;
    double best = largest / steps, least = INFINITY;
    const int candidates = bits < 8 ? 12 : 1;
    for (int i = 0; i < candidates; ++i) {
        const double scale = static_cast<double>(static_cast<float>(largest * (1 - 0.03 * i) / steps));
        double error = 0;
        for (const double weight : weights) {
            const double rounded = std::clamp(std::nearbyint(weight / scale), -steps - 1, steps) * scale;
            error += (rounded - weight) * (rounded - weight);
        }
        if (error < least) {
            least = error;
            best = scale;
        }
    }
    return std::max(best, 1e-30);  // stays a number as f32
}

}  // namespace

RoundedWeights round_weights(const WeightMatrix& weights, std::int64_t block, int bits) {
    const double steps = static_cast<double>((1 << (bits - 1)) - 1);
    RoundedWeights out;
    out.blocks = std::max<std::int64_t>(base::ceil_div(weights.inner, block), 1);
    out.values.resize(weights.values.size());
    out.scales.resize(static_cast<std::size_t>(weights.outer * out.blocks));
    std::vector<double> own;
    for (std::int64_t o = 0; o < weights.outer; ++o) {
        for (std::int64_t b = 0; b < out.blocks; ++b) {
            const std::int64_t first = b * block, last = std::min(first + block, weights.inner);
            const auto at = [&](std::int64_t k) {
                return static_cast<std::size_t>(o * weights.outer_step + k * weights.inner_step);
            };
            own.clear();
            for (std::int64_t k = first; k < last; ++k)
                own.push_back(static_cast<double>(weights.values[at(k)]));
            const double scale = best_scale(own, bits);
            for (std::int64_t k = first; k < last; ++k)
                out.values[at(k)] =
                    std::clamp(std::nearbyint(own[static_cast<std::size_t>(k - first)] / scale), -steps - 1, steps);
            const bool side_by_side = weights.inner_step == 1;
            out.scales[static_cast<std::size_t>(side_by_side ? o * out.blocks + b : b * weights.outer + o)] = scale;
        }
    }
    return out;
}

}  // namespace shoal::importer
