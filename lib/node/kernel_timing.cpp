#include "node/kernel_timing.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/file.hpp"
#include "base/log.hpp"
#include "graph/kernel_signature.hpp"
#include "graph/side_by_side.hpp"

namespace shoal::node {

using base::Code;

namespace {

constexpr std::size_t kKernelsAtOnce = 16;
constexpr std::uint64_t kBytesAtOnce = 256ULL << 20;
constexpr std::size_t kMostTasks = 64;  // of a device
constexpr int kMostRepeats = 100;

}  // namespace

// A chunk on its way to the device and back.
struct KernelTiming::Chunk {
    std::uint64_t task = 0, generation = 0;
    std::vector<std::uint32_t> groups{};
    std::vector<plan::KernelCost> costs{};
    std::string failure{};
};

KernelTiming::KernelTiming(std::vector<Device>& devices, MemoryMeter& meter, std::shared_ptr<Inbox> inbox,
                           Outbox& outbox, const std::filesystem::path& folder,
                           std::function<void(std::function<void()>)> on_disk)
    : devices_(devices), meter_(meter), inbox_(std::move(inbox)), outbox_(outbox), on_disk_(std::move(on_disk)) {
    base::make_folder(folder);
    for (const auto& own : devices_) {
        Bench bench;
        bench.file = std::make_shared<const device::KernelFile>(folder, own.info);
        bench.known = bench.file->load().costs;
        // The device computes these in the ways that its table names: what this node had measured before is another.
        for (const auto& [signature, cost] : own.backend->kernels().costs)
            bench.known[signature] = cost;
        benches_.push_back(std::move(bench));
    }
}

void KernelTiming::measure(wire::MeasureKernels message) {
    const auto refuse = [&](const std::string& why) {
        outbox_.to_hub(wire::encode(wire::TaskFailed{message.task, Code::invalid_argument, why}));
    };
    if (message.device >= benches_.size())
        return refuse(base::text("there is no device ", message.device, " among ", benches_.size()));
    Bench& bench = benches_[message.device];
    for (const auto& twin : benches_) {  // parts of one device take the same times
        if (&twin != &bench && twin.file->path() == bench.file->path())
            bench.known.insert(twin.known.begin(), twin.known.end());
    }
    if (bench.tasks.size() >= kMostTasks) return refuse("too many measurements wait already");
    const auto kernels = graph::groups(message.graph);
    Task task;
    task.number = message.task;
    task.repeat = static_cast<int>(std::clamp<std::uint32_t>(message.repeat, 1, kMostRepeats));
    task.groups = std::move(message.groups);
    task.most_at_once = kKernelsAtOnce;
    if (task.groups.empty()) {
        for (std::uint32_t i = 0; i < kernels.size(); ++i)
            task.groups.push_back(i);
    }
    std::set<std::string> seen;
    for (const auto group : task.groups) {
        if (group >= kernels.size()) return refuse(base::text("there is no group ", group));
        auto signature = graph::kernel_signature(message.graph, kernels[group]);
        if (bench.known.count(signature) == 0 && seen.insert(std::move(signature)).second)
            task.pending.push_back(group);
    }
    graph::unique_names(message.graph);
    task.graph = std::make_shared<const graph::Graph>(std::move(message.graph));
    bench.tasks.push_back(std::move(task));
}

void KernelTiming::step() {
    for (std::uint32_t device = 0; device < benches_.size(); ++device) {
        auto& tasks = benches_[device].tasks;
        while (!tasks.empty() && tasks.front().pending.empty() && !tasks.front().running)
            finish(device);
        if (tasks.empty() || tasks.front().running || !devices_[device].worker->has_room()) continue;
        start_chunk(device, tasks.front());
    }
}

bool KernelTiming::idle() const noexcept {
    return std::all_of(benches_.begin(), benches_.end(), [](const Bench& bench) { return bench.tasks.empty(); });
}

void KernelTiming::forget() {
    ++generation_;
    for (auto& bench : benches_)
        bench.tasks.clear();
}

void KernelTiming::start_chunk(std::uint32_t device, Task& task) {
    const auto kernels = graph::groups(*task.graph);
    auto chunk = std::make_shared<Chunk>();
    chunk->task = task.number;
    chunk->generation = generation_;
    std::vector<graph::GroupRange> ranges;
    std::uint64_t bytes = 0;
    const std::uint64_t most = std::min(meter_.unclaimed(), kBytesAtOnce);
    while (!task.pending.empty() && chunk->groups.size() < task.most_at_once) {
        const auto group = task.pending.front();
        const auto needed = graph::least_bytes(*task.graph, kernels[group]);
        if (bytes + needed > most && !ranges.empty()) break;
        task.pending.pop_front();
        if (needed > meter_.unclaimed()) continue;  // too large for this board: it is estimated
        chunk->groups.push_back(group);
        ranges.push_back(kernels[group]);
        bytes += needed;
    }
    if (ranges.empty()) return;
    auto room = meter_.claim_for_a_while(bytes);
    if (!room) return;
    auto claim = std::make_shared<MemoryMeter::Share>(std::move(*room));
    auto held = std::make_shared<MemoryMeter::Share>(meter_.hold(bytes));
    task.running = true;
    auto work = [this, inbox = inbox_, chunk, graph = task.graph, ranges, repeat = task.repeat, claim, held, device,
                 backend = devices_[device].backend] {
        try {
            auto together = graph::side_by_side(*graph, ranges);
            std::vector<std::uint32_t> group_of;
            for (const auto& op : together.ops)
                group_of.push_back(op.group);
            chunk->costs.resize(ranges.size(), {0, 0, 0, true});
            for (const auto& report : backend->compile(std::move(together))->profile(repeat)) {
                if (report.ops.empty() || report.ops.front() >= group_of.size()) continue;
                auto& cost = chunk->costs[group_of[report.ops.front()]];
                cost.seconds += report.seconds;
                cost.weight_bytes += report.weight_bytes;
                cost.workspace_bytes = std::max(cost.workspace_bytes, report.workspace_bytes);
            }
        } catch (const std::exception& error) {
            chunk->failure = error.what();
        }
        held->release();
        claim->release();
        inbox->post([this, device, chunk] { chunk_done(device, *chunk); });
    };
    if (devices_[device].worker->submit(DeviceWorker::Kind::other, std::move(work))) return;
    task.running = false;
    task.pending.insert(task.pending.begin(), chunk->groups.begin(), chunk->groups.end());
}

void KernelTiming::chunk_done(std::uint32_t device, const Chunk& chunk) {
    Bench& bench = benches_[device];
    if (chunk.generation != generation_ || bench.tasks.empty()) return;
    Task& task = bench.tasks.front();
    task.running = false;
    if (!chunk.failure.empty()) {
        base::log_warning("node", chunk.groups.size(), " kernels could not be measured: ", chunk.failure);
        task.most_at_once = 1;  // finds the one that it is
        if (chunk.groups.size() > 1)
            task.pending.insert(task.pending.begin(), chunk.groups.begin(), chunk.groups.end());
        return;
    }
    const auto kernels = graph::groups(*task.graph);
    for (std::size_t i = 0; i < chunk.groups.size(); ++i) {
        const auto signature = graph::kernel_signature(*task.graph, kernels[chunk.groups[i]]);
        bench.known[signature] = bench.fresh[signature] = chunk.costs[i];
    }
    if (task.pending.empty()) keep(device);
}

// Estimates stand where nothing was measured; the kernels that were tell how far estimates are off on this device.
void KernelTiming::finish(std::uint32_t device) {
    Bench& bench = benches_[device];
    const Task task = std::move(bench.tasks.front());
    bench.tasks.pop_front();
    const auto costs = plan::kernel_costs(*task.graph, devices_[device].info, bench.known);
    wire::KernelCosts out;
    out.task = task.number;
    for (const auto group : task.groups)
        out.kernels.push_back(costs.at(group));
    outbox_.to_hub(wire::encode(out));
}

void KernelTiming::keep(std::uint32_t device) {
    // All of them again: what could not be written before is written with the next.
    on_disk_([file = benches_[device].file, fresh = benches_[device].fresh] {
        try {
            file->add({fresh, {}});
        } catch (const base::Error& error) {
            base::log_warning("node", "kernel times are not kept: ", error.what());
        }
    });
}

}  // namespace shoal::node
