// Failures inside Shoal: one exception type with a code and a message made for the person who reads it.
//
// A message says what failed, which (file, operator, device, peer), both numbers where two disagree, and what to do.
// Expected outcomes (nothing to read, deadline passed, no device) are values, not errors; see style notes in docs/.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace shoal::base {

/// What kind of failure. Three families: the caller's mistake, the environment's, ours.
/// Values cross the C ABI and the wire: they are never renumbered and never reused.
enum class Code {
    // The caller's mistake: repeating the call unchanged cannot succeed.
    invalid_argument = 1,  ///< a value, name or flag that makes no sense here
    invalid_model = 2,     ///< the model file is damaged or contradicts itself
    unsupported = 3,       ///< well formed, but not something Shoal (or this device) does
    not_found = 4,         ///< a file, device, board or tensor of that name does not exist
    does_not_fit = 5,      ///< no plan fits the memory that the devices have
    refused = 6,           ///< a key, version or limit of the other side says no
    // The environment's: repeating may succeed.
    io = 20,           ///< reading or writing a file failed
    device = 21,       ///< an OpenCL device or its driver failed
    network = 22,      ///< a peer cannot be reached or broke the protocol
    timeout = 23,      ///< the deadline passed
    cancelled = 24,    ///< the caller took the request back
    busy = 25,         ///< a bounded queue is full; try again later
    unavailable = 26,  ///< nothing is left that could do it (no board, no device)
    out_of_memory = 27,
    // Ours.
    internal = 40,  ///< a bug in Shoal
};

/// The code's name as printed and logged, e.g. "invalid model".
std::string_view name(Code code) noexcept;

class Error : public std::runtime_error {
public:
    Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}
    [[nodiscard]] Code code() const noexcept { return code_; }

private:
    Code code_;
};

/// Streams that write and read numbers as programs do, whatever locale the host program has set.
[[nodiscard]] std::ostringstream plain_output();
[[nodiscard]] std::istringstream plain_input(const std::string& text);

/// Joins anything that can be streamed into one string, numbers as plain_output() writes them.
template <class... Parts>
[[nodiscard]] std::string text(const Parts&... parts) {
    std::ostringstream out = plain_output();
    (out << ... << parts);
    return out.str();
}

/// Throws Error{code} with the parts joined as its message.
template <class... Parts>
[[noreturn]] void fail(Code code, const Parts&... parts) {
    throw Error(code, text(parts...));
}

/// Throws Code::internal unless `holds`; for our own invariants whose failure must not go on in release builds.
template <class... Parts>
void ensure(bool holds, const Parts&... parts) {
    if (!holds) fail(Code::internal, parts...);
}

}  // namespace shoal::base
