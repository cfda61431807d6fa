// A port: one end of the network as hub, node and client see it. It listens, connects, and moves messages of opaque
// frames; it knows nothing of what is in them.
//
// Two kinds exist and behave alike: make_zmq_port (ZeroMQ over tcp and ipc, with CURVE) and make_in_process_port
// (queues inside one process). A port belongs to one thread at a time; only post() and wake() may be called from any
// thread. That thread calls wait() in a loop and comes back to it soon: nothing holds a sender back meanwhile but what
// was agreed with it (credits, pulling), and floods are noticed only inside wait().
//
// A connection is a session: `connected`, messages in the order they were sent, `disconnected`. What was on its way
// when a connection broke is lost; nothing is repeated and nothing arrives twice. A port that connects tries again by
// itself, under the same PeerId; a port that is connected to sees every new connection as a new peer.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "transport/keys.hpp"

namespace shoal::transport {

/// A message: one or more frames, delivered all together or not at all. A message of one empty frame is the port's own
/// and cannot be sent.
using Frames = std::vector<base::SharedBytes>;

/// A peer of one port; never given twice by the same port. 0 is nobody.
enum class PeerId : std::uint64_t { none = 0 };

struct Event {
    enum class Kind : std::uint8_t {
        connected,     ///< text: the peer's address
        message,       ///< frames
        disconnected,  ///< text: why, as far as it is known
        refused,       ///< a peer that we connect to does not let us in; text: why. The port goes on trying
    };
    Kind kind = Kind::message;
    PeerId peer = PeerId::none;
    Frames frames{};
    /// Whom the other side proved to be; nothing on a plaintext connection.
    std::optional<PublicKey> key{};
    std::string text{};
};

/// What passed between this port and one peer, over all of its connections, as given to send() and by wait().
struct Counters {
    std::uint64_t messages_sent = 0, messages_received = 0;
    std::uint64_t frames_sent = 0, frames_received = 0;
    std::uint64_t bytes_sent = 0, bytes_received = 0;
    bool operator==(const Counters&) const = default;
};

/// What a port kept away from its owner.
struct Rejections {
    std::uint64_t messages = 0;    ///< dropped: too many frames or bytes
    std::uint64_t handshakes = 0;  ///< connections that did not get past the handshake: unknown keys, garbage
    std::uint64_t cuts = 0;        ///< peers cut off: flooding, not reading, silent, too many
    bool operator==(const Rejections&) const = default;
};

/// Documented maxima. A peer that breaks one is dropped or cut off, and memory is bounded by them whatever a peer does;
/// on ipc by frame_bytes alone, for the kernel does not count there: keep its folder to yourself.
struct Limits {
    std::size_t frames = 256;                    ///< of one message
    std::uint64_t frame_bytes = 256ULL << 20;    ///< refused by its announced length, before memory is spent
    std::uint64_t message_bytes = 256ULL << 20;  ///< all frames of a message
    std::uint64_t unread_bytes = 512ULL << 20;  ///< of one peer, arrived and not taken by wait(); beyond, it is cut off
    std::uint64_t unsent_bytes = 512ULL << 20;  ///< to one peer, not taken by the network; beyond, it is cut off
    std::uint64_t unspoken_bytes = 64ULL << 10;  ///< of one connection before its first message
    int connections = 256;                       ///< accepted at once
};

struct Timing {
    std::chrono::milliseconds heartbeat{250};   ///< how often a sign of life is sent when nothing else is
    std::chrono::milliseconds silence{1000};    ///< a board that answers none for this long is gone (tcp); whether
                                                ///< the program on it still works is for its own messages to show
    std::chrono::milliseconds handshake{3000};  ///< for connecting, and again for the handshake
    std::chrono::milliseconds retry_first{50};  ///< before connecting again; doubles up to
    std::chrono::milliseconds retry_longest{1000};
    std::chrono::milliseconds linger{100};  ///< what was sent last may still go out for this long
};

struct PortOptions {
    /// Without keys everything is plaintext, and only endpoints of this machine are served.
    std::optional<Keys> keys{};
    /// Who may connect to a port with keys; none given: nobody. Changes take effect at once, on open connections too.
    std::shared_ptr<AllowList> allowed{};
    Limits limits{};
    Timing timing{};
};

class Port {
public:
    virtual ~Port() = default;

    /// Serves an endpoint and returns it as it became (a port of '*' resolved). May be called several times.
    /// Throws invalid_argument, refused (plaintext beyond this machine) or network (in use, no such address).
    virtual std::string listen(const std::string& endpoint) = 0;

    /// Starts connecting and returns at once; `connected` tells when it worked. With keys, `server` says who must
    /// answer there. Throws invalid_argument or refused (plaintext beyond this machine, a key without keys of our own).
    virtual PeerId connect(const std::string& endpoint, const std::optional<PublicKey>& server = std::nullopt) = 0;

    /// Queues a message and never waits. The frames' bytes are shared, not copied, and must not change.
    /// False when the peer is not connected, or was cut because more than Limits::unsent_bytes wait for it.
    /// Throws invalid_argument when the message is empty or above a limit.
    [[nodiscard]] virtual bool send(PeerId peer, Frames frames) = 0;

    /// The next event; nothing when the deadline passed or another thread woke this one.
    [[nodiscard]] virtual std::optional<Event> wait(base::TimePoint deadline) = 0;

    /// Forgets the peer: what was sent may still leave for Timing::linger, nothing of it is delivered any more, and no
    /// `disconnected` follows. For a peer that we connected to, the port stops trying. Unknown peers are ignored.
    virtual void disconnect(PeerId peer) = 0;

    /// Any thread: makes wait() return nothing, now or the next time it is called.
    virtual void wake() noexcept = 0;

    /// Any thread: runs `work` inside wait(), on the thread that owns the port; wait() then returns nothing.
    virtual void post(std::function<void()> work) = 0;

    /// Of a peer that is or was connected and is not yet forgotten; zeros otherwise.
    [[nodiscard]] virtual Counters counters(PeerId peer) const = 0;

    /// Bytes given to send() that the network has not taken yet. Whoever sends much looks at it and paces itself.
    [[nodiscard]] virtual std::uint64_t unsent_bytes(PeerId peer) const = 0;

    /// When bytes of that peer were last seen to arrive, those of a message that is still on its way too: a long one
    /// says nothing until it is whole, but is no silence. The epoch where that is not known.
    [[nodiscard]] virtual base::TimePoint last_arrival(PeerId peer) const = 0;

    [[nodiscard]] virtual Rejections rejections() const = 0;
};

}  // namespace shoal::transport
