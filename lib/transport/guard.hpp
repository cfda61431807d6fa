// A port's guard: a thread that admits newcomers and cuts off whoever floods the port, so that neither depends on how
// busy the port's owner is. It answers for keys (Doorman), hears who connects to the listener and who is gone, and
// watches what arrives (Watch). Internal to the transport; every member function may be called by owner and guard.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "platform/sockets.hpp"
#include "transport/doorman.hpp"
#include "transport/watch.hpp"
#include "transport/zmq_socket.hpp"

namespace shoal::transport {

class Guard {
public:
    /// `owner` is rung when something happened that the owner should take. Throws network.
    Guard(zmq::context_t& context, const PortOptions& options, platform::Bell& owner);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

    /// From now on the news of that socket are read here, under the guard's lock; null: no more.
    void mind(ZmqSocket* listener);

    struct Happened {
        std::vector<int> lost{};            ///< descriptors of connections to the listener, in order
        std::vector<Watch::Verdict> cut{};  ///< connections that were cut off for flooding
    };
    /// What happened since it was last asked; reads the latest news first.
    [[nodiscard]] Happened take();
    [[nodiscard]] bool has_something() const noexcept { return something_.load(std::memory_order_acquire); }

    /// True for a connection to the listener that is open as far as is known.
    [[nodiscard]] bool is_accepted(int descriptor) const;
    [[nodiscard]] std::size_t accepted() const;

    // As in Watch:
    void add(int descriptor, std::uint64_t owner);
    void remove(int descriptor, std::uint64_t owner);
    void delivered(int descriptor, std::uint64_t owner, std::uint64_t bytes, std::size_t frames);
    void cut(int descriptor, std::uint64_t owner) const;
    [[nodiscard]] std::vector<Watch::Verdict> silent();
    [[nodiscard]] base::TimePoint last_arrival(int descriptor, std::uint64_t owner) const;

    [[nodiscard]] std::uint64_t failed_handshakes() const;
    [[nodiscard]] std::uint64_t cuts() const;

private:
    void run();
    void read_news();
    void accept(int descriptor);
    void cut_floods();
    void tell_owner();

    const int most_connections_;
    platform::Bell& owner_;
    std::unique_ptr<Doorman> doorman_;  // the thread's alone, once it runs

    mutable std::mutex mutex_;  // for all below
    Watch watch_;
    ZmqSocket* listener_ = nullptr;
    std::set<int> accepted_;
    Happened happened_;
    std::uint64_t failed_handshakes_ = 0, cuts_ = 0;

    std::atomic<bool> something_{false}, stop_{false};
    platform::Bell bell_;
    std::thread thread_;
};

}  // namespace shoal::transport
