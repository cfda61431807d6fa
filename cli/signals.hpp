// Ctrl-C and its like: the first asks the command to end cleanly, the second ends it at once. SIGPIPE is ignored, so
// that a closed pipe is an error to be handled and not the end.
#pragma once

#include "runtime/backend.hpp"

namespace shoal::cli {

/// Once, before anything else runs.
void catch_signals();

/// The signal that asked this process to end (SIGINT, SIGTERM, SIGHUP); 0 when none did.
[[nodiscard]] int signal_received() noexcept;

/// Cancelled by that signal; for everything that takes long.
[[nodiscard]] const runtime::Cancellation& cancellation();

/// Throws Code::cancelled once such a signal came.
void check_signals();

}  // namespace shoal::cli
