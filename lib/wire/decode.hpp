// Received frames become messages: one decoder for each direction, so that a peer can say only what its role may say.
//
// All of them throw base::Error and nothing else: network when the frames are not such a message (the text says what is
// wrong with it; drop the message, or the peer), refused when the peer speaks another major version (the text names
// both), out_of_memory. What they return has been checked: every index is in range, every number finite where it must
// be, every tensor as long as its type says, every graph valid. Safe to call from several threads.
#pragma once

#include <variant>

#include "wire/board_messages.hpp"
#include "wire/client_messages.hpp"
#include "wire/data_messages.hpp"
#include "wire/message.hpp"
#include "wire/status.hpp"

namespace shoal::wire {

/// What the hub hears from a board.
using HubFromBoard =
    std::variant<Register, Heartbeat, KernelCosts, LinkMeasured, TaskFailed, Probe, ProbeEcho, BlobRequest,
                 DeployProgress, Ready, DeployFailed, Result, Credit, StageError, Goodbye>;
/// What a board hears from the hub.
using BoardFromHub = std::variant<Welcome, Refused, Peers, HeartbeatEcho, MeasureKernels, MeasureLink, Probe, ProbeEcho,
                                  Deploy, Undeploy, Blob, BlobMissing, Activation, Cancel, Goodbye>;
/// What a board hears from another board.
using BoardFromBoard = std::variant<PeerHello, Activation, Credit, Probe, ProbeEcho, Refused, Goodbye>;
/// What the hub hears from a client.
using HubFromClient =
    std::variant<ClientHello, OpenModel, CloseModel, Blob, BlobMissing, Submit, CancelRequest, StatusRequest, Goodbye>;
/// What a client hears from the hub.
using ClientFromHub = std::variant<Welcome, Refused, BlobRequest, OpenProgress, Planned, Opened, Replanned, ModelFailed,
                                   Answer, RequestFailed, Status, Goodbye>;

[[nodiscard]] HubFromBoard decode_hub_from_board(const Frames& frames);
[[nodiscard]] BoardFromHub decode_board_from_hub(const Frames& frames);
[[nodiscard]] BoardFromBoard decode_board_from_board(const Frames& frames);
[[nodiscard]] HubFromClient decode_hub_from_client(const Frames& frames);
[[nodiscard]] ClientFromHub decode_client_from_hub(const Frames& frames);

}  // namespace shoal::wire
