#include "transport/in_process.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/log.hpp"
#include "transport/checks.hpp"
#include "transport/mailbox.hpp"

namespace shoal::transport {

using base::Code;
using base::fail;
using Kind = Event::Kind;

namespace {

class InProcessPort;

constexpr std::chrono::milliseconds kLook{10};  // between looks at the allow-list, whose changes no queue tells
constexpr const char* kUnlisted = "its key is no longer allowed here";

}  // namespace

// One lock for everything: these ports are for few peers, and simple is what makes them repeatable.
class InProcessNetwork {
public:
    std::mutex mutex;
    std::map<std::string, InProcessPort*> listeners;
    std::set<InProcessPort*> ports;
    std::uint64_t names = 0;
};

namespace {

class InProcessPort final : public Port {
public:
    InProcessPort(std::shared_ptr<InProcessNetwork> network, PortOptions options)
        : network_(std::move(network)), options_(std::move(options)) {
        const std::lock_guard lock(network_->mutex);
        network_->ports.insert(this);
    }

    ~InProcessPort() override {
        const std::lock_guard lock(network_->mutex);
        network_->ports.erase(this);
        for (auto at = network_->listeners.begin(); at != network_->listeners.end();)
            at = at->second == this ? network_->listeners.erase(at) : std::next(at);
        for (auto& [id, peer] : peers_)
            part_far_end(peer, "it is gone");
    }

    std::string listen(const std::string& text) override {
        Endpoint endpoint = parse_inproc(text);
        const std::lock_guard lock(network_->mutex);
        if (endpoint.host == "*") endpoint.host = std::to_string(++network_->names);
        if (!network_->listeners.emplace(endpoint.host, this).second)
            fail(Code::network, "cannot listen on ", endpoint.text(), ": somebody else does");
        for (InProcessPort* port : network_->ports)
            port->try_pending();
        return endpoint.text();
    }

    PeerId connect(const std::string& text, const std::optional<PublicKey>& server) override {
        const Endpoint endpoint = parse_inproc(text);
        check_keys(options_, endpoint, server);
        const std::lock_guard lock(network_->mutex);
        const PeerId id = add_peer();
        Peer& peer = peers_.at(id);
        peer.target = endpoint.host;
        peer.key = server;
        try_connect(id, peer);
        return id;
    }

    bool send(PeerId id, Frames frames) override {
        check_sendable(frames, options_.limits);
        const std::lock_guard lock(network_->mutex);
        const auto at = peers_.find(id);
        if (at == peers_.end() || !at->second.connected()) return false;
        Peer& peer = at->second;
        Peer& far = peer.far->peers_.at(peer.far_id);
        const std::uint64_t unread = far.unread_bytes + size_bytes(frames);
        const Limits& theirs = peer.far->options_.limits;
        const bool huge = std::any_of(frames.begin(), frames.end(),
                                      [&](const auto& frame) { return frame.size() > theirs.frame_bytes; });
        if (unread > options_.limits.unsent_bytes || unread > theirs.unread_bytes || huge) {
            ++(unread > options_.limits.unsent_bytes ? rejections_ : peer.far->rejections_).cuts;
            part(id, peer, "it was sent more than it takes");
            return false;
        }
        count_sent(peer.counters, frames);
        if (frames.size() > theirs.frames || size_bytes(frames) > theirs.message_bytes) {
            ++peer.far->rejections_.messages;
            return true;
        }
        far.unread_bytes = unread;
        far.last_arrival = base::SteadyClock::now();
        peer.far->queue({Kind::message, peer.far_id, std::move(frames), far.key, {}});
        return true;
    }

    std::optional<Event> wait(base::TimePoint deadline) override {
        for (;;) {
            if (mailbox_.answer()) return std::nullopt;
            std::unique_lock lock(network_->mutex);
            cut_unlisted();
            try_pending();
            if (!events_.empty()) return take();
            const auto now = base::SteadyClock::now();
            if (now >= deadline) return std::nullopt;
            bell_.wait_until(lock, options_.keys ? std::min<base::TimePoint>(deadline, now + kLook) : deadline,
                             [&] { return mailbox_.called() || !events_.empty(); });
        }
    }

    void disconnect(PeerId id) override {
        const std::lock_guard lock(network_->mutex);
        const auto at = peers_.find(id);
        if (at == peers_.end()) return;
        part_far_end(at->second, "it closed the connection");
        peers_.erase(at);
        events_.erase(
            std::remove_if(events_.begin(), events_.end(), [&](const Event& event) { return event.peer == id; }),
            events_.end());
    }

    void wake() noexcept override {
        if (mailbox_.call()) ring();
    }
    void post(std::function<void()> work) override {
        if (mailbox_.put(std::move(work))) ring();
    }

    Counters counters(PeerId id) const override {
        const std::lock_guard lock(network_->mutex);
        const auto at = peers_.find(id);
        return at != peers_.end() ? at->second.counters : Counters{};
    }

    std::uint64_t unsent_bytes(PeerId id) const override {
        const std::lock_guard lock(network_->mutex);
        const auto at = peers_.find(id);
        if (at == peers_.end() || !at->second.connected()) return 0;
        return at->second.far->peers_.at(at->second.far_id).unread_bytes;
    }

    // Messages arrive whole, the moment that they are sent.
    base::TimePoint last_arrival(PeerId id) const override {
        const std::lock_guard lock(network_->mutex);
        const auto at = peers_.find(id);
        return at != peers_.end() ? at->second.last_arrival : base::TimePoint{};
    }

