// Probes towards the hub and other boards: one at a time, so that none is in another's way. Belongs to the node's
// thread; the time is handed in.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "node/meter.hpp"
#include "node/outbox.hpp"
#include "wire/board_messages.hpp"
#include "wire/data_messages.hpp"

namespace shoal::node {

class LinkProbe {
public:
    LinkProbe(std::string board, MemoryMeter& meter, Outbox& outbox);

    void measure(wire::MeasureLink message, base::TimePoint now);
    /// From a board, "" being the hub. False when nobody waits for it.
    [[nodiscard]] bool echo(const std::string& board, const wire::ProbeEcho& message, base::TimePoint now);
    /// Begins where a way has opened, gives up where nothing comes.
    void step(base::TimePoint now);
    /// Nobody waits for what was asked.
    void forget() noexcept { tasks_.clear(); }
    [[nodiscard]] base::TimePoint next(base::TimePoint now) const noexcept;

private:
    struct Task {
        wire::MeasureLink asked{};
        std::size_t done = 0;  // probes that came back
        bool under_way = false;
        base::TimePoint since{};  // when the probe left, or when the way was first looked for
        MemoryMeter::Share payload_held{};
        std::vector<wire::ProbeTime> times{};
    };

    [[nodiscard]] std::uint64_t size_of(const Task& task) const {
        return task.asked.sizes[task.done / task.asked.repeat];
    }
    void send(Task& task, base::TimePoint now);
    void fail(base::Code code, const std::string& why);

    std::string board_;
    MemoryMeter& meter_;
    Outbox& outbox_;
    std::deque<Task> tasks_;
    base::SharedBytes payload_{};
};

}  // namespace shoal::node
