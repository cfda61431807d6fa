#include "transport/gate.hpp"

#include <array>
#include <cstring>
#include <set>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "base/error.hpp"
#include "base/log.hpp"

namespace shoal::transport {
namespace {

// Strangers can make up as many keys as they like; so many are remembered, and logged, and no more.
constexpr std::size_t kRememberedStrangers = 256;

// Only so that nothing waits for ever; a request or the bell ends the wait at once.
constexpr long kLookMs = 60'000;

// A request (RFC 27): version, request id, domain, address, identity, mechanism, credentials.
constexpr std::size_t kRequestFrames = 7;

std::vector<std::string> receive(zmq::socket_t& socket) {
    std::vector<std::string> out;
    for (bool more = true; more;) {
        zmq::message_t frame;
        if (!socket.recv(frame)) return {};
        if (out.size() < kRequestFrames + 1) out.push_back(frame.to_string());
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

class Doorman {
public:
    explicit Doorman(const AllowList* allowed) : allowed_(allowed) {}

    void answer(zmq::socket_t& socket) {
        const auto request = receive(socket);
        if (request.empty()) return;
        PublicKey key;
        const bool sound = request.size() == kRequestFrames && request[0] == "1.0" && request[2] == kDomain &&
                           request[5] == "CURVE" && request[6].size() == key.bytes.size();
        const std::string id = request.size() > 1 ? request[1] : "";
        if (!sound) return reply(socket, id, "400", "not a CURVE request", "");
        std::memcpy(key.bytes.data(), request[6].data(), key.bytes.size());
        if (allowed_ != nullptr && allowed_->contains(key)) return reply(socket, id, "200", "OK", key.text());
        log_once(key, request[3]);
        reply(socket, id, "400", "key is not on the allow-list", "");
    }

private:
    void log_once(const PublicKey& key, const std::string& address) {
        if (strangers_.size() >= kRememberedStrangers || !strangers_.insert(key).second) return;
        base::log_warning("transport", "refused a connection from ", address, " with the key ", key.text(),
                          ", which is not on the allow-list");
        if (strangers_.size() == kRememberedStrangers)
            base::log_warning("transport", "further unknown keys are refused without a word");
    }

    const AllowList* allowed_;
    std::set<PublicKey> strangers_;
};

// Until `stop` rings.
void serve(zmq::socket_t& socket, int stop, const AllowList* allowed) {
    Doorman doorman(allowed);
    for (;;) {
        std::array<zmq::pollitem_t, 2> items{{{nullptr, stop, ZMQ_POLLIN, 0}, {socket.handle(), 0, ZMQ_POLLIN, 0}}};
        if (zmq_poll(items.data(), static_cast<int>(items.size()), kLookMs) <= 0) continue;
        if (items[0].revents != 0) return;
        try {
            doorman.answer(socket);
        } catch (const std::exception& error) {
            // The socket stays: without one in its place ZeroMQ would let everybody in.
            base::log_warning("transport", "could not check a key: ", error.what());
        }
    }
}

}  // namespace

Gate::Gate(zmq::context_t& context, std::shared_ptr<const AllowList> allowed) {
    try {
        zmq::socket_t socket(context, zmq::socket_type::rep);
        socket.set(zmq::sockopt::linger, 0);
        socket.bind("inproc://zeromq.zap.01");
        thread_ = std::thread([this, socket = std::move(socket), allowed = std::move(allowed)]() mutable {
            serve(socket, stop_.descriptor(), allowed.get());
            socket.close();
        });
    } catch (const zmq::error_t& error) {
        base::fail(base::Code::network, "cannot start checking keys: ", error.what());
    }
}

Gate::~Gate() {
    stop_.ring();
    thread_.join();
}

}  // namespace shoal::transport
