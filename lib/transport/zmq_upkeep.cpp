// The life of a ZmqPort's connections: made, refused, broken, cut, made again.
#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "transport/zmq_port_impl.hpp"

namespace shoal::transport {

using base::TimePoint;
using Kind = Event::Kind;

namespace {

// The longest time between looks at what nothing wakes us for.
constexpr std::chrono::milliseconds kLook{50};

// A connection that still takes messages so long after its end was heard of: on a ROUTER another one was meant.
constexpr std::chrono::milliseconds kSettled{500};

constexpr const char* kBroke = "the connection broke";

}  // namespace

void ZmqPort::read_all_news() {
    read_guard_news();
    for (auto& [id, peer] : peers_) {
        if (peer.dial != nullptr) read_dial_news(peer);
    }
}

void ZmqPort::read_guard_news() {
    const auto happened = guard_.take();
    for (const auto& verdict : happened.cut)
        judge(verdict, true);
    for (const int descriptor : happened.lost) {
        for (auto& [id, peer] : peers_) {
            if (peer.dial != nullptr || peer.descriptor != descriptor) continue;
            peer.descriptor = -1;
            mark_broken(peer, kBroke);
        }
    }
}

void ZmqPort::read_dial_news(Peer& peer) {
    while (peer.dial->socket() != nullptr) {
        const auto news = peer.dial->socket()->news();
        if (!news) return;
        hear(peer, *news);
    }
}

void ZmqPort::hear(Peer& peer, const News& news) {
    switch (news.kind) {
        case News::Kind::connected:
            peer.descriptor = news.value;
            guard_.add(news.value, peer.owner());
            break;
        case News::Kind::ready: opened(peer); break;
        case News::Kind::not_allowed:
            refused(peer, "it does not allow our key " + options_.keys->public_key().text() +
                              "; put our .pub file among those that it lets in (--allow)");
            break;
        case News::Kind::mismatch: refused(peer, "one side uses keys and the other none"); break;
        case News::Kind::failed:
            refused(peer, options_.keys
                              ? "the handshake failed: does it use keys, and is " + peer.key->text() + " its own?"
                              : "the handshake failed: is it a port of Shoal's, and without keys as we are?");
            break;
        case News::Kind::lost:
        case News::Kind::closed:
            if (peer.connected)
                mark_broken(peer, kBroke);
            else
                hang_up(peer);
            break;
        case News::Kind::accepted:
        case News::Kind::other: break;
    }
}

void ZmqPort::opened(Peer& peer) {
    peer.dial->opened();
    peer.connected = true;
    guard_.delivered(peer.descriptor, peer.owner(), 0, 0);
    events_.push_back({Kind::connected, peer.id, {}, peer.key, peer.dial->target().host});
    greet(peer, base::SteadyClock::now());
}

void ZmqPort::refused(Peer& peer, const std::string& why) {
    if (peer.connected || peer.dial->last_refusal == why) return;
    peer.dial->last_refusal = why;
    events_.push_back({Kind::refused, peer.id, {}, {}, why});
}

void ZmqPort::hang_up(Peer& peer) {
    guard_.remove(peer.descriptor, peer.owner());
    peer.descriptor = -1;
    peer.dial->closed(base::SteadyClock::now());
}

// An empty message that the other port keeps to itself: it shows who we are at first, and that we live later on.
void ZmqPort::greet(Peer& peer, TimePoint now) {
    peer.last_sent = now;
    if (!socket_of(peer)->greet(peer.route)) mark_broken(peer, kBroke);
}

void ZmqPort::cut(Peer& peer, const std::string& why) {
    ++rejections_.cuts;
    base::log_warning("transport", "cut off ", peer.who(), ": ", why);
    guard_.cut(peer.descriptor, peer.owner());
    mark_broken(peer, why);
}

void ZmqPort::mark_broken(Peer& peer, const std::string& why) {
    if (peer.is_broken()) return;
    any_broken_ = true;
    peer.broken_since = base::SteadyClock::now();
    peer.why = why;
}

// Ends broken connections once all that they sent has been read: a peer is over when its queue takes nothing more and,
// looked at after that, holds nothing more.
void ZmqPort::settle(TimePoint now) {
    any_broken_ = false;
    std::vector<PeerId> over;
    for (auto& [id, peer] : peers_) {
        if (!peer.is_broken()) continue;
        ZmqSocket* socket = socket_of(peer);
        if (socket != nullptr && !peer.gone) {
            peer.gone = !socket->greet(peer.route) || (peer.dial != nullptr && now - peer.broken_since > kSettled);
            peer.read_through = messages_;
            socket->readable = true;
            if (!peer.gone && peer.dial == nullptr && !peer.barred && now - peer.broken_since > kSettled) {
                peer.broken_since = {};
                continue;
            }
        } else if (socket == nullptr || is_read_through(peer)) {
            over.push_back(id);
            continue;
        }
        any_broken_ = true;
    }
    for (const PeerId id : over)
        finish(peers_.at(id));
}

// Whether all that a peer sent before it was gone has been read. A ROUTER takes from its peers in turn, so one that was
// passed over while every other had a turn has nothing more, however busy the others keep it.
bool ZmqPort::is_read_through(Peer& peer) {
    if (!socket_of(peer)->readable) return true;
    return peer.dial == nullptr && messages_ - peer.read_through > guard_.accepted() + routes_.size();
}

void ZmqPort::finish(Peer& peer) {
    peer.broken_since = {};
    peer.gone = false;
    peer.backlog = std::make_shared<Backlog>();
    const bool told = std::exchange(peer.connected, false);
    if (told) events_.push_back({Kind::disconnected, peer.id, {}, peer.key, peer.why});
    if (peer.dial != nullptr) return hang_up(peer);
    routes_.erase(peer.route);
    if (!told) peers_.erase(peer.id);
}

void ZmqPort::upkeep(TimePoint now) {
    next_upkeep_ = now + std::min<base::Duration>(options_.timing.heartbeat / 2, kLook);
    read_all_news();
    for (const auto& verdict : guard_.silent())
        judge(verdict, false);
    cut_unlisted();
    for (auto& [id, peer] : peers_) {
        if (peer.dial != nullptr) redial(peer, now);
        if (peer.cut_at != TimePoint{} && now >= peer.cut_at) guard_.cut(peer.descriptor, peer.owner());
        if (peer.connected && !peer.is_broken() && now - peer.last_sent >= options_.timing.heartbeat) greet(peer, now);
    }
}

void ZmqPort::redial(Peer& peer, TimePoint now) {
    try {
        const bool tried = peer.dial->socket() != nullptr;
        peer.dial->step(context_, options_, now);
        if (tried && peer.dial->socket() == nullptr) guard_.remove(peer.descriptor, peer.owner());
    } catch (const base::Error& error) {  // out of descriptors, perhaps: it may pass
        base::log_warning("transport", error.what());
        peer.dial->closed(now);
    }
}

// A connection that deserves to end, and perhaps is cut already.
void ZmqPort::judge(const Watch::Verdict& verdict, bool is_cut) {
    for (auto& [id, peer] : peers_) {
        if (peer.descriptor != verdict.descriptor || peer.owner() != verdict.owner || peer.is_broken()) continue;
        if (!is_cut) return cut(peer, verdict.why);
        base::log_warning("transport", "cut off ", peer.who(), ": ", verdict.why);
        return mark_broken(peer, verdict.why);
    }
    if (!is_cut) guard_.cut(verdict.descriptor, verdict.owner);
}

void ZmqPort::cut_unlisted() {
    if (!options_.keys || options_.allowed == nullptr || options_.allowed->version() == seen_version_) return;
    seen_version_ = options_.allowed->version();
    for (auto& [id, peer] : peers_) {
        if (peer.dial != nullptr || !peer.connected || !peer.key || options_.allowed->contains(*peer.key)) continue;
        peer.barred = true;
        cut(peer, "its key is no longer allowed here");
    }
}

}  // namespace shoal::transport
