// The node's own thread: waits for the port, hands what comes to the part that it is for, and lets every part go on.
// Internal to the node; shell.cpp has the loop, hearing.cpp what the messages do, heartbeat.cpp what is reported.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "node/blobs.hpp"
#include "node/kernel_timing.hpp"
#include "node/link_probe.hpp"
#include "node/neighbours.hpp"
#include "node/registration.hpp"
#include "node/stages.hpp"

namespace shoal::node {

class Shell final : public Outbox {
public:
    Shell(NodeOptions options, std::vector<std::shared_ptr<runtime::Backend>> backends,
          std::unique_ptr<transport::Port> port, std::shared_ptr<transport::AllowList> allowed);
    ~Shell() override;
    Shell(const Shell&) = delete;
    Shell& operator=(const Shell&) = delete;

    void start();
    void stop() noexcept;
    /// Any thread.
    [[nodiscard]] NodeState state() const;

    // Outbox:
    bool to_hub(wire::Frames message) override;
    bool to_consumer(const std::string& board, wire::Frames message) override;
    bool to_sender(const std::string& board, wire::Frames message) override;
    bool reach(const std::string& board) override { return neighbours_.reach(board); }
    void tell(Event::Kind kind, std::string text) override;
    void count_dropped() override { ++dropped_; }

private:
    void run(const std::string& endpoint);
    void handle(transport::Event event, base::TimePoint now);
    void step(base::TimePoint now);
    void look_at_unsent(base::TimePoint now);
    [[nodiscard]] base::TimePoint next(base::TimePoint now) const;
    void hub_lost();

    void hear(transport::Event event, base::TimePoint now);
    void from_hub(const wire::Frames& frames, base::TimePoint now);
    void from_board(const std::string& board, const transport::Event& event, base::TimePoint now);
    void from_stranger(const transport::Event& event);
    void from_ourselves(base::TimePoint now);
    void refuse(transport::PeerId peer, const std::string& who, const base::Error& error);

    void beat(base::TimePoint now);
    void look_at_board(base::TimePoint now);
    [[nodiscard]] std::vector<wire::LinkCounters> links() const;

    const NodeOptions options_;
    std::vector<Device> devices_;
    std::unique_ptr<transport::Port> port_;
    std::shared_ptr<transport::AllowList> allowed_;
    std::shared_ptr<Inbox> inbox_;
    MemoryMeter meter_;
    Registration registration_;
    Neighbours neighbours_;
    std::unique_ptr<Blobs> blobs_;
    std::unique_ptr<Stages> stages_;
    std::unique_ptr<KernelTiming> timing_;
    LinkProbe probe_;

    std::deque<wire::Frames> to_self_;         // stages of this board hand over to each other without the network
    std::set<transport::PeerId> logged_;       // peers whose broken messages have been logged
    std::map<std::string, double> sending_s_;  // by board, "" being the hub: time during which something waited
    std::vector<base::Duration> busy_before_;
    base::TimePoint beat_before_{}, looked_{}, stranger_logged_{};
    std::uint64_t beats_ = 0;
    std::vector<wire::Reading> readings_;
    base::TimePoint next_readings_{};

    std::atomic<bool> stopping_{false}, joined_{false};
    std::atomic<std::uint64_t> dropped_{0}, runs_{0}, failures_{0}, turns_{0};
    std::atomic<std::size_t> stage_count_{0};
    std::mutex stop_mutex_;
    std::thread thread_;
    std::atomic<std::thread::id> thread_id_{};
};

}  // namespace shoal::node
