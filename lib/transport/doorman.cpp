#include "transport/doorman.hpp"

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/log.hpp"

namespace shoal::transport {
namespace {

// Strangers can make up as many keys as they like; so many are remembered, and logged, and no more.
constexpr std::size_t kRememberedStrangers = 256;

// A request (RFC 27): version, request id, domain, address, identity, mechanism, credentials.
constexpr std::size_t kRequestFrames = 7;

std::vector<std::string> receive(zmq::socket_t& socket) {
    std::vector<std::string> out;
    for (bool more = true; more;) {
        zmq::message_t frame;
        if (!socket.recv(frame, zmq::recv_flags::dontwait)) return {};
        if (out.size() <= kRequestFrames) out.push_back(frame.to_string());
        more = frame.more();
    }
    return out;
}

void reply(zmq::socket_t& socket, const std::string& request, const char* status, const char* text,
           const std::string& user) {
    const std::array<std::string, 6> frames{"1.0", request, status, text, user, ""};
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const auto flags = i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
        socket.send(zmq::buffer(frames[i]), flags);
    }
}

}  // namespace

Doorman::Doorman(zmq::context_t& context, std::shared_ptr<const AllowList> allowed)
    : allowed_(std::move(allowed)), socket_(context, zmq::socket_type::rep) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.bind("inproc://zeromq.zap.01");
}

void Doorman::answer() {
    const auto request = receive(socket_);
    if (request.empty()) return;
    PublicKey key;
    const bool sound = request.size() == kRequestFrames && request[0] == "1.0" && request[2] == kDomain &&
                       request[5] == "CURVE" && request[6].size() == key.bytes.size();
    const std::string id = request.size() > 1 ? request[1] : "";
    if (!sound) return reply(socket_, id, "400", "not a CURVE request", "");
    std::memcpy(key.bytes.data(), request[6].data(), key.bytes.size());
    if (allowed_ != nullptr && allowed_->contains(key)) return reply(socket_, id, "200", "OK", key.text());
    log_once(key, request[3]);
    reply(socket_, id, "400", "key is not on the allow-list", "");
}

void Doorman::log_once(const PublicKey& key, const std::string& address) {
    if (strangers_.size() >= kRememberedStrangers || !strangers_.insert(key).second) return;
    base::log_warning("transport", "refused a connection from ", address, " with the key ", key.text(),
                      ", which is not on the allow-list");
    if (strangers_.size() == kRememberedStrangers)
        base::log_warning("transport", "further unknown keys are refused without a word");
}

}  // namespace shoal::transport
