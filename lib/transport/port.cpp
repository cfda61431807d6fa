#include "transport/port.hpp"

#include "base/error.hpp"
#include "transport/checks.hpp"

namespace shoal::transport {

using base::Code;
using base::fail;

std::uint64_t size_bytes(const Frames& frames) noexcept {
    std::uint64_t total = 0;
    for (const auto& frame : frames)
        total += frame.size();
    return total;
}

void check_sendable(const Frames& frames, const Limits& limits) {
    if (frames.empty()) fail(Code::invalid_argument, "a message without frames cannot be sent");
    if (frames.size() == 1 && frames[0].empty())
        fail(Code::invalid_argument, "a message of one empty frame is reserved for the transport");
    if (frames.size() > limits.frames)
        fail(Code::invalid_argument, "a message of ", frames.size(), " frames; at most ", limits.frames,
             " may be sent");
    for (const auto& frame : frames) {
        if (frame.size() > limits.frame_bytes) {
            fail(Code::invalid_argument, "a frame of ", frame.size(), " bytes; at most ", limits.frame_bytes,
                 " may be sent");
        }
    }
    if (size_bytes(frames) > limits.message_bytes) {
        fail(Code::invalid_argument, "a message of ", size_bytes(frames), " bytes; at most ", limits.message_bytes,
             " may be sent");
    }
}

void check_plaintext(const Endpoint& endpoint, std::string_view what) {
    if (endpoint.is_local()) return;
    fail(Code::refused, what, " ", endpoint.text(),
         " would send everything in the clear: without keys only this machine is served (127.0.0.1, ipc). Make keys "
         "with "
         "'shoal keygen' and give them to both sides");
}

void check_keys(const PortOptions& options, const Endpoint& endpoint, const std::optional<PublicKey>& server) {
    if (!options.keys && !server) return check_plaintext(endpoint, "connecting to");
    if (!options.keys) {
        fail(Code::refused, "connecting to ", endpoint.text(),
             " needs keys of our own besides the other side's public key; 'shoal keygen' makes them");
    }
    if (!server) {
        fail(Code::refused, "connecting to ", endpoint.text(),
             " with keys needs the public key of the other side, to know that it is the right one");
    }
}

void count_sent(Counters& counters, const Frames& frames) noexcept {
    ++counters.messages_sent;
    counters.frames_sent += frames.size();
    counters.bytes_sent += size_bytes(frames);
}

void count_received(Counters& counters, const Frames& frames) noexcept {
    ++counters.messages_received;
    counters.frames_received += frames.size();
    counters.bytes_received += size_bytes(frames);
}

}  // namespace shoal::transport
