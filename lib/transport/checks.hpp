// What both kinds of port check and count alike. Internal to the transport.
#pragma once

#include <optional>
#include <string_view>

#include "transport/endpoint.hpp"
#include "transport/port.hpp"

namespace shoal::transport {

[[nodiscard]] std::uint64_t size_bytes(const Frames& frames) noexcept;

/// Throws invalid_argument naming the limit that the message breaks.
void check_sendable(const Frames& frames, const Limits& limits);

/// Throws refused, with what to do, when plaintext would leave this machine. `what` is "listening on" and the like.
void check_plaintext(const Endpoint& endpoint, std::string_view what);

/// Throws refused unless our keys and the server's key are both there, or neither on an endpoint of this machine.
void check_keys(const PortOptions& options, const Endpoint& endpoint, const std::optional<PublicKey>& server);

void count_sent(Counters& counters, const Frames& frames) noexcept;
void count_received(Counters& counters, const Frames& frames) noexcept;

}  // namespace shoal::transport
