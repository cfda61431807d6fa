#include "transport/watch.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/units.hpp"

namespace shoal::transport {
namespace {

// ZMTP and CURVE add at most 9 + 33 bytes to a frame (RFC 23, RFC 26), which is rounded up; heartbeats of peers that
// use ZeroMQ's own come on top. What is accounted for too much is forgotten at the next check.
constexpr std::uint64_t kFrameOverhead = 64;
constexpr double kIdleBytesPerSecond = 1024;

// How long a stranger may be above its limit: its first message may stand in a queue for as long as the owner is busy.
constexpr std::chrono::seconds kStrangerGrace{1};

// A peer that has no room for what we send is asked again ever more rarely by the kernel, and so answers rarely.
constexpr int kHeldBackFactor = 10;

}  // namespace

Watch::Watch(const Limits& limits, const Timing& timing, Facts facts)
    : limits_(limits), timing_(timing), facts_(std::move(facts)) {}

void Watch::add(int descriptor, std::uint64_t owner, base::TimePoint now) {
    connections_[descriptor] = {owner, platform::socket_identity(descriptor), false, now, now, 0, {}, 0, {}};
}

void Watch::remove(int descriptor, std::uint64_t owner) {
    if (find(descriptor, owner) != nullptr) connections_.erase(descriptor);
}

void Watch::delivered(int descriptor, std::uint64_t owner, std::uint64_t bytes, std::size_t frames) {
    if (find(descriptor, owner) == nullptr) return;
    Connection& connection = connections_.at(descriptor);
    connection.spoken = true;
    connection.accounted_bytes += bytes + frames * kFrameOverhead;
}

void Watch::cut(int descriptor, std::uint64_t owner) const {
    const Connection* connection = find(descriptor, owner);
    if (connection != nullptr && connection->identity != 0 &&
        platform::socket_identity(descriptor) == connection->identity) {
        platform::cut_socket(descriptor);
    }
}

bool Watch::has_spoken(int descriptor, std::uint64_t owner) const {
    const Connection* connection = find(descriptor, owner);
    return connection != nullptr && connection->spoken;
}

base::TimePoint Watch::last_arrival(int descriptor, std::uint64_t owner) const {
    const Connection* connection = find(descriptor, owner);
    return connection != nullptr ? connection->grew_at : base::TimePoint{};
}

const Watch::Connection* Watch::find(int descriptor, std::uint64_t owner) const {
    const auto at = connections_.find(descriptor);
    return at != connections_.end() && at->second.owner == owner ? &at->second : nullptr;
}

std::vector<Watch::Verdict> Watch::floods(base::TimePoint now) {
    std::vector<Verdict> out;
    for (auto& [descriptor, connection] : connections_) {
        const auto facts = facts_(descriptor);
        if (!facts) continue;
        if (facts->bytes_received > connection.received_bytes) connection.grew_at = now;
        connection.received_bytes = facts->bytes_received;
        if (auto why = flood(connection, *facts, now); !why.empty())
            out.push_back({descriptor, connection.owner, std::move(why)});
    }
    return out;
}

std::string Watch::flood(Connection& connection, const platform::SocketFacts& facts, base::TimePoint now) const {
    // What arrived and was not delivered waits in ZeroMQ's queues, or is a part of a message that has not ended.
    const double idle = std::chrono::duration<double>(now - connection.checked).count() * kIdleBytesPerSecond;
    connection.checked = now;
    const std::uint64_t taken = facts.bytes_received - std::min(facts.unread_bytes, facts.bytes_received);
    connection.accounted_bytes = std::min(taken, connection.accounted_bytes + static_cast<std::uint64_t>(idle));
    const std::uint64_t held = taken - connection.accounted_bytes;

    if (held <= (connection.spoken ? limits_.unread_bytes : limits_.unspoken_bytes)) {
        connection.over_since = {};
    } else {
        if (connection.over_since == base::TimePoint{}) connection.over_since = now;
        if (connection.spoken || held > limits_.unread_bytes || now - connection.over_since >= kStrangerGrace)
            return base::text("it sent ", base::format_bytes(held),
                              " that are no whole message yet or wait to be read");
    }
    if (!connection.spoken && now - connection.since > 2 * timing_.handshake) return "it never said anything";
    return {};
}

std::vector<Watch::Verdict> Watch::silent(base::TimePoint now) {
    // Who was away sent no signs of life either, and cannot complain that none were answered.
    if (now - asked_ > 2 * timing_.heartbeat) attentive_since_ = now;
    asked_ = now;
    std::vector<Verdict> out;
    for (const auto& [descriptor, connection] : connections_) {
        const auto facts = connection.spoken ? facts_(descriptor) : std::nullopt;
        if (!facts) continue;
        const auto patience = facts->held_back ? kHeldBackFactor * timing_.silence : timing_.silence;
        if (facts->since_last_sign > patience && now - std::max(connection.since, attentive_since_) > patience)
            out.push_back({descriptor, connection.owner,
                           base::text("no sign of life for ", facts->since_last_sign.count(), " ms")});
    }
    return out;
}

}  // namespace shoal::transport