    Rejections rejections() const override {
        const std::lock_guard lock(network_->mutex);
        return rejections_;
    }

private:
    struct Peer {
        std::string target{};  // whom we connect to; empty when the other side connected
        std::optional<PublicKey> key{};
        InProcessPort* far = nullptr;  // null while not connected
        PeerId far_id = PeerId::none;
        std::uint64_t unread_bytes = 0;  // from it, queued here
        base::TimePoint last_arrival{};
        Counters counters{};
        std::string last_refusal{};

        [[nodiscard]] bool connected() const noexcept { return far != nullptr; }
    };

    static Endpoint parse_inproc(const std::string& text) {
        const Endpoint endpoint = parse_endpoint(text);
        if (endpoint.kind != Endpoint::Kind::inproc) {
            fail(Code::invalid_argument, "'", text, "': an in-process port takes inproc:// endpoints only");
        }
        return endpoint;
    }

    PeerId add_peer() {
        const PeerId id{++last_id_};
        peers_.emplace(id, Peer{});
        return id;
    }

    void queue(Event event) {
        events_.push_back(std::move(event));
        bell_.notify_one();
    }

    void ring() noexcept {
        const std::lock_guard lock(network_->mutex);  // or the owner could miss it between looking and sleeping
        bell_.notify_one();
    }

    Event take() {
        Event event = std::move(events_.front());
        events_.pop_front();
        const auto at = peers_.find(event.peer);
        if (at == peers_.end()) return event;
        if (event.kind == Kind::message) {
            at->second.unread_bytes -= size_bytes(event.frames);
            count_received(at->second.counters, event.frames);
        }
        if (event.kind == Kind::disconnected && at->second.target.empty()) peers_.erase(at);
        return event;
    }

    // The reason why `server` does not let us in; "" when it does.
    std::string refusal(const InProcessPort& server, const Peer& peer) const {
        if (options_.keys.has_value() != server.options_.keys.has_value())
            return "one side uses keys and the other none";
        if (!options_.keys) return {};
        if (server.options_.keys->public_key() != *peer.key) return "it does not have the key " + peer.key->text();
        const auto& allowed = server.options_.allowed;
        if (allowed != nullptr && allowed->contains(options_.keys->public_key())) return {};
        return "it does not allow our key " + options_.keys->public_key().text() +
               "; put our .pub file among those that it lets in (--allow)";
    }

    void try_connect(PeerId id, Peer& peer) {
        const auto at = network_->listeners.find(peer.target);
        if (at == network_->listeners.end()) return;
        InProcessPort& server = *at->second;
        if (const std::string why = refusal(server, peer); !why.empty()) {
            if (why == peer.last_refusal) return;
            peer.last_refusal = why;
            ++server.rejections_.handshakes;
            if (options_.keys && server.logged_.insert(options_.keys->public_key()).second)
                base::log_warning("transport", "refused a connection with the key ",
                                  options_.keys->public_key().text());
            return queue({Kind::refused, id, {}, {}, why});
        }
        join(id, peer, server);
    }

    void join(PeerId id, Peer& peer, InProcessPort& server) {
        const PeerId far_id = server.add_peer();
        Peer& far = server.peers_.at(far_id);
        if (options_.keys) far.key = options_.keys->public_key();
        far.far = this;
        far.far_id = id;
        peer.far = &server;
        peer.far_id = far_id;
        peer.last_refusal.clear();
        server.queue({Kind::connected, far_id, {}, far.key, "in-process"});
        queue({Kind::connected, id, {}, peer.key, "in-process"});
    }

    void try_pending() {
        for (auto& [id, peer] : peers_) {
            if (!peer.target.empty() && !peer.connected()) try_connect(id, peer);
        }
    }

    void cut_unlisted() {
        if (!options_.keys || options_.allowed == nullptr || options_.allowed->version() == seen_version_) return;
        seen_version_ = options_.allowed->version();
        for (auto& [id, peer] : peers_) {
            if (peer.connected() && peer.target.empty() && !options_.allowed->contains(*peer.key)) {
                ++rejections_.cuts;
                part(id, peer, kUnlisted);
            }
        }
    }

    // Ends a connection and tells both owners.
    void part(PeerId id, Peer& peer, const std::string& why) {
        const auto key = peer.key;
        part_far_end(peer, why);
        queue({Kind::disconnected, id, {}, key, why});
    }

    static void part_far_end(Peer& peer, const std::string& why) {
        if (!peer.connected()) return;
        Peer& far = peer.far->peers_.at(peer.far_id);
        far.far = nullptr;
        peer.far->queue({Kind::disconnected, peer.far_id, {}, far.key, why});
        peer.far = nullptr;
    }

    std::shared_ptr<InProcessNetwork> network_;
    PortOptions options_;
    Mailbox mailbox_;
    std::condition_variable bell_;
    std::deque<Event> events_;
    std::map<PeerId, Peer> peers_;
    Rejections rejections_;
    std::set<PublicKey> logged_;
    std::uint64_t last_id_ = 0, seen_version_ = 0;
};

}  // namespace

std::shared_ptr<InProcessNetwork> make_in_process_network() {
    return std::make_shared<InProcessNetwork>();
}

std::unique_ptr<Port> make_in_process_port(std::shared_ptr<InProcessNetwork> network, PortOptions options) {
    return std::make_unique<InProcessPort>(std::move(network), std::move(options));
}

}  // namespace shoal::transport
