// Who is in the cluster: boards that joined, what they said of themselves, when they were last heard, who was lost.
//
// A board is known by its name. On a cluster with keys the name belongs to the key that first registered it; without
// keys a name belongs to whoever holds it, until that one is lost. The hub's thread only.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "hub/hub.hpp"
#include "hub/outbox.hpp"
#include "wire/board_messages.hpp"
#include "wire/status.hpp"

namespace shoal::hub {

using base::TimePoint;

struct Member {
    std::string name;
    PeerId peer = PeerId::none;
    std::uint64_t session = 0;  ///< another every time it joins
    std::optional<transport::PublicKey> key{};
    std::string address, endpoint;  ///< as the hub sees it; as other boards reach it
    wire::Register info{};
    wire::BoardState state = wire::BoardState::ready;
    bool hung = false;  ///< it lives, but a device of it does not come back from a run
    TimePoint joined{}, heard{};
    wire::Heartbeat last{};

    [[nodiscard]] bool connected() const noexcept { return state == wire::BoardState::ready; }
    /// Plans may count on it.
    [[nodiscard]] bool usable() const noexcept { return connected() && !hung; }
};

/// What plans call one device of a board that has several.
[[nodiscard]] std::string device_label(const std::string& board, const device::DeviceInfo& device);

/// Whom a connection belongs to, as the transport says.
struct Caller {
    PeerId peer = PeerId::none;
    std::optional<transport::PublicKey> key{};
    std::string address;
};

class Membership {
public:
    Membership(const HubOptions& options, Outbox& outbox);

    /// Takes a board in, with Welcome, and tells every board who the others are; or tells it why not (Refused) and
    /// returns nothing. When the same board was in already, `lost` must be said of it first (see replaced_by).
    const Member* join(const Caller& caller, wire::Register info, TimePoint now);
    /// The board of that name that this caller may take the place of: its own older connection, or that of its process
    /// before. Another board with the same key (a copied SD card) does not, as long as the first is heard.
    [[nodiscard]] const Member* replaced_by(const Caller& caller, const wire::Register& info, TimePoint now) const;

    /// False when it is of another session or not from a board.
    bool heartbeat(PeerId peer, wire::Heartbeat heartbeat, TimePoint now);
    void heard(PeerId peer, TimePoint now);
    void set_hung(const std::string& name, bool hung);

    /// Boards that have not been heard for too long.
    [[nodiscard]] std::vector<std::string> silent(TimePoint now) const;
    /// The hub itself did nothing for so long; no board is to be blamed for what it could not hear.
    void excuse(base::Duration stall);

    /// The board is not there any more. Its connection is ended, unless the same connection is to go on as another.
    void lost(const std::string& name, wire::BoardState state, bool keep_connection = false);

    [[nodiscard]] const Member* find(PeerId peer) const;
    [[nodiscard]] const Member* find(const std::string& name) const;
    /// A connected board's peer; none otherwise.
    [[nodiscard]] PeerId peer_of(const std::string& name) const;
    /// By name; those that were lost too.
    [[nodiscard]] const std::map<std::string, Member>& members() const noexcept { return members_; }
    [[nodiscard]] std::size_t connected() const;

    /// Rises when a board becomes usable.
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
    /// When the last board became usable.
    [[nodiscard]] TimePoint last_join() const noexcept { return last_join_; }

private:
    /// How long it has given no sign: neither a whole message nor bytes of one that is still on its way.
    [[nodiscard]] base::Duration quiet(const Member& member, TimePoint now) const;
    [[nodiscard]] std::string objection(const Caller& caller, const wire::Register& info) const;
    void log_once(const Caller& caller, const std::string& board, const std::string& why);
    void tell_peers();
    void forget_oldest();

    const HubOptions& options_;
    Outbox& outbox_;
    std::map<std::string, Member> members_;
    std::map<PeerId, std::string> by_peer_;
    std::set<std::string> refused_;  // boards that were refused, where they were and why
    std::uint64_t next_session_, version_ = 0;
    TimePoint last_join_{};
};

}  // namespace shoal::hub
