#include "node/link_probe.hpp"

#include <algorithm>

#include "wire/limits.hpp"

namespace shoal::node {

using base::Code;

namespace {

constexpr std::size_t kMostTasks = 4096;
constexpr std::chrono::seconds kPatience{3};
constexpr std::chrono::milliseconds kLook{5};  // whether a way has opened

}  // namespace

LinkProbe::LinkProbe(std::string board, MemoryMeter& meter, Outbox& outbox)
    : board_(std::move(board)), meter_(meter), outbox_(outbox) {}

void LinkProbe::measure(wire::MeasureLink message, base::TimePoint now) {
    const auto refuse = [&](const std::string& why) {
        outbox_.to_hub(wire::encode(wire::TaskFailed{message.task, Code::invalid_argument, why}));
    };
    if (message.peer == board_) return refuse("a board has no link to itself");
    if (message.sizes.empty() || message.repeat == 0 || message.repeat > wire::kMaxProbes / message.sizes.size())
        return refuse(base::text(message.sizes.size(), " sizes of probes, each ", message.repeat, " times"));
    if (tasks_.size() >= kMostTasks) return refuse("too many measurements wait already");
    Task task;
    task.asked = std::move(message);
    tasks_.push_back(std::move(task));
    step(now);
}

void LinkProbe::step(base::TimePoint now) {
    if (tasks_.empty()) {
        payload_ = {};
        return;
    }
    Task& task = tasks_.front();
    if (task.since == base::TimePoint{}) task.since = now;
    if (!task.under_way && (task.asked.peer.empty() || outbox_.reach(task.asked.peer))) return send(task, now);
    if (now - task.since < kPatience) return;
    fail(task.under_way ? Code::timeout : Code::unavailable,
         base::text(task.asked.peer.empty() ? "the hub" : "'" + task.asked.peer + "'",
                    task.under_way ? " does not answer a probe" : " cannot be reached"));
}

void LinkProbe::send(Task& task, base::TimePoint now) {
    const auto size = size_of(task);
    if (payload_.size() < size) {
        if (size > meter_.limit() - std::min(meter_.limit(), meter_.used()))
            return fail(Code::out_of_memory, base::text("no memory for a probe of ", size, " bytes"));
        payload_ = base::SharedBytes::own(std::vector<std::byte>(size));
        task.payload_held = meter_.hold(size);
    }
    const wire::Probe probe{task.asked.task, static_cast<std::uint32_t>(task.done), payload_.slice(0, size)};
    task.under_way = true;
    task.since = now;
    auto frames = wire::encode(probe);
    const bool sent = task.asked.peer.empty() ? outbox_.to_hub(std::move(frames))
                                              : outbox_.to_consumer(task.asked.peer, std::move(frames));
    if (!sent) fail(Code::network, "the connection broke");
}

bool LinkProbe::echo(const std::string& board, const wire::ProbeEcho& message, base::TimePoint now) {
    if (tasks_.empty()) return false;
    Task& task = tasks_.front();
    if (!task.under_way || board != task.asked.peer || message.task != task.asked.task || message.sequence != task.done)
        return false;
    task.times.push_back({size_of(task), base::to_ms(now - task.since) / 1e3});
    ++task.done;
    if (task.done < task.asked.sizes.size() * task.asked.repeat) {
        send(task, now);
        return true;
    }
    outbox_.to_hub(wire::encode(wire::LinkMeasured{task.asked.task, std::move(task.times)}));
    tasks_.pop_front();
    payload_ = {};
    step(now);
    return true;
}

void LinkProbe::fail(Code code, const std::string& why) {
    const auto number = tasks_.front().asked.task;
    tasks_.pop_front();
    payload_ = {};
    outbox_.to_hub(wire::encode(wire::TaskFailed{number, code, why}));
}

base::TimePoint LinkProbe::next(base::TimePoint now) const noexcept {
    if (tasks_.empty()) return base::TimePoint::max();
    const Task& task = tasks_.front();
    return task.under_way ? task.since + kPatience : now + kLook;
}

}  // namespace shoal::node
