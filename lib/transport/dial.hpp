// One connection that we make: its target, when to try again, and the socket of the attempt that runs. Every attempt
// has a socket of its own, so nothing of an earlier session can leak into a later one. Internal to the transport.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "transport/endpoint.hpp"
#include "transport/name_lookup.hpp"
#include "transport/port.hpp"
#include "transport/zmq_socket.hpp"

namespace shoal::transport {

class Dial {
public:
    Dial(Endpoint target, std::optional<PublicKey> server, const Timing& timing);

    /// Begins or abandons an attempt when it is time. Throws what the first attempt of ZmqSocket throws.
    void step(zmq::context_t& context, const PortOptions& options, base::TimePoint now);
    /// The handshake is done: messages may go.
    void opened();
    /// This attempt or connection is over; the next comes after a pause.
    void closed(base::TimePoint now);

    [[nodiscard]] bool is_open() const noexcept { return open_; }
    /// Null between attempts.
    [[nodiscard]] ZmqSocket* socket() noexcept { return socket_.get(); }
    [[nodiscard]] const std::optional<PublicKey>& server() const noexcept { return server_; }
    [[nodiscard]] const Endpoint& target() const noexcept { return target_; }

    /// The last refusal told, so that it is told once.
    std::string last_refusal{};

private:
    void attempt(zmq::context_t& context, const PortOptions& options, const Endpoint& endpoint, base::TimePoint now);

    const Endpoint target_;
    const std::optional<PublicKey> server_;
    const Timing timing_;
    std::unique_ptr<ZmqSocket> socket_;
    std::optional<NameLookup> lookup_;
    bool open_ = false;
    base::TimePoint next_{};  // when to begin, or when to give an attempt up
    std::chrono::milliseconds pause_;
};

}  // namespace shoal::transport
