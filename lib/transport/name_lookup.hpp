// Looks a host's address up on a thread of its own: the system's resolver may take many seconds, and neither a port's
// owner nor ZeroMQ's thread can stand still for that long. Internal to the transport.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace shoal::transport {

class NameLookup {
public:
    /// Starts at once. The thread outlives this object when the resolver does.
    explicit NameLookup(const std::string& host);

    /// Nothing while it lasts; then the address as digits, or "" when the name is unknown.
    [[nodiscard]] std::optional<std::string> result() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace shoal::transport
