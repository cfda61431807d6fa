#include "node/shell.hpp"

#include <algorithm>
#include <random>

#include "base/file.hpp"
#include "base/log.hpp"
#include "platform/files.hpp"
#include "platform/memory.hpp"

namespace shoal::node {

using base::TimePoint;
using transport::PeerId;

namespace {

constexpr std::size_t kTasksOfADevice = 2;  // one that runs and one behind it, so that the device never waits
constexpr std::chrono::seconds kGrace{2};   // for a device to come back when the node stops
constexpr std::chrono::milliseconds kLongestNap{100};

// What stages, weights and messages may take.
std::uint64_t limit_of(const NodeOptions& options, const std::vector<Device>& devices) {
    if (options.memory_limit_bytes != 0) return options.memory_limit_bytes;
    std::vector<std::shared_ptr<runtime::Backend>> backends;
    for (const auto& device : devices)
        backends.push_back(device.backend);
    if (const auto usable = usable_bytes(backends); usable > 0) return usable;
    return platform::memory().usable_bytes().value_or(std::uint64_t{1} << 30);
}

// What is kept back is for heartbeats and the like while the network is slow to take them.
MemoryMeter meter_of(std::uint64_t limit) {
    return MemoryMeter(limit, std::min<std::uint64_t>(limit / 64, 1 << 20));
}

std::vector<Device> devices_of(std::vector<std::shared_ptr<runtime::Backend>> backends) {
    std::vector<Device> out;
    for (auto& backend : backends) {
        const auto info = backend->device();
        out.push_back({std::move(backend), info, nullptr});
    }
    return out;
}

std::uint64_t random_number() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

}  // namespace

std::uint64_t usable_bytes(const std::vector<std::shared_ptr<runtime::Backend>>& devices) {
    std::uint64_t shared = 0, own = 0;
    for (const auto& device : devices) {
        const auto& info = device->device();
        if (info.unified_memory)
            shared = std::max(shared, info.usable_bytes);
        else
            own += info.usable_bytes;
    }
    return shared + own;
}

Shell::Shell(NodeOptions options, std::vector<std::shared_ptr<runtime::Backend>> backends,
             std::unique_ptr<transport::Port> port, std::shared_ptr<transport::AllowList> allowed)
    : options_(std::move(options)),
      devices_(devices_of(std::move(backends))),
      port_(std::move(port)),
      allowed_(std::move(allowed)),
      inbox_(std::make_shared<Inbox>(*port_)),
      meter_(meter_of(limit_of(options_, devices_))),
      registration_(*port_, options_.hub_endpoint, options_.hub_key,
                    [this](Event::Kind kind, std::string text) { tell(kind, std::move(text)); }),
      neighbours_(options_.board, *port_, allowed_),
      probe_(options_.board, meter_, *this) {}

Shell::~Shell() {
    stop();
}

void Shell::start() {
    const std::lock_guard lock(stop_mutex_);
    if (stages_) base::fail(base::Code::invalid_argument, "board '", options_.board, "' was started before");
    const auto folder = options_.cache_folder.empty() ? platform::cache_folder() / "node" : options_.cache_folder;
    base::make_folder(folder);
    wire::Register self;
    self.software = SHOAL_VERSION;
    self.board = options_.board;
    self.boot = random_number();
    self.memory_limit_bytes = meter_.claimable();
    for (const auto& [name, value] : options_.facts)
        self.facts.push_back({name, value});
    for (auto& device : devices_) {
        if (options_.cancelled && options_.cancelled())
            base::fail(base::Code::cancelled, "starting board '", options_.board, "' was cancelled");
        if (!device.info.rates.measured()) device.info.rates = device.backend->measure_rates();
        self.devices.push_back(device.info);
        device.worker = std::make_shared<DeviceWorker>("device " + device.info.name, kTasksOfADevice);
    }
    busy_before_.resize(devices_.size());
    if (options_.hub_key && allowed_) allowed_->add(*options_.hub_key, "hub");
    self.data_endpoint = port_->listen(options_.data_endpoint);
    blobs_ = std::make_unique<Blobs>(folder / "weights", inbox_, meter_,
                                     [this](const wire::BlobRequest& request) { to_hub(wire::encode(request)); });
    stages_ = std::make_unique<Stages>(options_.board, devices_, meter_, *blobs_, inbox_, *this);
    timing_ = std::make_unique<KernelTiming>(devices_, meter_, inbox_, *this, folder / "kernels",
                                             [this](std::function<void()> work) { blobs_->on_disk(std::move(work)); });
    registration_.begin(self);  // throws where the hub's address makes no sense, as listening did
    thread_ = std::thread([this, endpoint = self.data_endpoint] { run(endpoint); });
    thread_id_ = thread_.get_id();
}

void Shell::stop() noexcept {
    stopping_ = true;
    if (std::this_thread::get_id() == thread_id_.load()) return;  // from on_event: the loop ends, others wait for it
    const std::lock_guard lock(stop_mutex_);
    if (!thread_.joinable()) return;
    port_->wake();
    thread_.join();
    inbox_->close();
    const auto deadline = base::deadline_in(kGrace);
    const auto left = [&] { return std::max<base::Duration>(deadline - base::SteadyClock::now(), {}); };
    for (auto& device : devices_)
        device.worker->stop(left());
    blobs_->stop(left());
}

void Shell::run(const std::string& endpoint) {
    tell(Event::Kind::listening, endpoint);
    while (!stopping_) {
        ++turns_;
        try {
            auto now = base::SteadyClock::now();
            auto event = port_->wait(next(now));
            now = base::SteadyClock::now();
            if (event) handle(std::move(*event), now);
            step(now);
        } catch (const std::exception& error) {
            ++dropped_;
            base::log_warning("node", "went on after: ", error.what());
        }
    }
    stages_->cancel_runs();
    registration_.goodbye();
    joined_ = false;
}

TimePoint Shell::next(TimePoint now) const {
    if (!to_self_.empty()) return now;
    return std::min({now + kLongestNap, registration_.next(), stages_->next(now), probe_.next(now)});
}

void Shell::step(TimePoint now) {
    from_ourselves(now);
    if (registration_.step(now)) hub_lost();
    neighbours_.step(now);
    look_at_unsent(now);
    blobs_->step(now);
    stages_->step(now);
    if (!stages_->any_waits()) timing_->step();  // a stage needs the room and the device more
    probe_.step(now);
    if (registration_.heartbeat_due(now)) beat(now);
    joined_ = registration_.joined();
    runs_ = stages_->runs();
    failures_ = stages_->failures();
    stage_count_ = stages_->size();
}

void Shell::look_at_unsent(TimePoint now) {
    const double passed = looked_ == TimePoint{} ? 0 : base::to_ms(now - looked_) / 1e3;
    looked_ = now;
    std::uint64_t unsent = 0;
    const auto look = [&](PeerId peer, const std::string& board) {
        const auto bytes = port_->unsent_bytes(peer);
        unsent += bytes;
        if (bytes > 0) sending_s_[board] += passed;
    };
    look(registration_.peer(), {});
    for (const auto& [peer, board] : neighbours_.peers())
        look(peer, board);
    meter_.set_unsent(unsent);
}

void Shell::handle(transport::Event event, TimePoint now) {
    using Kind = transport::Event::Kind;
    const bool is_hub = registration_.is_hub(event.peer);
    switch (event.kind) {
        case Kind::message: return hear(std::move(event), now);
        case Kind::connected: return is_hub ? registration_.connected(now) : neighbours_.connected(event, now);
        case Kind::refused:
            if (is_hub) registration_.refused(event.text, now);
            return;
        case Kind::disconnected: break;
    }
    logged_.erase(event.peer);
    if (is_hub) {
        if (registration_.disconnected(event.text)) hub_lost();
    } else if (const auto board = neighbours_.disconnected(event)) {
        stages_->consumer_lost(*board);
    }
}

void Shell::hub_lost() {
    blobs_->forget();
    timing_->forget();
    probe_.forget();
    stages_->drop_unready();
}

bool Shell::to_hub(wire::Frames message) {
    return registration_.is_connected() && port_->send(registration_.peer(), std::move(message));
}

bool Shell::to_consumer(const std::string& board, wire::Frames message) {
    if (board != options_.board) return port_->send(neighbours_.consumer(board), std::move(message));
    to_self_.push_back(std::move(message));
    return true;
}

bool Shell::to_sender(const std::string& board, wire::Frames message) {
    if (board != options_.board) return port_->send(neighbours_.sender(board), std::move(message));
    to_self_.push_back(std::move(message));
    return true;
}

void Shell::tell(Event::Kind kind, std::string text) {
    base::log_info("node", text);
    if (options_.on_event) options_.on_event({kind, std::move(text)});
}

NodeState Shell::state() const {
    NodeState out;
    out.joined = joined_;
    out.memory_used_bytes = meter_.used();
    out.memory_peak_bytes = meter_.peak();
    out.memory_limit_bytes = meter_.limit();
    out.runs = runs_;
    out.failures = failures_;
    out.dropped_messages = dropped_;
    out.stages = stage_count_;
    out.turns = turns_;
    return out;
}

}  // namespace shoal::node
