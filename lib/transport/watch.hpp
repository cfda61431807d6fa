// Watches the TCP connections of a port from outside, where ZeroMQ leaves a port open: it limits one frame, but neither
// the frames of a message that never ends, nor what a stranger sends before it is admitted, nor, without full queues
// (see zmq_socket.cpp), what waits to be read. Its heartbeats time out while a large frame crosses a slow link. The
// kernel knows how many bytes arrived, and when the far end's kernel last answered the port's signs of life; what was
// delivered is counted here. Internal to the transport; one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "platform/sockets.hpp"
#include "transport/port.hpp"

namespace shoal::transport {

class Watch {
public:
    using Facts = std::function<std::optional<platform::SocketFacts>(int descriptor)>;

    Watch(const Limits& limits, const Timing& timing, Facts facts = platform::socket_facts);

    /// A connection on that descriptor exists from now on. `owner` tells apart who uses a descriptor: it may be
    /// another's by the time its closing is heard of, and calls with another owner do nothing.
    void add(int descriptor, std::uint64_t owner, base::TimePoint now);
    void remove(int descriptor, std::uint64_t owner);
    /// A message came out of it.
    void delivered(int descriptor, std::uint64_t owner, std::uint64_t bytes, std::size_t frames);
    /// Cuts the connection off.
    void cut(int descriptor, std::uint64_t owner) const;
    [[nodiscard]] bool has_spoken(int descriptor, std::uint64_t owner) const;
    /// When floods() last found that bytes had come; the epoch for none.
    [[nodiscard]] base::TimePoint last_arrival(int descriptor, std::uint64_t owner) const;

    struct Verdict {
        int descriptor;
        std::uint64_t owner;
        std::string why;
    };
    /// The connections that sent more than may wait, or are strangers for too long.
    [[nodiscard]] std::vector<Verdict> floods(base::TimePoint now);
    /// The connections whose far end gave no sign of life. Asked by whoever sends the signs that are to be answered.
    [[nodiscard]] std::vector<Verdict> silent(base::TimePoint now);

private:
    struct Connection {
        std::uint64_t owner = 0;
        std::uint64_t identity = 0;  // of the socket behind the descriptor
        bool spoken = false;
        base::TimePoint since{}, checked{};
        std::uint64_t accounted_bytes = 0;  // of what the kernel received: delivered, or overhead
        base::TimePoint over_since{};       // when it went over the limit; epoch: it is not
        std::uint64_t received_bytes = 0;   // that the kernel knew of when it was last asked
        base::TimePoint grew_at{};          // when that was last found to be more
    };
    [[nodiscard]] const Connection* find(int descriptor, std::uint64_t owner) const;
    [[nodiscard]] std::string flood(Connection& connection, const platform::SocketFacts& facts,
                                    base::TimePoint now) const;

    const Limits limits_;
    const Timing timing_;
    Facts facts_;
    std::map<int, Connection> connections_;
    base::TimePoint asked_{}, attentive_since_{};
};

}  // namespace shoal::transport
