#include "hub/hub.hpp"

#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "base/log.hpp"
#include "hub/core.hpp"
#include "hub/worker_thread.hpp"

namespace shoal::hub {
namespace {

constexpr std::chrono::milliseconds kStall{200};  // longer between two looks at the port, and boards are excused
constexpr std::chrono::milliseconds kStatusPatience{500};  // of other threads
constexpr int kEventsAtOnce = 64;                          // between two looks at the clock

class PortOutbox final : public Outbox {
public:
    explicit PortOutbox(transport::Port& port) : port_(port) {}

    bool send(PeerId peer, wire::Frames frames) override {
        return peer != PeerId::none && port_.send(peer, std::move(frames));
    }
    void disconnect(PeerId peer) override { port_.disconnect(peer); }
    [[nodiscard]] std::uint64_t unsent_bytes(PeerId peer) const override { return port_.unsent_bytes(peer); }
    [[nodiscard]] TimePoint last_arrival(PeerId peer) const override { return port_.last_arrival(peer); }
    [[nodiscard]] transport::Counters counters(PeerId peer) const override { return port_.counters(peer); }
    [[nodiscard]] transport::Rejections rejections() const override { return port_.rejections(); }

private:
    transport::Port& port_;
};

}  // namespace

struct Hub::State {
    State(HubOptions options_, std::unique_ptr<transport::Port> port_, std::shared_ptr<transport::AllowList> allowed_)
        : options(std::move(options_)), port(std::move(port_)), allowed(std::move(allowed_)) {}

    void run();
    void turn(TimePoint& looked);

    HubOptions options;
    std::unique_ptr<transport::Port> port;
    std::shared_ptr<transport::AllowList> allowed;
    base::Clock clock{};
    std::optional<PortOutbox> outbox{};
    std::optional<WorkerThread> planning{}, storing{};
    std::optional<Core> core{};

    std::atomic<bool> stopping{false};
    std::atomic<std::uint64_t> turns{0};
    std::mutex mutex{};  // for all below
    std::thread thread{};
    bool running = false;
    wire::Status last{};  // as it was last asked for, or as it ended
};

Hub::Hub(HubOptions options, std::unique_ptr<transport::Port> port, std::shared_ptr<transport::AllowList> allowed)
    : state_(std::make_unique<State>(std::move(options), std::move(port), std::move(allowed))) {
    base::ensure(state_->port != nullptr, "a hub needs a port");
}

Hub::~Hub() {
    stop();
}

std::vector<std::string> Hub::start() {
    State& state = *state_;
    const std::lock_guard lock(state.mutex);
    base::ensure(!state.thread.joinable() && !state.stopping, "a hub is started once");
    std::vector<std::string> out;
    for (const auto& endpoint : state.options.endpoints)
        out.push_back(state.port->listen(endpoint));
    state.outbox.emplace(*state.port);
    const auto post = [&state](Worker::Done done) { state.port->post([done = std::move(done)] { done(); }); };
    state.planning.emplace("planning", post);
    state.storing.emplace("keeping weights", post);
    state.core.emplace(state.options, *state.outbox, Core::Workers{*state.planning, *state.storing}, state.clock);
    state.running = true;
    state.thread = std::thread([&state] { state.run(); });
    return out;
}

void Hub::State::run() {
    TimePoint looked = clock.now();
    while (!stopping) {
        try {
            ++turns;
            turn(looked);
        } catch (const std::exception& error) {
            base::log(base::LogLevel::error, "hub", base::text("goes on after: ", error.what()));
        }
    }
    wire::Status status;
    try {
        core->stop();
        status = core->status();
    } catch (const std::exception& error) {
        base::log(base::LogLevel::error, "hub", base::text("ends with: ", error.what()));
    }
    const std::lock_guard lock(mutex);
    last = std::move(status);
    running = false;
}

void Hub::State::turn(TimePoint& looked) {
    const TimePoint deadline = clock.now() + core->patience();
    for (int i = 0; i < kEventsAtOnce; ++i) {
        auto event = port->wait(i == 0 ? deadline : clock.now());
        // What stalls the hub is no board's fault: their messages wait behind it.
        const TimePoint now = clock.now();
        if (now - looked > core->patience() + kStall) core->excuse(now - looked);
        looked = now;
        if (!event && i == 0 && now < deadline) continue;  // somebody's work ran: messages are looked at all the same
        if (!event) break;
        core->handle(std::move(*event));
    }
    core->tick();
}

void Hub::stop() noexcept {
    State& state = *state_;
    state.stopping = true;
    std::thread ending;
    {
        const std::lock_guard lock(state.mutex);
        if (std::this_thread::get_id() == state.thread.get_id()) return;  // from on_event: it ends when that returns
        ending.swap(state.thread);
    }
    if (!ending.joinable()) return;
    state.port->wake();
    ending.join();
    state.planning->stop();
    state.storing->stop();
}

wire::Status Hub::status() const {
    State& state = *state_;
    {
        const std::lock_guard lock(state.mutex);
        if (!state.running) return state.last;
        if (std::this_thread::get_id() == state.thread.get_id()) return state.core->status();
    }
    const auto answer = std::make_shared<std::promise<wire::Status>>();
    auto future = answer->get_future();
    state.port->post([&state, answer] {
        wire::Status now = state.core->status();
        {
            const std::lock_guard lock(state.mutex);
            state.last = now;
        }
        answer->set_value(std::move(now));
    });
    if (future.wait_for(kStatusPatience) == std::future_status::ready) return future.get();
    const std::lock_guard lock(state.mutex);
    return state.last;
}

std::uint64_t Hub::turns() const noexcept {
    return state_->turns;
}

}  // namespace shoal::hub
