// What each message of a board means to the hub.
#include "hub/core.hpp"

namespace shoal::hub {

void Core::from_board(Peer& peer, wire::HubFromBoard said) {
    membership_.heard(peer.caller.peer, now());
    if (!std::visit([&](auto& message) { return hear(peer, message); }, said)) ++dropped_;
}

bool Core::hear(Peer& peer, wire::Register& message) {
    if (message.board != peer.name) base::fail(base::Code::refused, "it joined as '", peer.name, "' already");
    join(peer, std::move(message));
    return true;
}

bool Core::hear(Peer& peer, wire::Heartbeat& message) {
    if (!membership_.heartbeat(peer.caller.peer, std::move(message), now())) return false;
    conductor_.heartbeat(peer.name);
    return true;
}

bool Core::hear(Peer& peer, wire::KernelCosts& message) {
    measuring_.costs(peer.name, message);
    return true;
}

bool Core::hear(Peer& peer, wire::LinkMeasured& message) {
    if (links_.measured(peer.name, message, now())) conductor_.way_opened();
    links_.tick(now());
    return true;
}

bool Core::hear(Peer& peer, wire::TaskFailed& message) {
    return measuring_.failed(peer.name, message) || links_.failed(peer.name, message, now());
}

bool Core::hear(Peer& peer, wire::Probe& message) {
    tell(outbox_, peer.caller.peer, wire::ProbeEcho{message.task, message.sequence});
    return true;
}

bool Core::hear(Peer& peer, wire::ProbeEcho& message) {
    links_.echo(peer.name, message, now());
    links_.tick(now());
    return true;
}

bool Core::hear(Peer& peer, wire::BlobRequest& message) {
    blobs_.asked(peer.caller.peer, message);
    return true;
}

bool Core::hear(Peer& peer, wire::DeployProgress& message) {
    return conductor_.progress(peer.name, message);
}

bool Core::hear(Peer& peer, wire::Ready& message) {
    return conductor_.ready(peer.name, message);
}

bool Core::hear(Peer& peer, wire::DeployFailed& message) {
    return conductor_.deploy_failed(peer.name, message);
}

bool Core::hear(Peer& peer, wire::Result& message) {
    return dispatch_.result(peer.name, message, now());
}

bool Core::hear(Peer& peer, wire::Credit& message) {
    return conductor_.credit(peer.name, message);
}

bool Core::hear(Peer& peer, wire::StageError& message) {
    const auto errors = dispatch_.stage_error(peer.name, message, now());
    if (errors == 0) return false;
    conductor_.stage_error(peer.name, message, errors);
    return true;
}

bool Core::hear(Peer& peer, wire::Goodbye& message) {
    gone(peer.caller.peer, message.reason.empty() ? "it left" : message.reason, wire::BoardState::left);
    return true;
}

}  // namespace shoal::hub
