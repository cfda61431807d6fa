#include "transport/zmq_socket.hpp"

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "base/endian.hpp"
#include "base/error.hpp"
#include "platform/sockets.hpp"
#include "transport/doorman.hpp"

namespace shoal::transport {

using base::Code;
using base::fail;

namespace {

constexpr int kDescriptorsOfASocket = 8;  // its mailbox, its monitor's two and their spares

// Smaller frames fit into ZeroMQ's own message and are copied there.
constexpr std::size_t kInlineBytes = 32;

// What ZeroMQ received below this (its batch size) lies unaligned in a block shared with other messages, which it would
// keep alive; such frames are copied into memory of their own.
constexpr std::size_t kBatchBytes = 8192;

// What CURVE adds to a frame, rounded up (RFC 26: a command name, a nonce, an authenticator, flags).
constexpr std::uint64_t kCurveBytes = 64;

struct Outgoing {
    base::SharedBytes bytes;
    std::shared_ptr<Backlog> backlog;
};

void release(void*, void* hint) {
    const std::unique_ptr<Outgoing> frame(static_cast<Outgoing*>(hint));
    frame->backlog->bytes.fetch_sub(frame->bytes.size(), std::memory_order_relaxed);
}

zmq::message_t to_message(const base::SharedBytes& bytes, const std::shared_ptr<Backlog>& backlog) {
    if (bytes.size() <= kInlineBytes) return {bytes.data(), bytes.size()};
    auto frame = std::make_unique<Outgoing>(Outgoing{bytes, backlog});
    // ZeroMQ only reads what it sends; its interface lacks the const.
    zmq::message_t message(const_cast<std::byte*>(bytes.data()), bytes.size(), release, frame.get());
    backlog->bytes.fetch_add(bytes.size(), std::memory_order_relaxed);
    static_cast<void>(frame.release());
    return message;
}

base::SharedBytes to_bytes(zmq::message_t message) {
    if (message.size() < kBatchBytes)
        return base::SharedBytes::copy_of({static_cast<const std::byte*>(message.data()), message.size()});
    auto owner = std::make_shared<const zmq::message_t>(std::move(message));
    const base::ByteView view(static_cast<const std::byte*>(owner->data()), owner->size());
    return {std::move(owner), view};
}

News::Kind kind_of(int event, int value) {
    switch (event) {
        case ZMQ_EVENT_CONNECTED: return News::Kind::connected;
        case ZMQ_EVENT_ACCEPTED: return News::Kind::accepted;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return News::Kind::ready;
        case ZMQ_EVENT_DISCONNECTED: return News::Kind::lost;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: return News::Kind::not_allowed;
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            return value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH ? News::Kind::mismatch : News::Kind::failed;
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: return News::Kind::failed;
        case ZMQ_EVENT_CLOSED: return News::Kind::closed;
        default: return News::Kind::other;
    }
}

constexpr int kWanted = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                        ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_CLOSED;

int milliseconds(std::chrono::milliseconds duration) {
    return static_cast<int>(duration.count());
}

void set_options(zmq::socket_t& socket, const PortOptions& options) {
    const Timing& timing = options.timing;
    socket.set(zmq::sockopt::linger, milliseconds(timing.linger));
    socket.set(zmq::sockopt::sndhwm, 0);  // counted in bytes by the port instead
    // Watched in bytes too. A full queue would stop ZeroMQ's reading, and if a peer that is not read from sends a ping
    // and leaves, libzmq 4.3.4 ends the process (an assertion in stream_engine_base.cpp); so no queue is ever full.
    socket.set(zmq::sockopt::rcvhwm, 0);
    socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(options.limits.frame_bytes + kCurveBytes));
    socket.set(zmq::sockopt::handshake_ivl, milliseconds(timing.handshake));
    socket.set(zmq::sockopt::tcp_keepalive, 1);
}

void set_keys(zmq::socket_t& socket, const Keys& keys, ZmqSocket::Role role, const std::optional<PublicKey>& server) {
    socket.set(zmq::sockopt::curve_secretkey, keys.secret_text());
    socket.set(zmq::sockopt::curve_publickey, keys.public_key().text());
    if (role == ZmqSocket::Role::listener) {
        socket.set(zmq::sockopt::curve_server, true);
        socket.set(zmq::sockopt::zap_domain, std::string(kDomain));
    } else {
        socket.set(zmq::sockopt::curve_serverkey, server->text());
    }
}

}  // namespace

ZmqSocket::ZmqSocket(zmq::context_t& context, Role role, const PortOptions& options,
                     const std::optional<PublicKey>& server)
    : role_(role), with_keys_(options.keys.has_value()) {
    // Inside libzmq running out of descriptors can end the process; here it is an error.
    if (!platform::descriptors_available(kDescriptorsOfASocket))
        fail(Code::network, "no file descriptors are left for a connection; raise the limit (ulimit -n)");
    try {
        socket_ = zmq::socket_t(context, role == Role::listener ? zmq::socket_type::router : zmq::socket_type::dealer);
        set_options(socket_, options);
        if (options.keys) set_keys(socket_, *options.keys, role, server);
        if (role == Role::listener) {
            socket_.set(zmq::sockopt::router_mandatory, true);
        } else {
            socket_.set(zmq::sockopt::immediate, true);  // messages go to an open connection or nowhere
            socket_.set(zmq::sockopt::reconnect_ivl, -1);
            socket_.set(zmq::sockopt::connect_timeout, milliseconds(options.timing.handshake));
        }
        static std::atomic<unsigned> counter{0};
        const std::string name = "inproc://news." + std::to_string(counter++);
        news_ = zmq::socket_t(context, zmq::socket_type::pair);
        news_.set(zmq::sockopt::linger, 0);
        news_.set(zmq::sockopt::rcvhwm, 0);  // a full queue would stop ZeroMQ's own thread
        if (zmq_socket_monitor(socket_.handle(), name.c_str(), kWanted) != 0) throw zmq::error_t();
        news_.connect(name);
        descriptor_ = socket_.get(zmq::sockopt::fd);
        news_descriptor_ = news_.get(zmq::sockopt::fd);
    } catch (const zmq::error_t& error) {
        fail(Code::network, "cannot make a socket: ", error.what());
    }
}

