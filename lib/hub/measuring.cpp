#include "hub/measuring.hpp"

#include "base/log.hpp"

namespace shoal::hub {
namespace {

constexpr std::chrono::seconds kPatience{120};  // with one task of a board
constexpr std::uint32_t kRepeat = 3;
constexpr std::size_t kMostGraphs = 1024;  // remembered of one device

}  // namespace

bool Measuring::settle(const std::vector<KnownGraph>& graphs, TimePoint now) {
    tick(now);
    bool settled = true;
    for (const auto& [name, member] : membership_.members()) {
        if (!member.usable()) continue;
        for (std::uint32_t d = 0; d < member.info.devices.size(); ++d) {
            const Seat seat{name, d};
            for (const auto& graph : graphs) {
                if (records_[seat].settled.count(graph.digest) != 0) continue;
                if (tasks_.count(name) == 0) ask(member, seat, graph, now);
                if (records_[seat].settled.count(graph.digest) == 0) settled = false;
            }
        }
    }
    return settled;
}

void Measuring::tick(TimePoint now) {
    std::vector<std::string> late;
    for (const auto& [board, task] : tasks_) {
        if (now - task.asked > kPatience) late.push_back(board);
    }
    for (const auto& board : late)
        give_up(board, "it took too long");
}

std::pair<std::uint64_t, std::uint64_t> Measuring::progress(const std::vector<KnownGraph>& graphs) const {
    std::uint64_t done = 0, total = 0;
    for (const auto& [name, member] : membership_.members()) {
        for (std::uint32_t d = 0; member.usable() && d < member.info.devices.size(); ++d) {
            const auto record = records_.find({name, d});
            for (const auto& graph : graphs) {
                ++total;
                if (record != records_.end() && record->second.settled.count(graph.digest) != 0) ++done;
            }
        }
    }
    return {done, total};
}

void Measuring::ask(const Member& member, const Seat& seat, const KnownGraph& graph, TimePoint now) {
    Record& record = records_[seat];
    if (record.settled.size() > kMostGraphs) record.settled.clear();
    auto groups = plan::unmeasured_kernels(*graph.graph, record.known);
    if (groups.empty()) {
        record.settled.insert(graph.digest);
        return;
    }
    wire::MeasureKernels message;
    message.task = next_task_++;
    message.device = seat.device;
    message.repeat = kRepeat;
    message.graph = *graph.graph;
    message.groups = groups;
    tasks_[seat.board] = {message.task, seat, graph, std::move(groups), now};
    tell(outbox_, member.peer, message);
}

void Measuring::costs(const std::string& board, const wire::KernelCosts& message) {
    const auto at = tasks_.find(board);
    if (at == tasks_.end() || at->second.number != message.task) return;
    const Task& task = at->second;
    if (message.kernels.size() != task.groups.size()) {
        give_up(board, base::text("it measured ", message.kernels.size(), " kernels of ", task.groups.size()));
        return;
    }
    Record& record = records_[task.seat];
    const auto kernels = graph::groups(*task.graph.graph);
    for (std::size_t i = 0; i < task.groups.size(); ++i) {
        if (!message.kernels[i].measured) continue;  // the planner's own estimate knows the other kernels' times
        auto& known = record.known[plan::kernel_signature(*task.graph.graph, kernels[task.groups[i]])];
        known = message.kernels[i];
        known.seconds /= record.scale;  // the device was as slow as it is while it measured
    }
    record.settled.insert(task.graph.digest);
    tasks_.erase(at);
}

bool Measuring::failed(const std::string& board, const wire::TaskFailed& message) {
    const auto at = tasks_.find(board);
    if (at == tasks_.end() || at->second.number != message.task) return false;
    give_up(board, message.text);
    return true;
}

void Measuring::give_up(const std::string& board, const std::string& why) {
    const auto at = tasks_.find(board);
    base::log_warning("hub", "board '", board, "' did not measure kernels, their times are estimated: ", why);
    records_[at->second.seat].settled.insert(at->second.graph.digest);
    tasks_.erase(at);
}

void Measuring::joined(const Member& member) {
    tasks_.erase(member.name);
    for (std::uint32_t d = 0; d < member.info.devices.size(); ++d) {
        const auto& device = member.info.devices[d];
        Record& record = records_[{member.name, d}];
        const std::string identity = device.id + "|" + device.speed_identity();
        if (record.identity != identity) record = {identity, {}, {}, 1};
    }
}

void Measuring::lost(const std::string& board) {
    tasks_.erase(board);
}

bool Measuring::busy(const std::string& board) const {
    return tasks_.count(board) != 0;
}

plan::MeasuredKernels Measuring::known(const Seat& seat) const {
    const auto at = records_.find(seat);
    if (at == records_.end()) return {};
    plan::MeasuredKernels out = at->second.known;
    for (auto& [signature, cost] : out)
        cost.seconds *= at->second.scale;
    return out;
}

double Measuring::scale(const Seat& seat) const {
    const auto at = records_.find(seat);
    return at != records_.end() ? at->second.scale : 1;
}

void Measuring::set_scale(const Seat& seat, double scale) {
    const auto at = records_.find(seat);
    if (at != records_.end() && scale > 0) at->second.scale = scale;
}

}  // namespace shoal::hub
