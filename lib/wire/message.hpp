// What every message has in common: its kind, the protocol's version, and the first frame's prefix that tells both.
//
// A message is a frame with a prefix of 16 bytes and a body, and behind it the payload frames (tensors, chunks of
// weights) exactly as they are in memory. format.md describes every byte. This room knows no sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace shoal::wire {

using Frames = std::vector<base::SharedBytes>;

/// A peer of another major version is refused; a minor version adds what older peers may ignore.
struct Version {
    std::uint16_t major = 0, minor = 0;
    bool operator==(const Version&) const = default;
};
inline constexpr Version kVersion{1, 0};

/// Numbers cross the wire: never renumbered, never reused.
enum class Kind : std::uint8_t {
    // Anybody:
    refused = 1,
    goodbye = 2,
    // Data, board to board and between hub and board:
    activation = 10,
    result = 11,
    credit = 12,
    cancel = 13,
    stage_error = 14,
    probe = 15,
    probe_echo = 16,
    blob_request = 17,
    blob = 18,
    blob_missing = 19,
    // Boards and hub:
    board_register = 30,
    welcome = 31,
    heartbeat = 32,
    heartbeat_echo = 33,
    peers = 34,
    peer_hello = 35,
    measure_kernels = 40,
    kernel_costs = 41,
    measure_link = 42,
    link_measured = 43,
    task_failed = 44,
    deploy = 50,
    deploy_progress = 51,
    ready = 52,
    deploy_failed = 53,
    undeploy = 54,
    // Clients and hub:
    client_hello = 70,
    open_model = 71,
    open_progress = 72,
    planned = 73,
    opened = 74,
    replanned = 75,
    model_failed = 76,
    close_model = 77,
    submit = 80,
    answer = 81,
    request_failed = 82,
    cancel_request = 83,
    status_request = 90,
    status = 91,
};

/// "activation"; "?" for a number that no kind has.
[[nodiscard]] std::string_view name(Kind kind) noexcept;

/// The kind that a message says it is, nothing when it is no message of ours or of another major version. For choosing
/// the decoder: whoever begins with board_register is a board, with client_hello a client, with peer_hello a neighbour.
[[nodiscard]] std::optional<Kind> peek_kind(const Frames& frames) noexcept;

/// Time that is left, as it travels: clocks differ, durations do not.
using RemainingMs = std::uint32_t;

}  // namespace shoal::wire