ZmqSocket::~ZmqSocket() {
    // Before its reader goes: news that nobody can receive would stop ZeroMQ's own thread.
    zmq_socket_monitor(socket_.handle(), nullptr, 0);
}

std::string ZmqSocket::bind(const Endpoint& endpoint) {
    try {
        socket_.set(zmq::sockopt::ipv6, endpoint.host.find(':') != std::string::npos);
        socket_.bind(endpoint.text());
        return socket_.get(zmq::sockopt::last_endpoint);
    } catch (const zmq::error_t& error) {
        const auto code = error.num() == EINVAL ? Code::invalid_argument : Code::network;
        fail(code, "cannot listen on ", endpoint.text(), ": ", error.what());
    }
}

void ZmqSocket::connect(const Endpoint& endpoint) {
    try {
        socket_.set(zmq::sockopt::ipv6, endpoint.host.find(':') != std::string::npos);
        socket_.connect(endpoint.text());
    } catch (const zmq::error_t& error) {
        const auto code = error.num() == EINVAL ? Code::invalid_argument : Code::network;
        fail(code, "cannot connect to ", endpoint.text(), ": ", error.what());
    }
}

namespace {

bool is_readable(zmq::socket_t& socket) {
    int events = 0;
    std::size_t size = sizeof events;
    while (zmq_getsockopt(socket.handle(), ZMQ_EVENTS, &events, &size) != 0) {
        if (zmq_errno() != EINTR) return false;
    }
    return (events & ZMQ_POLLIN) != 0;
}

}  // namespace

bool ZmqSocket::has_message() {
    return is_readable(socket_);
}

bool ZmqSocket::has_news() {
    return is_readable(news_);
}

std::optional<News> ZmqSocket::news() {
    const auto head = next_frame(news_);
    if (!head) return std::nullopt;
    if (head->more()) static_cast<void>(next_frame(news_));  // the endpoint
    if (head->size() != 6) return News{};  // event (16 bits) and value (32 bits), see zmq_socket_monitor(3)
    const auto* bytes = static_cast<const std::byte*>(head->data());
    const int event = base::load_le<std::uint16_t>(bytes), value = base::load_le<std::int32_t>(bytes + 2);
    return News{kind_of(event, value), value};
}

std::optional<zmq::message_t> ZmqSocket::next_frame(zmq::socket_t& socket) {
    zmq::message_t frame;
    while (zmq_msg_recv(frame.handle(), socket.handle(), ZMQ_DONTWAIT) < 0) {
        if (zmq_errno() != EINTR) return std::nullopt;
    }
    return frame;
}

void ZmqSocket::describe(const zmq::message_t& frame, Received& received) const {
    const auto property = [&](const char* name) -> std::string {
        const char* value = zmq_msg_gets(frame.handle(), name);
        return value != nullptr ? value : "";
    };
    if (const std::string text = property("__fd"); !text.empty()) received.descriptor = std::atoi(text.c_str());
    received.address = property("Peer-Address");
    // On a plaintext connection a peer may call itself what it likes; only the gate's word counts.
    if (const std::string user = property("User-Id"); with_keys_ && !user.empty())
        received.key = PublicKey::parse(user);
}

void ZmqSocket::keep(zmq::message_t frame, const Limits& limits, Received& received) {
    received.bytes += frame.size();
    ++received.frame_count;
    if (frame.size() > limits.frame_bytes || received.bytes > limits.message_bytes ||
        received.frame_count > limits.frames) {
        received.kept = false;
    }
    if (received.kept)
        received.frames.push_back(to_bytes(std::move(frame)));
    else
        received.frames.clear();
}

bool ZmqSocket::send(const std::string& route, const Frames& frames, const std::shared_ptr<Backlog>& backlog) {
    // Everything that can throw comes first: a message of which only a part was sent would spoil the socket.
    std::vector<zmq::message_t> messages;
    messages.reserve(frames.size() + 1);
    if (role_ == Role::listener) messages.emplace_back(route.data(), route.size());
    for (const auto& frame : frames)
        messages.push_back(to_message(frame, backlog));
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const int more = i + 1 < messages.size() ? ZMQ_SNDMORE : 0;
        while (zmq_msg_send(messages[i].handle(), socket_.handle(), ZMQ_DONTWAIT | more) < 0) {
            if (zmq_errno() != EINTR) return false;
        }
    }
    return true;
}

bool ZmqSocket::greet(const std::string& route) {
    return send(route, {base::SharedBytes()}, nullptr);
}

}  // namespace shoal::transport
