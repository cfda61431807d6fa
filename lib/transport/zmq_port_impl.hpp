// The port over ZeroMQ, from inside: zmq_port.cpp has what its owner calls and the way of a message, zmq_upkeep.cpp the
// life of connections. Internal to the transport.
//
// One ROUTER serves all who connect to us; every peer that we connect to has a DEALER. ZeroMQ says when a connection is
// made or lost (monitors), but not, in its stable interface, to which of a ROUTER's peers that happened: a peer is
// found by its descriptor, and what settles the matter is whether its queue still takes a message. That a connection is
// lost is heard before the last of its messages have been read; they are read first.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "transport/dial.hpp"
#include "transport/guard.hpp"
#include "transport/mailbox.hpp"
#include "transport/port.hpp"
#include "transport/zmq_socket.hpp"

namespace shoal::transport {

class ZmqPort final : public Port {
public:
    explicit ZmqPort(PortOptions options);

    std::string listen(const std::string& endpoint) override;
    PeerId connect(const std::string& endpoint, const std::optional<PublicKey>& server) override;
    bool send(PeerId id, Frames frames) override;
    std::optional<Event> wait(base::TimePoint deadline) override;
    void disconnect(PeerId id) override;
    void wake() noexcept override;
    void post(std::function<void()> work) override;
    Counters counters(PeerId id) const override;
    std::uint64_t unsent_bytes(PeerId id) const override;
    base::TimePoint last_arrival(PeerId id) const override;
    Rejections rejections() const override;

private:
    struct Peer {
        PeerId id = PeerId::none;
        std::unique_ptr<Dial> dial{};  // null when it connected to us
        std::string route{};           // its name in the listener's socket
        int descriptor = -1;           // -1: none, or closed already
        std::optional<PublicKey> key{};
        std::string address{};
        Counters counters{};
        std::shared_ptr<Backlog> backlog = std::make_shared<Backlog>();
        base::TimePoint last_sent{};

        bool connected = false;  // as its owner knows
        bool leaving = false;    // the owner let it go: nothing more is told
        bool barred = false;     // nothing more of it is delivered
        base::TimePoint cut_at{};
        // A connection that broke, on its way to `disconnected`:
        base::TimePoint broken_since{};
        std::string why{};
        bool gone = false;               // takes no more messages; what it sent before is still read
        std::uint64_t read_through = 0;  // messages_ when it was last found to have sent something

        [[nodiscard]] bool is_broken() const noexcept { return broken_since != base::TimePoint{}; }
        /// Who uses its descriptor: the listener (0) or this peer alone.
        [[nodiscard]] std::uint64_t owner() const noexcept { return dial ? static_cast<std::uint64_t>(id) : 0; }
        [[nodiscard]] std::string who() const { return key ? "the key " + key->text() : address; }
    };

    Peer& add_peer();
    Peer* find(PeerId id);
    ZmqSocket* socket_of(Peer& peer);
    Event take();

    bool any_readable();
    void receive();
    void receive_from_listener();
    void receive_from_dial(Peer& peer);
    Peer& meet(Received& received);
    bool may_enter(const std::optional<PublicKey>& key) const;
    void deliver(Peer& peer, Received received);
    void poll(base::TimePoint until);
    bool look();

    void read_all_news();
    void read_guard_news();
    void read_dial_news(Peer& peer);
    void hear(Peer& peer, const News& news);
    void opened(Peer& peer);
    void refused(Peer& peer, const std::string& why);
    void hang_up(Peer& peer);
    void greet(Peer& peer, base::TimePoint now);
    void cut(Peer& peer, const std::string& why);
    void mark_broken(Peer& peer, const std::string& why);
    void settle(base::TimePoint now);
    bool is_read_through(Peer& peer);
    void finish(Peer& peer);

    void upkeep(base::TimePoint now);
    void redial(Peer& peer, base::TimePoint now);
    void judge(const Watch::Verdict& verdict, bool is_cut);
    void cut_unlisted();

    const PortOptions options_;
    Mailbox mailbox_;
    platform::Bell bell_;
    zmq::context_t context_;  // goes after its sockets, and waits until they have lingered
    std::unique_ptr<ZmqSocket> listener_;
    Guard guard_;  // goes before the listener that it minds
    std::map<PeerId, Peer> peers_;
    std::unordered_map<std::string, PeerId> routes_;
    std::deque<Event> events_;
    Rejections rejections_;
    std::vector<platform::Waiting> waiting_;
    std::vector<ZmqSocket*> sockets_;
    std::uint64_t last_id_ = 0, seen_version_ = 0;
    base::TimePoint next_upkeep_{};
    std::uint64_t messages_ = 0;  // from the listener
    int messages_since_poll_ = 0;
    bool any_broken_ = false;
};

}  // namespace shoal::transport
