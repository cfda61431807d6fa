// A port that pretends to be at the end of a slower link: what arrives is held for a latency and for the time that its
// bytes take at a rate. For tests and benchmarks on machines whose kernel cannot delay packets; the other direction is
// shaped by shaping the other end. Everything else goes straight to the port inside.
#pragma once

#include <memory>

#include "transport/port.hpp"

namespace shoal::transport {

struct LinkShape {
    base::Duration latency{};    ///< from leaving the wire to being delivered
    double bytes_per_s = 0;      ///< of each peer; 0: unlimited
    bool shared_medium = false;  ///< all peers together have that rate, as in one Wi-Fi cell
};

/// Order is kept for each peer. A message counts its frames' bytes alone.
[[nodiscard]] std::unique_ptr<Port> make_shaped_port(std::unique_ptr<Port> inner, LinkShape shape);

}  // namespace shoal::transport
