// Where the library's messages go. The library itself never prints: a host program hands in a sink.
//
// Thread-safe: the sink may be called from any thread of the library, one call at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace shoal::base {

enum class LogLevel { debug, info, warning, error };

std::string_view name(LogLevel level) noexcept;

/// Receives one line without a newline. `room` is the part of the library that speaks, e.g. "hub".
using LogSink = std::function<void(LogLevel level, std::string_view room, std::string_view message)>;

/// Replaces the process-wide sink; an empty function switches logging off (the default).
/// Must not be called from inside a sink.
void set_log_sink(LogSink sink, LogLevel least = LogLevel::info);

void log(LogLevel level, std::string_view room, std::string_view message) noexcept;

/// True when a message of that level would reach the sink; for messages that are costly to make.
bool log_enabled(LogLevel level) noexcept;

template <class... Parts>
void log_info(std::string_view room, const Parts&... parts) {
    if (log_enabled(LogLevel::info)) log(LogLevel::info, room, text(parts...));
}
template <class... Parts>
void log_warning(std::string_view room, const Parts&... parts) {
    if (log_enabled(LogLevel::warning)) log(LogLevel::warning, room, text(parts...));
}
template <class... Parts>
void log_debug(std::string_view room, const Parts&... parts) {
    if (log_enabled(LogLevel::debug)) log(LogLevel::debug, room, text(parts...));
}

}  // namespace shoal::base
