#include "transport/dial.hpp"

#include <algorithm>

namespace shoal::transport {

Dial::Dial(Endpoint target, std::optional<PublicKey> server, const Timing& timing)
    : target_(std::move(target)), server_(std::move(server)), timing_(timing), pause_(timing.retry_first) {}

void Dial::step(zmq::context_t& context, const PortOptions& options, base::TimePoint now) {
    if (open_ || now < next_) return;
    if (socket_ != nullptr) return closed(now);  // neither worked nor failed in its time
    if (target_.is_numeric()) return attempt(context, options, target_, now);
    if (target_.host == "localhost") return attempt(context, options, {target_.kind, "127.0.0.1", target_.port}, now);
    if (!lookup_) lookup_.emplace(target_.host);
    const auto address = lookup_->result();
    if (!address) return;
    lookup_.reset();
    if (address->empty()) return closed(now);
    attempt(context, options, {target_.kind, *address, target_.port}, now);
}

void Dial::attempt(zmq::context_t& context, const PortOptions& options, const Endpoint& endpoint, base::TimePoint now) {
    auto socket = std::make_unique<ZmqSocket>(context, ZmqSocket::Role::dialler, options, server_);
    socket->connect(endpoint);
    socket_ = std::move(socket);
    next_ = now + 3 * timing_.handshake;  // connecting and shaking hands have one each
}

void Dial::opened() {
    open_ = true;
    pause_ = timing_.retry_first;
    last_refusal.clear();
}

void Dial::closed(base::TimePoint now) {
    open_ = false;
    socket_.reset();
    next_ = now + pause_;
    pause_ = std::min(2 * pause_, timing_.retry_longest);
}

}  // namespace shoal::transport
