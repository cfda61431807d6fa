// Telling the service manager how this process is: the notification protocol of systemd's sd_notify(3), a datagram to
// the socket that $NOTIFY_SOCKET names. Without a service manager every call does nothing. And whether its journal
// reads along ($JOURNAL_STREAM, systemd.exec(5)).
//
// Safe to use from several threads. Nothing here blocks or throws.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::platform {

class ServiceNotifier {
public:
    /// Reads the environment.
    ServiceNotifier();

    [[nodiscard]] bool present() const noexcept { return !socket_.empty(); }

    // True when the manager's socket took the message; false, say, while its queue is full: tell it again then.
    bool ready(std::string_view status = {}) const noexcept;
    bool stopping(std::string_view status = {}) const noexcept;
    bool status(std::string_view text) const noexcept;  ///< one line for `systemctl status`
    bool watchdog() const noexcept;                     ///< this process is alive and well

    /// How long the manager waits between two watchdog() calls before it restarts the process; call at half of it.
    /// Absent when it does not watch.
    [[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval() const noexcept { return interval_; }

private:
    bool send(std::string_view state, std::string_view status) const noexcept;

    std::string socket_;
    std::optional<std::chrono::microseconds> interval_;
};

/// True when what is written to `file` (1: standard output, 2: standard error) goes to systemd's journal, which takes
/// "<N>" in front of a line as its priority (sd-daemon(3)) and notes the time itself.
[[nodiscard]] bool goes_to_journal(int file) noexcept;

}  // namespace shoal::platform
