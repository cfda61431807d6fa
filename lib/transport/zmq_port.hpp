// The port over ZeroMQ: tcp and ipc, encrypted and authenticated by CURVE when it has keys. See port.hpp for what a
// port does and transport.md for how this one does it.
#pragma once

#include <memory>

#include "transport/port.hpp"

namespace shoal::transport {

/// Throws network when the system has no room for another context, invalid_argument for limits that make no sense.
[[nodiscard]] std::unique_ptr<Port> make_zmq_port(PortOptions options = {});

}  // namespace shoal::transport
