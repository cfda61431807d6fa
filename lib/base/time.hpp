// Deadlines, and a clock that tests can turn by hand.
#pragma once

#include <chrono>

namespace shoal::base {

using SteadyClock = std::chrono::steady_clock;
using TimePoint = SteadyClock::time_point;
using Duration = SteadyClock::duration;

/// A point in time after which the caller no longer waits. "Never" is a day: nothing in Shoal waits for ever.
inline constexpr std::chrono::hours kLongestWait{24};

[[nodiscard]] inline TimePoint deadline_in(Duration duration) {
    return SteadyClock::now() + std::min<Duration>(duration, kLongestWait);
}

[[nodiscard]] inline double to_ms(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

[[nodiscard]] inline Duration from_ms(double ms) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(ms));
}

/// What the state machines ask for the time, so that a test can decide it.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual TimePoint now() const { return SteadyClock::now(); }
};

}  // namespace shoal::base
