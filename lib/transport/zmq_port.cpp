#include "transport/zmq_port.hpp"

#include <algorithm>
#include <system_error>

#include "base/error.hpp"
#include "base/log.hpp"
#include "transport/checks.hpp"
#include "transport/zmq_port_impl.hpp"

namespace shoal::transport {

using base::Code;
using base::fail;
using base::TimePoint;
using Kind = Event::Kind;

namespace {

constexpr int kDescriptorsOfAContext = 24;  // of its threads: epoll, mailboxes, signals; 13 with libzmq 4.3.4

// So many messages are taken before all sockets are looked at again, or a busy one would keep the others waiting.
constexpr int kMessagesBetweenPolls = 32;

// ZeroMQ closes the queue of a broken connection soon, and has no event for it: look again after this.
constexpr std::chrono::milliseconds kSettling{1};

zmq::context_t make_context() {
    if (!platform::descriptors_available(kDescriptorsOfAContext))
        fail(Code::network, "not enough file descriptors are left for a network port; raise the limit (ulimit -n)");
    return zmq::context_t(1);
}

void expect_network(const Endpoint& endpoint) {
    if (endpoint.kind == Endpoint::Kind::inproc)
        fail(Code::invalid_argument, endpoint.text(), ": a network port takes tcp:// and ipc:// endpoints");
}

}  // namespace

ZmqPort::ZmqPort(PortOptions options)
    : options_(std::move(options)), context_(make_context()), guard_(context_, options_, bell_) {}

std::string ZmqPort::listen(const std::string& text) {
    const Endpoint endpoint = parse_endpoint(text);
    expect_network(endpoint);
    if (!options_.keys) check_plaintext(endpoint, "listening on");
    if (listener_ == nullptr) {
        listener_ = std::make_unique<ZmqSocket>(context_, ZmqSocket::Role::listener, options_);
        guard_.mind(listener_.get());
    }
    return listener_->bind(endpoint);
}

PeerId ZmqPort::connect(const std::string& text, const std::optional<PublicKey>& server) {
    const Endpoint endpoint = parse_endpoint(text);
    expect_network(endpoint);
    if (endpoint.host == "*" || endpoint.port == "*" || endpoint.port == "0")
        fail(Code::invalid_argument, "'", text, "' is for listening; connecting needs a host and a port");
    check_keys(options_, endpoint, server);
    auto dial = std::make_unique<Dial>(endpoint, server, options_.timing);
    dial->step(context_, options_, base::SteadyClock::now());
    Peer& peer = add_peer();
    peer.dial = std::move(dial);
    peer.key = server;
    peer.address = endpoint.text();
    return peer.id;
}

bool ZmqPort::send(PeerId id, Frames frames) {
    check_sendable(frames, options_.limits);
    Peer* peer = find(id);
    if (peer == nullptr || !peer->connected || peer->is_broken()) return false;
    const std::uint64_t waiting = peer->backlog->bytes.load(std::memory_order_relaxed);
    if (waiting + size_bytes(frames) > options_.limits.unsent_bytes) {
        cut(*peer, base::text("it does not read; ", waiting, " bytes wait for it"));
        return false;
    }
    if (!socket_of(*peer)->send(peer->route, frames, peer->backlog)) {
        mark_broken(*peer, "the connection broke");
        return false;
    }
    peer->last_sent = base::SteadyClock::now();
    count_sent(peer->counters, frames);
    return true;
}

std::optional<Event> ZmqPort::wait(TimePoint deadline) {
    for (;;) {
        if (mailbox_.answer()) return std::nullopt;
        const auto now = base::SteadyClock::now();
        if (now >= next_upkeep_) upkeep(now);
        if (guard_.has_something()) read_guard_news();
        if (messages_since_poll_ >= kMessagesBetweenPolls) poll(now);
        if (events_.empty()) receive();
        if (any_broken_) settle(now);
        if (!events_.empty()) return take();
        if (now >= deadline) return std::nullopt;
        if (any_readable()) continue;
        poll(any_broken_ ? std::min<TimePoint>(deadline, now + kSettling) : deadline);
    }
}

void ZmqPort::disconnect(PeerId id) {
    Peer* peer = find(id);
    if (peer == nullptr) return;
    events_.erase(std::remove_if(events_.begin(), events_.end(), [&](const Event& event) { return event.peer == id; }),
                  events_.end());
    if (peer->dial == nullptr && peer->connected) {
        peer->connected = false;
        peer->leaving = peer->barred = true;
        peer->cut_at = base::SteadyClock::now() + options_.timing.linger;
        return;
    }
    guard_.remove(peer->descriptor, peer->owner());
    peers_.erase(id);
}

void ZmqPort::wake() noexcept {
    if (mailbox_.call()) bell_.ring();
}

void ZmqPort::post(std::function<void()> work) {
    if (mailbox_.put(std::move(work))) bell_.ring();
}

Counters ZmqPort::counters(PeerId id) const {
    const auto at = peers_.find(id);
    return at != peers_.end() ? at->second.counters : Counters{};
}

std::uint64_t ZmqPort::unsent_bytes(PeerId id) const {
    const auto at = peers_.find(id);
    return at != peers_.end() ? at->second.backlog->bytes.load(std::memory_order_relaxed) : 0;
}

TimePoint ZmqPort::last_arrival(PeerId id) const {
    const auto at = peers_.find(id);
    return at != peers_.end() ? guard_.last_arrival(at->second.descriptor, at->second.owner()) : TimePoint{};
}

Rejections ZmqPort::rejections() const {
    Rejections out = rejections_;
    out.handshakes += guard_.failed_handshakes();
    out.cuts += guard_.cuts();
    return out;
}

ZmqPort::Peer& ZmqPort::add_peer() {
    const PeerId id{++last_id_};
    Peer& peer = peers_[id];
    peer.id = id;
    return peer;
}

// A peer that the owner still knows.
ZmqPort::Peer* ZmqPort::find(PeerId id) {
    const auto at = peers_.find(id);
    return at != peers_.end() && !at->second.leaving ? &at->second : nullptr;
}

ZmqSocket* ZmqPort::socket_of(Peer& peer) {
    return peer.dial != nullptr ? peer.dial->socket() : listener_.get();
}

Event ZmqPort::take() {
    Event event = std::move(events_.front());
    events_.pop_front();
    const auto at = peers_.find(event.peer);
    if (event.kind == Kind::disconnected && at != peers_.end() && at->second.dial == nullptr) peers_.erase(at);
    return event;
}

bool ZmqPort::any_readable() {
    bool any = listener_ != nullptr && listener_->readable;
    for (auto& [id, peer] : peers_)
        any = any || (peer.dial != nullptr && peer.dial->socket() != nullptr && peer.dial->socket()->readable);
    return any;
}

// One message from each socket that may have one.
void ZmqPort::receive() {
    if (listener_ != nullptr && listener_->readable) receive_from_listener();
    for (auto& [id, peer] : peers_) {
        if (peer.dial != nullptr && peer.dial->socket() != nullptr && peer.dial->socket()->readable)
            receive_from_dial(peer);
    }
}

void ZmqPort::receive_from_listener() {
    auto received = listener_->receive(options_.limits, [&](const std::string& route) {
        if (routes_.count(route) != 0) return false;
        read_guard_news();  // so that its descriptor is watched before its bytes are counted
        return true;
    });
    if (!received) {
        listener_->readable = false;
        return;
    }
    ++messages_;
    const auto known = routes_.find(received->route);
    Peer& peer = known != routes_.end() ? peers_.at(known->second) : meet(*received);
    peer.read_through = messages_;
    deliver(peer, std::move(*received));
}

// The first message of a new connection.
ZmqPort::Peer& ZmqPort::meet(Received& received) {
    if (!guard_.is_accepted(received.descriptor)) received.descriptor = -1;
    for (auto& [id, other] : peers_) {  // whose descriptor this was is gone
        if (other.dial != nullptr || other.descriptor < 0 || other.descriptor != received.descriptor) continue;
        other.descriptor = -1;
        mark_broken(other, "the connection broke");
    }
    Peer& peer = add_peer();
    peer.route = received.route;
    peer.descriptor = received.descriptor;
    peer.key = received.key;
    peer.address = received.address;
    peer.connected = true;
    peer.last_sent = base::SteadyClock::now();
    routes_[peer.route] = peer.id;
    if (options_.keys && !may_enter(peer.key)) {  // it came in before its key was taken from the list
        peer.connected = false;
        peer.leaving = peer.barred = true;
        cut(peer, "its key is not allowed here");
        return peer;
    }
    events_.push_back({Kind::connected, peer.id, {}, peer.key, received.address});
    return peer;
}

bool ZmqPort::may_enter(const std::optional<PublicKey>& key) const {
    return key && options_.allowed != nullptr && options_.allowed->contains(*key);
}

void ZmqPort::receive_from_dial(Peer& peer) {
    auto received = peer.dial->socket()->receive(options_.limits, [](const std::string&) { return false; });
    if (!received) {
        peer.dial->socket()->readable = false;
        return;
    }
    if (!peer.connected) read_dial_news(peer);
    if (peer.connected)
        deliver(peer, std::move(*received));
    else
        ++rejections_.messages;  // of a session that is over
}

void ZmqPort::deliver(Peer& peer, Received received) {
    ++messages_since_poll_;
    guard_.delivered(peer.descriptor, peer.owner(), received.bytes, received.frame_count);
    const bool greeting = received.frame_count == 1 && received.bytes == 0;
    if (greeting || peer.barred) return;
    if (!received.kept) {
        if (rejections_.messages++ == 0) {
            base::log_warning("transport", "dropped a message of ", received.frame_count, " frames and ",
                              received.bytes, " bytes from ", peer.who(), ": at most ", options_.limits.frames,
                              " frames and ", options_.limits.message_bytes, " bytes are taken");
        }
        return;
    }
    count_received(peer.counters, received.frames);
    events_.push_back({Kind::message, peer.id, std::move(received.frames), peer.key, {}});
}

void ZmqPort::poll(TimePoint until) {
    messages_since_poll_ = 0;
    sockets_.clear();
    if (listener_ != nullptr) sockets_.push_back(listener_.get());
    for (auto& [id, peer] : peers_) {
        if (peer.dial != nullptr && peer.dial->socket() != nullptr) sockets_.push_back(peer.dial->socket());
    }
    if (!look()) {
        waiting_.assign(1, {bell_.descriptor(), false});
        for (const ZmqSocket* socket : sockets_) {
            waiting_.push_back({socket->descriptor(), false});
            if (socket != listener_.get()) waiting_.push_back({socket->news_descriptor(), false});
        }
        const auto left = std::min(until, next_upkeep_) - base::SteadyClock::now();
        platform::wait_readable(waiting_, std::max<base::Duration>(left, base::Duration::zero()));
        if (waiting_[0].readable) bell_.reset();
        static_cast<void>(look());
    }
}

// Whether anything can be read now; news are read at once.
bool ZmqPort::look() {
    bool any = false, news = false;
    for (ZmqSocket* socket : sockets_) {
        socket->readable = socket->readable || socket->has_message();
        news = news || (socket != listener_.get() && socket->has_news());  // the listener's are the guard's
        any = any || socket->readable;
    }
    if (news) read_all_news();
    return any || news;
}

std::unique_ptr<Port> make_zmq_port(PortOptions options) {
    try {
        return std::make_unique<ZmqPort>(std::move(options));
    } catch (const std::system_error& error) {
        fail(Code::network, "cannot make a network port: ", error.what());
    } catch (const zmq::error_t& error) {
        fail(Code::network, "cannot make a network port: ", error.what());
    }
}

}  // namespace shoal::transport
