#include "node/neighbours.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace shoal::node {

using base::Code;
using base::fail;
using transport::PeerId;

namespace {

constexpr std::chrono::seconds kHelloPatience{5};

}  // namespace

Neighbours::Neighbours(std::string board, transport::Port& port, std::shared_ptr<transport::AllowList> allowed)
    : board_(std::move(board)), port_(port), allowed_(std::move(allowed)) {}

std::vector<std::string> Neighbours::take(const wire::Peers& message) {
    std::map<std::string, Known> named;
    for (const auto& peer : message.boards) {
        if (peer.board == board_ || peer.board.empty()) continue;
        Known known{peer.endpoint, std::nullopt};
        if (!peer.public_key.empty()) known.key = transport::PublicKey::parse(peer.public_key);
        named.emplace(peer.board, std::move(known));
    }
    std::vector<std::string> lost;
    const auto before = known_;
    for (const auto& [board, known] : before) {
        const auto at = named.find(board);
        if (at == named.end() || at->second != known) forget(board, lost);
    }
    for (const auto& [board, known] : named) {
        if (known.key && allowed_ && !allowed_->contains(*known.key)) allowed_->add(*known.key, board);
    }
    known_ = std::move(named);
    return lost;
}

void Neighbours::forget(const std::string& board, std::vector<std::string>& lost) {
    const auto at = known_.find(board);
    if (at != known_.end()) {
        if (at->second.key && allowed_) allowed_->remove(*at->second.key);
        known_.erase(at);
    }
    if (const auto way = ways_.find(board); way != ways_.end()) {
        port_.disconnect(way->second.peer);
        if (way->second.open) lost.push_back(board);
        ways_.erase(way);
    }
    if (const auto sender = senders_.find(board); sender != senders_.end()) {
        port_.disconnect(sender->second);
        senders_.erase(sender);
    }
}

bool Neighbours::reach(const std::string& board) {
    if (board == board_) return true;
    if (const auto way = ways_.find(board); way != ways_.end()) return way->second.open;
    const auto at = known_.find(board);
    if (at == known_.end()) return false;
    try {
        ways_[board].peer = port_.connect(at->second.endpoint, at->second.key);
    } catch (const base::Error& error) {
        ways_.erase(board);
        base::log_warning("node", "cannot connect to '", board, "': ", error.what());
    }
    return false;
}

PeerId Neighbours::consumer(const std::string& board) const {
    const auto at = ways_.find(board);
    return at != ways_.end() && at->second.open ? at->second.peer : PeerId::none;
}

PeerId Neighbours::sender(const std::string& board) const {
    const auto at = senders_.find(board);
    return at != senders_.end() ? at->second : PeerId::none;
}

std::optional<std::string> Neighbours::board_of(PeerId peer) const {
    for (const auto& [board, way] : ways_) {
        if (way.peer == peer) return board;
    }
    for (const auto& [board, sender] : senders_) {
        if (sender == peer) return board;
    }
    return std::nullopt;
}

bool Neighbours::is_ours(PeerId peer) const {
    return std::any_of(ways_.begin(), ways_.end(), [&](const auto& way) { return way.second.peer == peer; });
}

void Neighbours::connected(const transport::Event& event, base::TimePoint now) {
    for (auto& [board, way] : ways_) {
        if (way.peer != event.peer) continue;
        way.open = port_.send(way.peer, wire::encode(wire::PeerHello{board_}));
        return;
    }
    unnamed_[event.peer] = now;
}

std::optional<std::string> Neighbours::disconnected(const transport::Event& event) {
    unnamed_.erase(event.peer);
    for (auto& [board, way] : ways_) {
        if (way.peer != event.peer) continue;
        way.open = false;
        return board;
    }
    std::erase_if(senders_, [&](const auto& sender) { return sender.second == event.peer; });
    return std::nullopt;
}

void Neighbours::hello(const transport::Event& event, const wire::PeerHello& message) {
    const auto at = known_.find(message.board);
    if (at == known_.end()) fail(Code::refused, "'", message.board, "' is no board that the hub has named");
    if (at->second.key != event.key) fail(Code::refused, "somebody says it is '", message.board, "', with another key");
    unnamed_.erase(event.peer);
    auto& sender = senders_[message.board];
    // It came back before we heard that it was gone. Without keys the newest is believed, as anybody here may say so.
    if (sender != PeerId::none && sender != event.peer) port_.disconnect(sender);
    sender = event.peer;
}

void Neighbours::step(base::TimePoint now) {
    for (auto at = unnamed_.begin(); at != unnamed_.end();) {
        if (now - at->second < kHelloPatience) {
            ++at;
            continue;
        }
        port_.disconnect(at->first);
        at = unnamed_.erase(at);
    }
}

std::vector<std::pair<PeerId, std::string>> Neighbours::peers() const {
    std::vector<std::pair<PeerId, std::string>> out;
    for (const auto& [board, way] : ways_)
        out.emplace_back(way.peer, board);
    for (const auto& [board, sender] : senders_)
        out.emplace_back(sender, board);
    return out;
}

}  // namespace shoal::node
