// The in-process twin: ports inside one process, joined by queues. It behaves as ZeroMQ's does, keys, limits and
// reconnecting included, and adds no threads and no clock of its own, so what a test does with it is repeatable.
// For clusters inside one process and for tests. Endpoints are inproc://name; inproc://* picks a free name.
#pragma once

#include <memory>

#include "transport/port.hpp"

namespace shoal::transport {

/// Where in-process ports find each other. Thread-safe.
class InProcessNetwork;
[[nodiscard]] std::shared_ptr<InProcessNetwork> make_in_process_network();

[[nodiscard]] std::unique_ptr<Port> make_in_process_port(std::shared_ptr<InProcessNetwork> network,
                                                         PortOptions options = {});

}  // namespace shoal::transport
