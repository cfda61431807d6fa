// Answers ZeroMQ's question "may this public key come in?" (ZAP, RFC 27) from an allow-list. Internal to the transport;
// one thread.
#pragma once

#include <memory>
#include <set>
#include <zmq.hpp>

#include "transport/keys.hpp"

namespace shoal::transport {

/// The ZAP domain of every listener with keys.
inline constexpr const char* kDomain = "shoal";

class Doorman {
public:
    /// There is one in a context, made before any listener with keys, and it stays as long as they do: where nobody
    /// answers, ZeroMQ lets everybody in. Throws zmq::error_t.
    Doorman(zmq::context_t& context, std::shared_ptr<const AllowList> allowed);

    /// To wait for with zmq_poll.
    [[nodiscard]] void* socket() noexcept { return socket_.handle(); }
    /// Answers one question that has come.
    void answer();

private:
    void log_once(const PublicKey& key, const std::string& address);

    std::shared_ptr<const AllowList> allowed_;
    zmq::socket_t socket_;
    std::set<PublicKey> strangers_;
};

}  // namespace shoal::transport
