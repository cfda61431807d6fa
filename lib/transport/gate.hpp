// The gate keeper: answers ZeroMQ's question "may this public key come in?" (ZAP, RFC 27) from the allow-list, on a
// thread of its own, so that a busy owner does not keep newcomers waiting. Internal to the transport.
#pragma once

#include <memory>
#include <thread>

#include "platform/sockets.hpp"
#include "transport/keys.hpp"

namespace zmq {
class context_t;
}

namespace shoal::transport {

/// The ZAP domain of every listener with keys.
inline constexpr const char* kDomain = "shoal";

class Gate {
public:
    /// There is one gate in a context, made before any listener. Throws network.
    Gate(zmq::context_t& context, std::shared_ptr<const AllowList> allowed);
    ~Gate();
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

private:
    platform::Bell stop_;
    std::thread thread_;
};

}  // namespace shoal::transport
