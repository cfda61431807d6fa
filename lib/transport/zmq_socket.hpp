// One ZeroMQ socket with the news of its connections, and messages to and from frames without copies. Internal to the
// transport, and the one header that shows ZeroMQ.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "transport/endpoint.hpp"
#include "transport/port.hpp"

namespace shoal::transport {

/// Bytes on their way to one peer. Shared with the frames, which count themselves out on ZeroMQ's thread.
struct Backlog {
    std::atomic<std::uint64_t> bytes{0};
};

/// What happens to connections, in order (zmq_socket_monitor).
struct News {
    enum class Kind { connected, accepted, ready, lost, failed, not_allowed, mismatch, closed, other };
    Kind kind = Kind::other;
    int value = 0;  ///< connected, accepted, lost: the descriptor
};

/// A message as it came, with where it came from.
struct Received {
    std::string route{};  ///< ROUTER: the connection's name inside ZeroMQ
    Frames frames{};
    bool kept = true;  ///< false: it was above a limit and its frames are gone
    std::uint64_t bytes = 0;
    std::size_t frame_count = 0;
    // Only of the first message of a route:
    int descriptor = -1;
    std::string address{};
    std::optional<PublicKey> key{};
};

class ZmqSocket {
public:
    enum class Role { listener, dialler };

    /// `server` is whom a dialler with keys expects. Throws network when descriptors or memory run out.
    ZmqSocket(zmq::context_t& context, Role role, const PortOptions& options,
              const std::optional<PublicKey>& server = std::nullopt);
    ~ZmqSocket();
    ZmqSocket(const ZmqSocket&) = delete;
    ZmqSocket& operator=(const ZmqSocket&) = delete;

    /// Throws network; returns the endpoint with its port.
    std::string bind(const Endpoint& endpoint);
    void connect(const Endpoint& endpoint);

    [[nodiscard]] std::optional<News> news();
    /// The next message; nothing when none is there. `is_new` says whether a route has not been seen yet.
    template <class IsNew>
    [[nodiscard]] std::optional<Received> receive(const Limits& limits, IsNew&& is_new);
    /// False when the peer is gone. `route` is empty for a dialler.
    [[nodiscard]] bool send(const std::string& route, const Frames& frames, const std::shared_ptr<Backlog>& backlog);
    /// Sends the empty message that only ports see; false when the peer is gone.
    [[nodiscard]] bool greet(const std::string& route);

    /// Descriptors that become readable when something happens, once: has_message() and has_news() tell what, and are
    /// asked before waiting and after.
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    [[nodiscard]] int news_descriptor() const noexcept { return news_descriptor_; }
    [[nodiscard]] bool has_message();
    [[nodiscard]] bool has_news();

    bool readable = false;  ///< a message may be there

private:
    [[nodiscard]] static std::optional<zmq::message_t> next_frame(zmq::socket_t& socket);
    void describe(const zmq::message_t& frame, Received& received) const;
    static void keep(zmq::message_t frame, const Limits& limits, Received& received);

    Role role_;
    bool with_keys_;
    zmq::socket_t socket_, news_;
    int descriptor_ = -1, news_descriptor_ = -1;
};

template <class IsNew>
std::optional<Received> ZmqSocket::receive(const Limits& limits, IsNew&& is_new) {
    auto frame = next_frame(socket_);
    if (!frame) return std::nullopt;
    Received out;
    if (role_ == Role::listener) {
        out.route.assign(static_cast<const char*>(frame->data()), frame->size());
        frame = next_frame(socket_);
        if (!frame) return std::nullopt;
    }
    if (is_new(out.route)) describe(*frame, out);
    for (;;) {
        const bool more = frame->more();
        keep(std::move(*frame), limits, out);
        if (!more) return out;
        frame = next_frame(socket_);
        if (!frame) return out;
    }
}

}  // namespace shoal::transport
