// A client's thread and its port: drives the conversation with the hub, and hands it what other threads ask for.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "client/conversation.hpp"
#include "transport/port.hpp"

namespace shoal::client {

class Core final : private Line {
public:
    /// Begins to connect; throws what Port::connect throws.
    Core(ClientOptions options, std::unique_ptr<transport::Port> port);
    ~Core() override;
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    /// Waits for the first hub. Throws timeout or refused.
    void wait_until_joined();
    /// Answers what is open and ends the thread. Any thread but the client's own, twice.
    void stop() noexcept;

    /// Any thread: runs `work` on the client's thread. False when the client has ended: it will not run.
    [[nodiscard]] bool post(std::function<void(Conversation&)> work);
    /// Sleeps; false when the client ended meanwhile.
    [[nodiscard]] bool sleep_until(base::TimePoint when);
    /// Throws invalid_argument on the client's own thread, where waiting would wait for itself.
    void expect_other_thread(const char* what) const;

    [[nodiscard]] std::uint64_t new_ticket() noexcept { return ++tickets_; }
    [[nodiscard]] std::string hub() const;

private:
    bool send(wire::Frames frames) override;
    std::uint64_t unsent_bytes() const override;
    void joined(std::variant<wire::Welcome, base::Error> how);
    void run();

    ClientOptions options_;
    std::unique_ptr<transport::Port> port_;
    transport::PeerId hub_ = transport::PeerId::none;
    Conversation conversation_;
    bool ending_ = false;  // the thread's own

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool stopped_ = false;
    std::string hub_name_;
    std::optional<base::Error> refusal_;
    std::atomic<std::uint64_t> tickets_{0};
    std::mutex joining_;
    std::thread thread_;
};

}  // namespace shoal::client
