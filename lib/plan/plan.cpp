#include "plan/plan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.hpp"

namespace shoal::plan {

std::string_view name(Axis axis) noexcept {
    switch (axis) {
        case Axis::operators: return "operators";
        case Axis::requests: return "requests";
        case Axis::batch: return "batch";
        case Axis::models: return "models";
    }
    return "?";
}

std::string_view name(Merge merge) noexcept {
    switch (merge) {
        case Merge::hand_over: return "hand over";
        case Merge::concatenate: return "concatenate";
        case Merge::sum: return "sum";
        case Merge::weighted_mean: return "weighted mean";
        case Merge::majority_vote: return "majority vote";
        case Merge::best_score: return "best score";
        case Merge::mean_of_softmax: return "mean of softmax";
    }
    return "?";
}

std::vector<Work> leaves(const Node& root) {
    if (root.is_leaf()) return {root.work};
    std::vector<Work> out;
    for (const Node& child : root.children) {
        const auto below = leaves(child);
        out.insert(out.end(), below.begin(), below.end());
    }
    return out;
}

std::vector<std::int64_t> whole_shares(const std::vector<double>& shares, std::int64_t extent) {
    double total = 0;
    for (const double share : shares) {
        if (!std::isfinite(share) || share < 0)
            base::fail(base::Code::invalid_argument, "a share is ", share, "; it must be finite and not negative");
        total += share;
    }
    if (!(total > 0) || extent < 0)
        base::fail(base::Code::invalid_argument, "shares of sum ", total, " cannot divide ", extent, " units");
    std::vector<std::int64_t> out(shares.size());
    std::vector<double> rest(shares.size());
    std::int64_t left = extent;
    for (std::size_t i = 0; i < shares.size(); ++i) {
        const double exact = shares[i] / total * static_cast<double>(extent);
        out[i] = std::min(static_cast<std::int64_t>(std::floor(exact)), left);
        rest[i] = exact - static_cast<double>(out[i]);
        left -= out[i];
    }
    // What is left goes to those who lost most by rounding down, the first of equals first.
    std::vector<std::size_t> order(shares.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rest[a] > rest[b]; });
    for (std::size_t i = 0; left > 0; i = (i + 1) % order.size(), --left)
        ++out[order[i]];
    return out;
}

}  // namespace shoal::plan
