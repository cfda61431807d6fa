// How long the last requests took: the rate and the percentiles of the status. Bounded.
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include "base/time.hpp"

namespace shoal::hub {

class ServiceTimes {
public:
    void add(base::TimePoint now, double ms) {
        times_.push_back({now, ms});
        if (times_.size() > kMost) times_.pop_front();
    }

    /// Per second, over the last seconds.
    [[nodiscard]] double rate(base::TimePoint now) const {
        std::size_t count = 0;
        base::TimePoint first = now;
        for (auto at = times_.rbegin(); at != times_.rend() && now - at->when < kRateWindow; ++at, ++count)
            first = at->when;
        if (count == 0) return 0;
        const double covered = times_.size() == kMost && count == kMost
                                   ? std::chrono::duration<double>(now - first).count()
                                   : std::chrono::duration<double>(kRateWindow).count();
        return static_cast<double>(count) / std::max(covered, 1e-3);
    }

    /// Of the last minute; 0 without any. `part` 0.5: the median.
    [[nodiscard]] double percentile(base::TimePoint now, double part) const {
        std::vector<double> recent;
        for (auto at = times_.rbegin(); at != times_.rend() && now - at->when < kWindow; ++at)
            recent.push_back(at->ms);
        if (recent.empty()) return 0;
        const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(recent.size())));
        const auto nth =
            recent.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, recent.size()) - 1);
        std::nth_element(recent.begin(), nth, recent.end());
        return *nth;
    }

private:
    struct Time {
        base::TimePoint when;
        double ms;
    };
    static constexpr std::size_t kMost = 8192;
    static constexpr std::chrono::seconds kRateWindow{5}, kWindow{60};

    std::deque<Time> times_;
};

}  // namespace shoal::hub
