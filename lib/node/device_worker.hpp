// A thread that does one thing after the other: what a device compiles, runs and measures, or what the disk takes. The
// node's thread never waits for it.
//
// submit() and stop() are the node's thread's; the rest may be asked from any. A task must not throw; one that never
// ends is left behind by stop(), with all that it holds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/time.hpp"

namespace shoal::node {

class DeviceWorker {
public:
    enum class Kind : std::uint8_t { run, other };

    /// `room`: tasks that may be there at a time, the one that runs included.
    DeviceWorker(std::string name, std::size_t room);
    /// As stop() with two seconds of grace.
    ~DeviceWorker();
    DeviceWorker(const DeviceWorker&) = delete;
    DeviceWorker& operator=(const DeviceWorker&) = delete;

    /// False when there is no room or the worker has stopped.
    [[nodiscard]] bool submit(Kind kind, std::function<void()> task);
    [[nodiscard]] bool has_room() const;

    /// How long the task that lasts now has lasted, if it is a run or runs wait for it (now, or when this was asked
    /// before); zero otherwise. A device that hangs while it compiles or measures holds up every run.
    [[nodiscard]] base::Duration age(base::TimePoint now, bool runs_wait) const;
    /// All time spent in tasks so far.
    [[nodiscard]] base::Duration busy(base::TimePoint now) const;

    /// Takes no more, forgets what waits, and gives the task that runs `grace` to end.
    void stop(base::Duration grace) noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace shoal::node
