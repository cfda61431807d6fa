#include "base/log.hpp"

#include <atomic>
#include <mutex>

namespace shoal::base {
namespace {

struct Sink {
    std::mutex mutex;
    LogSink call;
    // Read without the lock so that a disabled level costs one load.
    std::atomic<int> least{static_cast<int>(LogLevel::error) + 1};
};

Sink& sink() {
    static Sink instance;
    return instance;
}

}  // namespace

std::string_view name(LogLevel level) noexcept {
    switch (level) {
        case LogLevel::debug: return "debug";
        case LogLevel::info: return "info";
        case LogLevel::warning: return "warning";
        case LogLevel::error: return "error";
    }
    return "?";
}

void set_log_sink(LogSink call, LogLevel least) {
    const std::lock_guard lock(sink().mutex);
    sink().least = call ? static_cast<int>(least) : static_cast<int>(LogLevel::error) + 1;
    sink().call = std::move(call);
}

bool log_enabled(LogLevel level) noexcept {
    return static_cast<int>(level) >= sink().least.load(std::memory_order_relaxed);
}

void log(LogLevel level, std::string_view room, std::string_view message) noexcept {
    if (!log_enabled(level)) return;
    const std::lock_guard lock(sink().mutex);
    try {
        if (sink().call) sink().call(level, room, message);
    } catch (...) {  // A failing sink must not take the library down with it.
    }
}

}  // namespace shoal::base
