// What `hub`, `node` and `local` have in common: they say what happens, a line each, until a signal ends them.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/log.hpp"

namespace CLI {
class App;
}

namespace shoal::cli {

/// Prints a line with the time of day in front, soon: whoever calls does not wait for a terminal. The journal gets the
/// level instead of the time. Any thread.
void announce(std::string_view text, base::LogLevel level = base::LogLevel::info);
/// Waits until everything that was announced is printed, a second at most.
void flush_announcements();

struct Serving {
    std::string_view status;                 ///< a line for `systemctl status`
    std::function<bool()> still_well{};      ///< asked now and then; serving ends early when it says no
    std::function<std::uint64_t()> turns{};  ///< grows while what is served is alive
};
/// Tells the service manager, if there is one, that all is ready, again until it has heard; then waits until a signal
/// came. The watchdog hears that this process is alive only after `turns` has grown since it heard so last.
void serve_until_signal(const Serving& serving);

/// The flag with which 'shoal local' starts the processes that are to end with it.
void add_tied_flag(CLI::App& command, bool& tied);
/// From now on this process is asked to end when the one that started it has ended.
void end_with_parent();

}  // namespace shoal::cli
