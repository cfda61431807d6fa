#include "node/node.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "base/file.hpp"
#include "base/log.hpp"
#include "node/blobs.hpp"
#include "node/inbox.hpp"
#include "node/neighbours.hpp"
#include "node/registration.hpp"
#include "node/stages.hpp"
#include "platform/files.hpp"
#include "platform/memory.hpp"
#include "wire/decode.hpp"

namespace shoal::node {

using base::Code;
using base::fail;
using base::TimePoint;
using transport::PeerId;

namespace {

constexpr std::size_t kTasksOfADevice = 2;  // one that runs and one behind it, so that the device never waits
constexpr std::chrono::seconds kGrace{2};   // for a device to come back when the node stops
constexpr std::chrono::milliseconds kLongestNap{100};

// What stages, weights and messages may take where nobody has set a limit.
std::uint64_t usable_bytes(const std::vector<Device>& devices) {
    std::uint64_t shared = 0, own = 0;
    for (const auto& device : devices) {
        if (device.info.unified_memory)
            shared = std::max(shared, device.info.usable_bytes);
        else
            own += device.info.usable_bytes;
    }
    if (shared + own > 0) return shared + own;
    return platform::memory().usable_bytes().value_or(std::uint64_t{1} << 30);
}

std::uint64_t random_number() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

template <class... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace

struct Node::State final : Outbox {
    State(NodeOptions options_, std::vector<std::shared_ptr<runtime::Backend>> backends,
          std::unique_ptr<transport::Port> port_, std::shared_ptr<transport::AllowList> allowed_);

    void start();
    void stop() noexcept;

    // Outbox:
    bool to_hub(wire::Frames message) override { return registration.send(std::move(message)); }
    bool to_consumer(const std::string& board, wire::Frames message) override;
    bool to_sender(const std::string& board, wire::Frames message) override;
    bool reach(const std::string& board) override { return neighbours.reach(board); }
    void tell(Event::Kind kind, std::string text) override;
    void count_dropped() override { ++dropped; }

private:
    void run();
    void handle(transport::Event event, TimePoint now);
    void message(transport::Event event, TimePoint now);
    void from_hub(const wire::Frames& frames, TimePoint now);
    void from_board(const std::string& board, const transport::Event& event, TimePoint now);
    void from_ourselves(TimePoint now);
    void from_stranger(const transport::Event& event);
    void refuse(PeerId peer, const std::string& who, const base::Error& error);
    void hub_lost();
    void drop_stages(const std::string& why);
    void beat(TimePoint now);
    void step(TimePoint now);
    [[nodiscard]] TimePoint next(TimePoint now) const;
    [[nodiscard]] std::vector<wire::LinkCounters> links() const;

public:
    const NodeOptions options;
    std::vector<Device> devices;
    std::unique_ptr<transport::Port> port;
    std::shared_ptr<transport::AllowList> allowed;
    std::shared_ptr<Inbox> inbox;
    MemoryMeter meter;
    Registration registration;
    Neighbours neighbours;
    std::unique_ptr<Blobs> blobs;
    std::unique_ptr<Stages> stages;

    std::deque<wire::Frames> to_self;
    std::set<PeerId> logged;  // peers whose broken messages have been logged
    std::vector<base::Duration> busy_before;
    TimePoint beat_before{};
    std::uint64_t beats = 0;

