// What the kernel knows of a connection that somebody else's code (a messaging library's) reads and writes, and a way
// to wake a thread that waits in poll. Nothing here throws once it is made; facts that the system does not tell are
// absent.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace shoal::platform {

struct SocketFacts {
    std::uint64_t bytes_received = 0;             ///< since it was connected, handed to the application or not
    std::uint64_t unread_bytes = 0;               ///< in the kernel, not yet read by the application
    std::chrono::milliseconds since_last_sign{};  ///< how long ago the far end's kernel sent anything, data or not
    bool held_back = false;                       ///< there is something to send, and the far end has no room for it
};

/// Of a connected TCP socket; nothing for another kind of descriptor or a system that does not say.
[[nodiscard]] std::optional<SocketFacts> socket_facts(int descriptor) noexcept;

/// Tells one open socket from another that gets the same descriptor later; 0 when nothing is open there.
[[nodiscard]] std::uint64_t socket_identity(int descriptor) noexcept;

/// Ends the connection in both directions; its owner sees it closed by the peer. The descriptor stays its owner's.
void cut_socket(int descriptor) noexcept;

/// True when that many descriptors could be opened now.
[[nodiscard]] bool descriptors_available(int count) noexcept;

/// A descriptor to wait for, and whether it became readable.
struct Waiting {
    int descriptor = -1;
    bool readable = false;
};

/// Waits until one of them is readable (or broken), a signal comes, or the time is over.
void wait_readable(std::vector<Waiting>& descriptors, std::chrono::nanoseconds at_most);

/// A descriptor that becomes readable when any thread rings, and stays so until reset.
class Bell {
public:
    /// Throws std::system_error when no descriptor is left.
    Bell();
    ~Bell();
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;

    void ring() noexcept;   ///< any thread
    void reset() noexcept;  ///< the thread that waits
    [[nodiscard]] int descriptor() const noexcept { return read_; }

private:
    int read_ = -1, write_ = -1;
};

}  // namespace shoal::platform
