// How the hub's parts send: the one thing that they know of the network, so that tests can be the network.
#pragma once

#include <functional>

#include "transport/port.hpp"
#include "wire/message.hpp"

namespace shoal::hub {

using transport::PeerId;

class Outbox {
public:
    virtual ~Outbox() = default;

    /// Never waits. False when the peer is not there (any more).
    virtual bool send(PeerId peer, wire::Frames frames) = 0;
    /// Ends the connection; nothing is heard of the peer afterwards.
    virtual void disconnect(PeerId peer) = 0;
    /// Bytes on their way to the peer that the network has not taken.
    [[nodiscard]] virtual std::uint64_t unsent_bytes(PeerId peer) const = 0;
    /// As the port's: bytes of a message that is not whole count too.
    [[nodiscard]] virtual base::TimePoint last_arrival(PeerId peer) const = 0;
    [[nodiscard]] virtual transport::Counters counters(PeerId peer) const = 0;
    [[nodiscard]] virtual transport::Rejections rejections() const = 0;
};

/// Encodes and sends. False when the peer is not there. Throws what encode() throws for messages beyond the maxima.
template <class Message>
bool tell(Outbox& outbox, PeerId peer, const Message& message) {
    return outbox.send(peer, encode(message));
}

/// Runs what takes long outside the hub's thread. What a job returns is run on the hub's thread afterwards.
class Worker {
public:
    using Done = std::function<void()>;

    virtual ~Worker() = default;
    /// Urgent ones go before the others, and each kind in the order given.
    virtual void run(std::function<Done()> job, bool urgent = false) = 0;
};

}  // namespace shoal::hub
