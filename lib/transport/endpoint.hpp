// Endpoints as people write them: tcp://192.168.1.10:7070, tcp://*:7070, tcp://[::1]:7070, ipc:///run/shoal.sock, and
// inproc://name for the twin inside one process. A port of '*' is chosen by the system.
#pragma once

#include <string>
#include <string_view>

namespace shoal::transport {

struct Endpoint {
    enum class Kind { tcp, ipc, inproc };

    Kind kind = Kind::tcp;
    std::string host;  ///< tcp: name, address (without brackets) or "*"; ipc: the path; inproc: the name
    std::string port;  ///< tcp: a number or "*"

    /// True for 127.0.0.0/8, ::1, "localhost", ipc and inproc: bytes that do not leave the machine.
    [[nodiscard]] bool is_local() const noexcept;
    /// True when the host is an address and no name needs to be looked up.
    [[nodiscard]] bool is_numeric() const noexcept;
    [[nodiscard]] std::string text() const;
    bool operator==(const Endpoint&) const = default;
};

inline constexpr int kHubPort = 7070;

/// HOST, HOST:PORT or a whole endpoint as a whole endpoint: tcp, and the hub's port where none is said. Throws as
/// parse_endpoint().
[[nodiscard]] std::string hub_endpoint(std::string_view text);

/// Throws invalid_argument with an example when the text is no endpoint.
[[nodiscard]] Endpoint parse_endpoint(std::string_view text);

/// The same endpoint reached from elsewhere: a host that means "every address of mine" is replaced by `address`.
/// What a board says that it listens on becomes what its peers connect to.
[[nodiscard]] std::string reachable_endpoint(std::string_view text, std::string_view address);

}  // namespace shoal::transport
