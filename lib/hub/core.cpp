#include "hub/core.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/units.hpp"
#include "platform/files.hpp"

namespace shoal::hub {

using base::Code;
using base::text;
using wire::BoardState;

namespace {

constexpr std::uint64_t kStoreBytes = 256ULL << 30;  // what is not pinned goes first when the disk's limit comes first
constexpr std::chrono::seconds kStrangerPatience{10};
constexpr std::uint32_t kMostBroken = 64;  // messages of one peer that are dropped before it is cut off
constexpr std::chrono::milliseconds kBusy{2}, kIdle{20};

std::filesystem::path cache_folder(const HubOptions& options) {
    return options.cache_folder.empty() ? platform::cache_folder() / "hub" : options.cache_folder;
}

}  // namespace

Core::Core(const HubOptions& options, Outbox& outbox, const Workers& workers, const base::Clock& clock)
    : options_(options),
      outbox_(outbox),
      clock_(clock),
      started_(clock.now()),
      patience_(kIdle),
      store_(cache_folder(options), kStoreBytes),
      membership_(options, outbox),
      links_(membership_, outbox),
      measuring_(membership_, outbox),
      dispatch_(options.limits, catalogue_, membership_, outbox),
      intake_(store_, outbox, workers.storing),
      blobs_(store_, outbox),
      conductor_({options, outbox, membership_, links_, measuring_, catalogue_, dispatch_, intake_, workers.planning,
                  clock, [this](Event::Kind kind, const std::string& subject, const std::string& what) {
                      tell_event(kind, subject, what);
                  }}) {}

void Core::tell_event(Event::Kind kind, const std::string& subject, const std::string& what) const {
    if (options_.on_event) options_.on_event({kind, subject, what});
}

void Core::handle(transport::Event event) {
    using Kind = transport::Event::Kind;
    switch (event.kind) {
        case Kind::connected:
            peers_[event.peer] = {Role::stranger, {event.peer, event.key, event.text}, {}, now(), 0};
            return;
        case Kind::disconnected: gone(event.peer, event.text, BoardState::lost); return;
        case Kind::refused: return;
        case Kind::message: break;
    }
    const auto at = peers_.find(event.peer);
    if (at == peers_.end()) return;
    try {
        message(at->second, event.frames);
    } catch (const base::Error& error) {
        const auto still = peers_.find(event.peer);
        if (still != peers_.end()) drop(still->second, error.what());
    }
}

void Core::message(Peer& peer, const wire::Frames& frames) {
    switch (peer.role) {
        case Role::stranger: first_message(peer, frames); return;
        case Role::board: from_board(peer, wire::decode_hub_from_board(frames)); return;
        case Role::client: from_client(peer, wire::decode_hub_from_client(frames)); return;
    }
}

// What a peer says that makes no sense: dropped, counted, and told once.
void Core::drop(Peer& peer, const std::string& why) {
    ++broken_;
    if (peer.broken++ == 0)
        base::log_warning("hub", "drops what ", peer.name.empty() ? "a stranger" : peer.name, " at ",
                          peer.caller.address, " says: ", why);
    if (peer.broken <= kMostBroken) return;
    const PeerId id = peer.caller.peer;
    outbox_.disconnect(id);
    gone(id, "it says too much that makes no sense", BoardState::lost);
}

void Core::first_message(Peer& peer, const wire::Frames& frames) {
    const auto kind = wire::peek_kind(frames);
    try {
        if (kind == wire::Kind::board_register) {
            auto said = wire::decode_hub_from_board(frames);
            join(peer, std::move(std::get<wire::Register>(said)));
        } else if (kind == wire::Kind::client_hello) {
            const auto said = wire::decode_hub_from_client(frames);
            hello(peer, std::get<wire::ClientHello>(said));
        } else {
            (void)wire::decode_hub_from_client(frames);  // says so when the version is another
            base::fail(Code::network, "it begins with '", kind ? wire::name(*kind) : "?", "', not with who it is");
        }
    } catch (const base::Error& error) {
        if (error.code() == Code::refused)
            tell(outbox_, peer.caller.peer, wire::Refused{0, Code::refused, error.what()});
        throw;
    }
}

void Core::join(Peer& peer, wire::Register info) {
    if (const Member* before = membership_.replaced_by(peer.caller, info, now())) {
        const bool same = before->peer == peer.caller.peer;
        lose_board(info.board, "it joined again", BoardState::lost, same);
    }
    const std::string software = info.software;
    const Member* member = membership_.join(peer.caller, std::move(info), now());
    if (member == nullptr) return;
    peer.role = Role::board;
    peer.name = member->name;
    measuring_.joined(*member);
    links_.joined(*member);
    conductor_.board_joined(member->name);
    tell_event(Event::Kind::board_joined, member->name,
               text(member->info.devices.size(), member->info.devices.size() == 1 ? " device" : " devices", ", ",
                    base::format_bytes(member->info.memory_limit_bytes), ", at ", member->address));
}

std::size_t Core::clients() const {
    return static_cast<std::size_t>(std::count_if(peers_.begin(), peers_.end(),
                                                  [](const auto& entry) { return entry.second.role == Role::client; }));
}

void Core::hello(Peer& peer, const wire::ClientHello& hello) {
    if (clients() >= options_.limits.clients)
        base::fail(Code::refused, "the hub has ", clients(), " clients, as many as it may");
    peer.role = Role::client;
    peer.name = hello.client;
    wire::Welcome welcome{peer.caller.peer == PeerId::none ? 0 : static_cast<std::uint64_t>(peer.caller.peer),
                          options_.name, SHOAL_VERSION, 0, 0};
    welcome.heartbeat_ms = static_cast<std::uint32_t>(options_.heartbeat.count());
    welcome.silence_ms = static_cast<std::uint32_t>(options_.board_timeout.count());
    tell(outbox_, peer.caller.peer, welcome);
    tell_event(Event::Kind::client_joined, peer.name, peer.caller.address);
}

void Core::gone(PeerId id, const std::string& why, BoardState state) {
    const auto at = peers_.find(id);
    if (at == peers_.end()) return;
    const Peer peer = at->second;
    peers_.erase(at);
    if (peer.role == Role::board) {
        const Member* member = membership_.find(id);
        if (member != nullptr) lose_board(peer.name, why.empty() ? "the connection broke" : why, state);
    }
    if (peer.role == Role::client) {
        intake_.lost(id);
        dispatch_.client_gone(id);
        conductor_.client_gone(id);
        tell_event(Event::Kind::client_left, peer.name, why);
    }
}

void Core::lose_board(const std::string& name, const std::string& why, BoardState state, bool keep_connection) {
    const Member* member = membership_.find(name);
    if (member == nullptr || !member->connected()) return;
    const PeerId peer = member->peer;
    membership_.lost(name, state, keep_connection);
    if (!keep_connection) peers_.erase(peer);
    measuring_.lost(name);
    links_.lost(name);
    blobs_.lost(peer);
    tell_event(Event::Kind::board_lost, name, why);
    conductor_.board_lost(name, why);
}

void Core::cut_strangers() {
    std::vector<PeerId> cut;
    for (const auto& [id, peer] : peers_) {
        if (peer.role == Role::stranger && now() - peer.since > kStrangerPatience) cut.push_back(id);
    }
    for (const auto id : cut) {
        outbox_.disconnect(id);
        peers_.erase(id);
    }
}

void Core::tick() {
    for (const auto& name : membership_.silent(now()))
        lose_board(name, text("it was silent for more than ", options_.board_timeout.count(), " ms"), BoardState::lost);
    cut_strangers();
    links_.tick(now());
    measuring_.tick(now());
    const bool serving_blobs = blobs_.tick();
    dispatch_.expire(now());
    intake_.tick(now());
    conductor_.tick();
    patience_ = serving_blobs ? kBusy : kIdle;
}

void Core::stop() {
    for (const auto& [id, peer] : peers_)
        tell(outbox_, id, wire::Goodbye{"the hub stops"});
}

void Core::from_client(Peer& peer, wire::HubFromClient said) {
    const PeerId id = peer.caller.peer;
    if (auto* open = std::get_if<wire::OpenModel>(&said)) {
        conductor_.open(id, std::move(*open));
    } else if (const auto* close = std::get_if<wire::CloseModel>(&said)) {
        conductor_.close(id, close->model);
    } else if (const auto* blob = std::get_if<wire::Blob>(&said)) {
        intake_.blob(id, *blob);
    } else if (const auto* missing = std::get_if<wire::BlobMissing>(&said)) {
        intake_.missing(id, *missing);
    } else if (auto* submit = std::get_if<wire::Submit>(&said)) {
        dispatch_.submit(id, std::move(*submit), now());
    } else if (const auto* cancel = std::get_if<wire::CancelRequest>(&said)) {
        dispatch_.cancel(id, cancel->request);
    } else if (std::holds_alternative<wire::StatusRequest>(said)) {
        tell(outbox_, id, status());
    } else if (const auto* goodbye = std::get_if<wire::Goodbye>(&said)) {
        const std::string why = goodbye->reason;
        outbox_.disconnect(id);
        gone(id, why, BoardState::left);
    } else {
        base::fail(Code::network, "it says again who it is");
    }
}

}  // namespace shoal::hub