    std::atomic<bool> stopping{false}, is_joined{false};
    std::atomic<std::uint64_t> dropped{0}, runs{0}, failures{0};
    std::atomic<std::size_t> stage_count{0};
    std::mutex stop_mutex;
    std::thread thread;
};

Node::State::State(NodeOptions options_, std::vector<std::shared_ptr<runtime::Backend>> backends,
                   std::unique_ptr<transport::Port> port_, std::shared_ptr<transport::AllowList> allowed_)
    : options(std::move(options_)),
      devices([&] {
          std::vector<Device> out;
          for (auto& backend : backends) {
              const auto info = backend->device();
              out.push_back({std::move(backend), info, nullptr});
          }
          return out;
      }()),
      port(std::move(port_)),
      allowed(std::move(allowed_)),
      inbox(std::make_shared<Inbox>(*port)),
      meter(options.memory_limit_bytes != 0 ? options.memory_limit_bytes : usable_bytes(devices)),
      registration(*port, options.hub_endpoint, options.hub_key,
                   [this](Event::Kind kind, std::string text) { tell(kind, std::move(text)); }),
      neighbours(options.board, *port, allowed) {}

void Node::State::start() {
    const auto folder = options.cache_folder.empty() ? platform::cache_folder() / "node" : options.cache_folder;
    base::make_folder(folder);
    wire::Register self;
    self.software = SHOAL_VERSION;
    self.board = options.board;
    self.boot = random_number();
    self.memory_limit_bytes = meter.limit();
    for (const auto& [name, value] : options.facts)
        self.facts.push_back({name, value});
    for (auto& device : devices) {
        if (!device.info.rates.measured()) device.info.rates = device.backend->measure_rates();
        self.devices.push_back(device.info);
        device.worker = std::make_shared<DeviceWorker>("device " + device.info.name, kTasksOfADevice);
    }
    busy_before.resize(devices.size());
    if (options.hub_key && allowed) allowed->add(*options.hub_key, "hub");
    self.data_endpoint = port->listen(options.data_endpoint);
    blobs = std::make_unique<Blobs>(folder / "weights", inbox, meter,
                                    [this](const wire::BlobRequest& request) { to_hub(wire::encode(request)); });
    stages = std::make_unique<Stages>(options.board, devices, meter, *blobs, inbox, *this);
    tell(Event::Kind::listening, self.data_endpoint);
    registration.begin(std::move(self), base::SteadyClock::now());
    thread = std::thread([this] { run(); });
}

void Node::State::stop() noexcept {
    const std::lock_guard lock(stop_mutex);
    stopping = true;
    if (!thread.joinable()) return;
    port->wake();
    thread.join();
    inbox->close();
    const auto deadline = base::deadline_in(kGrace);
    const auto left = [&] { return std::max<base::Duration>(deadline - base::SteadyClock::now(), {}); };
    for (auto& device : devices)
        device.worker->stop(left());
    blobs->stop(left());
}

void Node::State::run() {
    while (!stopping) {
        try {
            auto now = base::SteadyClock::now();
            auto event = port->wait(next(now));
            now = base::SteadyClock::now();
            if (event) handle(std::move(*event), now);
            step(now);
        } catch (const std::exception& error) {
            ++dropped;
            base::log_warning("node", "went on after: ", error.what());
        }
    }
    stages->cancel_runs();
    registration.goodbye();
}

TimePoint Node::State::next(TimePoint now) const {
    if (!to_self.empty()) return now;
    return std::min({now + kLongestNap, registration.next(), stages->next(now)});
}

void Node::State::step(TimePoint now) {
    from_ourselves(now);
    if (registration.step(now)) hub_lost();
    neighbours.step(now);
    std::uint64_t unsent = port->unsent_bytes(registration.peer());
    for (const auto& [peer, board] : neighbours.peers())
        unsent += port->unsent_bytes(peer);
    meter.set_unsent(unsent);
    blobs->step(now);
    stages->step(now);
    if (registration.heartbeat_due(now)) beat(now);
    is_joined = registration.joined();
    runs = stages->runs();
    failures = stages->failures();
    stage_count = stages->size();
}

void Node::State::handle(transport::Event event, TimePoint now) {
    using Kind = transport::Event::Kind;
    const bool is_hub = registration.is_hub(event.peer);
    switch (event.kind) {
        case Kind::message: return message(std::move(event), now);
        case Kind::connected: return is_hub ? registration.connected(now) : neighbours.connected(event, now);
        case Kind::refused:
            if (is_hub) registration.refused(event.text, now);
            return;
        case Kind::disconnected: break;
    }
    logged.erase(event.peer);
    if (is_hub) {
        if (registration.disconnected(event.text, now)) hub_lost();
    } else if (const auto board = neighbours.disconnected(event)) {
        stages->consumer_lost(*board);
    }
}

void Node::State::message(transport::Event event, TimePoint now) {
    std::string who = "somebody";
    try {
        if (registration.is_hub(event.peer)) {
            who = "the hub";
            registration.heard(now);
            return from_hub(event.frames, now);
        }
        if (const auto board = neighbours.board_of(event.peer)) {
            who = "'" + *board + "'";
            return from_board(*board, event, now);
        }
        from_stranger(event);
    } catch (const base::Error& error) {
        refuse(event.peer, who, error);
    }
}

void Node::State::refuse(PeerId peer, const std::string& who, const base::Error& error) {
    ++dropped;
    if (registration.is_hub(peer) && error.code() == Code::refused)
        registration.refused(error.what(), base::SteadyClock::now());
    if (logged.insert(peer).second)
        base::log_warning("node", "a message from ", who, " was dropped (and more may be): ", error.what());
}

void Node::State::from_hub(const wire::Frames& frames, TimePoint now) {
    auto decoded = wire::decode_board_from_hub(frames);
    const bool is_welcome = std::holds_alternative<wire::Welcome>(decoded) ||
                            std::holds_alternative<wire::Refused>(decoded) ||
                            std::holds_alternative<wire::Goodbye>(decoded);
    if (!is_welcome && !registration.joined()) return count_dropped();
    const auto count_unless = [&](bool taken) {
        if (!taken) count_dropped();
    };
    std::visit(Overloaded{
                   [&](wire::Welcome& message) {
                       if (registration.welcome(message, now)) drop_stages("the hub is another one now");
                   },
                   [&](wire::Refused& message) { registration.refused(message.text, now); },
                   [&](wire::Goodbye& message) {
                       if (registration.disconnected("the hub says goodbye: " + message.reason, now)) hub_lost();
                   },
                   [&](wire::HeartbeatEcho&) {},
                   [&](wire::Peers& message) {
                       for (const auto& board : neighbours.take(message))
                           stages->consumer_lost(board);
                   },
                   [&](wire::Deploy& message) { stages->deploy(std::move(message), now); },
                   [&](wire::Undeploy& message) { stages->undeploy(message); },
                   [&](wire::Blob& message) { count_unless(blobs->take(std::move(message), now)); },
                   [&](wire::BlobMissing& message) { count_unless(blobs->take(message)); },
                   [&](wire::Activation& message) { stages->activation({}, std::move(message), now); },
                   [&](wire::Cancel& message) { stages->cancel(message); },
                   [&](wire::Probe& message) {
                       to_hub(wire::encode(wire::ProbeEcho{message.task, message.sequence}));
                   },
                   [&](wire::ProbeEcho&) { count_dropped(); },
                   [&](wire::MeasureKernels&) { count_dropped(); },
                   [&](wire::MeasureLink&) { count_dropped(); },
               },
               decoded);
}

void Node::State::from_board(const std::string& board, const transport::Event& event, TimePoint now) {
    auto decoded = wire::decode_board_from_board(event.frames);
    const bool is_ours = neighbours.is_ours(event.peer);
    std::visit(Overloaded{
                   [&](wire::PeerHello&) { count_dropped(); },
                   [&](wire::Activation& message) {
                       if (is_ours) fail(Code::network, "an activation on the wrong connection");
                       stages->activation(board, std::move(message), now);
                   },
                   [&](wire::Credit& message) {
                       if (!is_ours) fail(Code::network, "a credit on the wrong connection");
                       stages->credit(board, message);
                   },
                   [&](wire::Probe& message) {
                       if (!port->send(event.peer, wire::encode(wire::ProbeEcho{message.task, message.sequence})))
                           count_dropped();
                   },
                   [&](wire::ProbeEcho&) { count_dropped(); },
                   [&](wire::Refused& message) { base::log_info("node", "'", board, "' refuses: ", message.text); },
                   [&](wire::Goodbye&) {},
               },
               decoded);
}

// The first message of a connection must say whose it is; nothing else is listened to.
void Node::State::from_stranger(const transport::Event& event) {
    try {
        auto decoded = wire::decode_board_from_board(event.frames);
        const auto* hello = std::get_if<wire::PeerHello>(&decoded);
        if (hello == nullptr) fail(Code::refused, "it does not say who it is");
        neighbours.hello(event, *hello);
        stages->sender_came(hello->board);
    } catch (const base::Error&) {
        port->disconnect(event.peer);
        throw;
    }
}

// Stages of this board hand over to each other without the network.
void Node::State::from_ourselves(TimePoint now) {
    for (std::size_t left = to_self.size(); left > 0; --left) {
        const auto frames = std::move(to_self.front());
        to_self.pop_front();
        try {
            auto decoded = wire::decode_board_from_board(frames);
            if (auto* activation = std::get_if<wire::Activation>(&decoded))
                stages->activation(options.board, std::move(*activation), now);
            else if (const auto* credit = std::get_if<wire::Credit>(&decoded))
                stages->credit(options.board, *credit);
        } catch (const base::Error& error) {
            refuse(PeerId::none, "this board", error);
        }
    }
}

bool Node::State::to_consumer(const std::string& board, wire::Frames message) {
    if (board == options.board) {
        to_self.push_back(std::move(message));
        return true;
    }
    const PeerId peer = neighbours.consumer(board);
    return peer != PeerId::none && port->send(peer, std::move(message));
}

bool Node::State::to_sender(const std::string& board, wire::Frames message) {
    if (board == options.board) {
        to_self.push_back(std::move(message));
        return true;
    }
    const PeerId peer = neighbours.sender(board);
    return peer != PeerId::none && port->send(peer, std::move(message));
}

void Node::State::hub_lost() {
    blobs->forget();
}

void Node::State::drop_stages(const std::string& why) {
    blobs->forget();
    stages->drop_all(why);
}

void Node::State::tell(Event::Kind kind, std::string text) {
    base::log_info("node", text);
    if (options.on_event) options.on_event({kind, std::move(text)});
}

void Node::State::beat(TimePoint now) {
    wire::Heartbeat out;
    out.session = registration.session();
    out.sequence = ++beats;
    out.memory_used_bytes = meter.used();
    out.memory_limit_bytes = meter.limit();
    out.cached_bytes = blobs->cached_bytes();
    const double passed = base::to_ms(now - beat_before);
    for (std::uint32_t i = 0; i < devices.size(); ++i) {
        const auto busy = devices[i].worker->busy(now);
        const double part = base::to_ms(busy - busy_before[i]) / std::max(passed, 1e-3);
        busy_before[i] = busy;
        const double age = base::to_ms(devices[i].worker->run_age(now));
        out.devices.push_back(
            {std::clamp(part, 0.0, 1.0), stages->queued(i), static_cast<std::uint32_t>(std::clamp(age, 0.0, 4e9))});
    }
    beat_before = now;
    out.stages = stages->counters();
    out.links = links();
    to_hub(wire::encode(out));
}

std::vector<wire::LinkCounters> Node::State::links() const {
    std::vector<wire::LinkCounters> out;
    const auto add = [&](PeerId peer, const std::string& name) {
        const auto counted = port->counters(peer);
        auto at = std::find_if(out.begin(), out.end(), [&](const auto& link) { return link.peer == name; });
        if (at == out.end()) at = out.insert(at, wire::LinkCounters{name, 0, 0, 0, 0, 0, 0});
        at->messages_sent += counted.messages_sent;
        at->bytes_sent += counted.bytes_sent;
        at->messages_received += counted.messages_received;
        at->bytes_received += counted.bytes_received;
        at->unsent_bytes += port->unsent_bytes(peer);
    };
    add(registration.peer(), "");
    for (const auto& [peer, board] : neighbours.peers())
        add(peer, board);
    return out;
}

Node::Node(NodeOptions options, std::vector<std::shared_ptr<runtime::Backend>> devices,
           std::unique_ptr<transport::Port> port, std::shared_ptr<transport::AllowList> allowed) {
    if (devices.empty()) fail(Code::invalid_argument, "a node needs a device at least");
    if (options.board.empty()) fail(Code::invalid_argument, "a board needs a name");
    if (options.hub_endpoint.empty()) fail(Code::invalid_argument, "board '", options.board, "' needs a hub to join");
    state_ = std::make_unique<State>(std::move(options), std::move(devices), std::move(port), std::move(allowed));
}

Node::~Node() {
    stop();
}

void Node::start() {
    state_->start();
}

void Node::stop() noexcept {
    state_->stop();
}

NodeState Node::state() const {
    NodeState out;
    out.joined = state_->is_joined;
    out.memory_used_bytes = state_->meter.used();
    out.memory_peak_bytes = state_->meter.peak();
    out.memory_limit_bytes = state_->meter.limit();
    out.runs = state_->runs;
    out.failures = state_->failures;
    out.dropped_messages = state_->dropped;
    out.stages = state_->stage_count;
    return out;
}

}  // namespace shoal::node
