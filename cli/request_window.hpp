// How many requests are kept open at a hub: fewer while others fill it, one more again with every answer.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/time.hpp"

namespace shoal::cli {

class RequestWindow {
public:
    explicit RequestWindow(std::uint32_t wanted) : wanted_(std::max(wanted, 1U)), most_(wanted_) {}

    [[nodiscard]] bool has_room(std::size_t open, base::TimePoint now) const {
        return open < most_ && now >= not_before_;
    }
    /// When a full hub may be asked again, unless an answer comes before.
    [[nodiscard]] base::TimePoint not_before() const noexcept { return not_before_; }

    void answered() {
        most_ = std::min(wanted_, most_ + 1);
        not_before_ = {};
    }
    /// The hub was full; so many of ours are open there.
    void was_full(std::size_t open, base::TimePoint now) {
        constexpr std::chrono::milliseconds kPause{5};
        most_ = static_cast<std::uint32_t>(std::clamp<std::size_t>(open, 1, wanted_));
        not_before_ = now + kPause;
    }

    /// Nothing can be answered now, for reasons that may pass.
    void pause(base::TimePoint now) {
        constexpr std::chrono::milliseconds kPause{250};
        most_ = 1;
        not_before_ = now + kPause;
    }

private:
    std::uint32_t wanted_, most_;
    base::TimePoint not_before_{};
};

}  // namespace shoal::cli
