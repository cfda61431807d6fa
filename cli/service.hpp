// What `hub`, `node` and `local` have in common: they say what happens, a line each, until a signal ends them.
#pragma once

#include <functional>
#include <string_view>

namespace CLI {
class App;
}

namespace shoal::cli {

/// Prints a line with the time of day in front, soon: whoever calls does not wait for a terminal. Any thread.
void announce(std::string_view text);
/// Waits until everything that was announced is printed, a second at most.
void flush_announcements();

/// Tells the service manager, if there is one, that all is ready; then waits until a signal came, asking `still_well`
/// now and then. Ends early when that says no.
void serve_until_signal(std::string_view status, const std::function<bool()>& still_well = {});

/// The flag with which 'shoal local' starts the processes that are to end with it.
void add_tied_flag(CLI::App& command, bool& tied);
/// From now on this process is asked to end when the one that started it has ended.
void end_with_parent();

}  // namespace shoal::cli
