#include "hub/membership.hpp"

#include <algorithm>
#include <random>
#include <set>

#include "base/log.hpp"
#include "transport/endpoint.hpp"
#include "wire/data_messages.hpp"
#include "wire/limits.hpp"

namespace shoal::hub {

using base::Code;
using base::text;
using wire::BoardState;

namespace {

constexpr int kQuiet = 2;  // heartbeats that a board may leave out before another process of its key may replace it

// Sessions of a hub that was restarted must not look like those of the one before.
std::uint64_t first_session() {
    std::random_device random;
    return (std::uint64_t{random()} << 20) + 1;
}

// What other boards connect to; as it was said where that is no endpoint that means "every address".
std::string reachable(const std::string& said, const std::string& address) {
    try {
        return transport::reachable_endpoint(said, address);
    } catch (const base::Error&) {
        return said;
    }
}

// Names are joined with ':' to those of devices, and printed.
bool sensible(const std::string& name) {
    return std::none_of(name.begin(), name.end(),
                        [](char c) { return c == ':' || static_cast<unsigned char>(c) < ' '; });
}

bool unique_devices(const std::vector<device::DeviceInfo>& devices) {
    std::set<std::string> ids;
    return std::all_of(devices.begin(), devices.end(),
                       [&](const auto& device) { return ids.insert(device.id).second; });
}

// Plans name each of several devices, and are sent to every client.
std::string too_long_label(const wire::Register& info) {
    for (const auto& device : info.devices) {
        const auto size = device_label(info.board, device).size();
        if (info.devices.size() > 1 && size > wire::kMaxNameBytes)
            return text("the names of board '", info.board, "' and of its device '", device.id, "' together have ",
                        size, " bytes; at most ", wire::kMaxNameBytes, " are allowed (--name)");
    }
    return {};
}

}  // namespace

std::string device_label(const std::string& board, const device::DeviceInfo& device) {
    return board + ":" + device.id;
}

Membership::Membership(const HubOptions& options, Outbox& outbox)
    : options_(options), outbox_(outbox), next_session_(first_session()) {}

std::string Membership::objection(const Caller& caller, const wire::Register& info) const {
    if (info.board.empty()) return "a board needs a name (--name)";
    if (!sensible(info.board)) return "a board's name has no ':' and no control characters in it (--name)";
    if (info.devices.empty()) return text("board '", info.board, "' offers no device");
    if (!unique_devices(info.devices)) return text("board '", info.board, "' offers two devices of the same id");
    if (auto why = too_long_label(info); !why.empty()) return why;
    if (info.memory_limit_bytes == 0) return text("board '", info.board, "' offers no memory (--memory)");
    const Member* known = find(info.board);
    if (known != nullptr && known->connected())
        return text("there is a board '", info.board, "' already, at ", known->address,
                    known->key && known->key == caller.key
                        ? ", with the same key; a copy of it needs a key (shoal keygen) and a name (--name) of its own"
                        : "; choose another name (--name)");
    if (known != nullptr && known->key && known->key != caller.key)
        return text("the name '", info.board, "' belongs to a board with another key");
    if (connected() >= options_.limits.boards)
        return text("there are ", connected(), " boards already; at most ", options_.limits.boards, " are allowed");
    return {};
}

const Member* Membership::replaced_by(const Caller& caller, const wire::Register& info, TimePoint now) const {
    const Member* known = find(info.board);
    if (known == nullptr || !known->connected()) return nullptr;
    if (known->peer == caller.peer) return known;
    if (!known->key || known->key != caller.key) return nullptr;
    const bool is_quiet = quiet(*known, now) > kQuiet * options_.heartbeat;
    return known->info.boot == info.boot || is_quiet ? known : nullptr;
}

// A board that was refused asks again for as long as it lives.
void Membership::log_once(const Caller& caller, const std::string& board, const std::string& why) {
    constexpr std::size_t kRemembered = 256;
    if (refused_.size() >= kRemembered || !refused_.insert(text(board, ' ', caller.address, ' ', why)).second) return;
    base::log_warning("hub", "refuses a board at ", caller.address, ": ", why, "; it asks again, which is not told again");
    if (refused_.size() == kRemembered) base::log_warning("hub", "further boards are refused without a word");
}

const Member* Membership::join(const Caller& caller, wire::Register info, TimePoint now) {
    if (const auto why = objection(caller, info); !why.empty()) {
        log_once(caller, info.board, why);
        tell(outbox_, caller.peer, wire::Refused{0, Code::refused, why});
        return nullptr;
    }
    if (members_.count(info.board) == 0) forget_oldest();
    Member& member = members_[info.board];
    member = {};
    member.name = info.board;
    member.peer = caller.peer;
    member.session = next_session_++;
    member.key = caller.key;
    member.address = caller.address;
    member.endpoint = reachable(info.data_endpoint, caller.address);
    member.info = std::move(info);
    member.joined = member.heard = now;
    by_peer_[caller.peer] = member.name;
    ++version_;
    last_join_ = now;

    wire::Welcome welcome{member.session, options_.name, SHOAL_VERSION, 0, 0};
    welcome.heartbeat_ms = static_cast<std::uint32_t>(options_.heartbeat.count());
    welcome.silence_ms = static_cast<std::uint32_t>(options_.board_timeout.count());
    tell(outbox_, member.peer, welcome);
    tell_peers();
    return &member;
}

void Membership::tell_peers() {
    wire::Peers everybody;
    for (const auto& [name, member] : members_) {
        if (member.connected())
            everybody.boards.push_back({name, member.endpoint, member.key ? member.key->text() : std::string()});
    }
    for (const auto& [name, member] : members_) {
        if (!member.connected()) continue;
        wire::Peers others;
        std::copy_if(everybody.boards.begin(), everybody.boards.end(), std::back_inserter(others.boards),
                     [&self = name](const auto& peer) { return peer.board != self; });
        tell(outbox_, member.peer, others);
    }
}

// Boards that are gone stay in the status until there are too many of them.
void Membership::forget_oldest() {
    if (members_.size() < options_.limits.boards * 2) return;
    auto oldest = members_.end();
    for (auto at = members_.begin(); at != members_.end(); ++at) {
        if (!at->second.connected() && (oldest == members_.end() || at->second.heard < oldest->second.heard))
            oldest = at;
    }
    if (oldest != members_.end()) members_.erase(oldest);
}

bool Membership::heartbeat(PeerId peer, wire::Heartbeat heartbeat, TimePoint now) {
    const auto at = by_peer_.find(peer);
    if (at == by_peer_.end()) return false;
    Member& member = members_.at(at->second);
    if (heartbeat.session != member.session) return false;
    member.heard = now;
    tell(outbox_, peer, wire::HeartbeatEcho{heartbeat.session, heartbeat.sequence});
    member.last = std::move(heartbeat);
    return true;
}

void Membership::heard(PeerId peer, TimePoint now) {
    const auto at = by_peer_.find(peer);
    if (at != by_peer_.end()) members_.at(at->second).heard = now;
}

void Membership::set_hung(const std::string& name, bool hung) {
    const auto at = members_.find(name);
    if (at == members_.end() || at->second.hung == hung) return;
    at->second.hung = hung;
    if (!hung) ++version_;
}

base::Duration Membership::quiet(const Member& member, TimePoint now) const {
    return now - std::max(member.heard, outbox_.last_arrival(member.peer));
}

std::vector<std::string> Membership::silent(TimePoint now) const {
    std::vector<std::string> out;
    for (const auto& [name, member] : members_) {
        if (!member.connected() || now - member.heard <= options_.board_timeout) continue;
        if (quiet(member, now) > options_.board_timeout) out.push_back(name);
    }
    return out;
}

void Membership::excuse(base::Duration stall) {
    for (auto& [name, member] : members_)
        member.heard += stall;
}

void Membership::lost(const std::string& name, BoardState state, bool keep_connection) {
    const auto at = members_.find(name);
    if (at == members_.end() || !at->second.connected()) return;
    at->second.state = state;
    by_peer_.erase(at->second.peer);
    if (!keep_connection) outbox_.disconnect(at->second.peer);
    at->second.peer = PeerId::none;
    tell_peers();
}

const Member* Membership::find(PeerId peer) const {
    const auto at = by_peer_.find(peer);
    return at != by_peer_.end() ? &members_.at(at->second) : nullptr;
}

const Member* Membership::find(const std::string& name) const {
    const auto at = members_.find(name);
    return at != members_.end() ? &at->second : nullptr;
}

PeerId Membership::peer_of(const std::string& name) const {
    const Member* member = find(name);
    return member != nullptr && member->connected() ? member->peer : PeerId::none;
}

std::size_t Membership::connected() const {
    return static_cast<std::size_t>(
        std::count_if(members_.begin(), members_.end(), [](const auto& entry) { return entry.second.connected(); }));
}

}  // namespace shoal::hub
