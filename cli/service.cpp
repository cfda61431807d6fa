#include "cli/service.hpp"

#include <signal.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <ctime>
#include <mutex>
#include <thread>

#include "cli/output.hpp"
#include "cli/signals.hpp"
#include "cli/text.hpp"
#include "platform/service.hpp"

namespace shoal::cli {

void announce(std::string_view text) {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    char time[16];
    std::strftime(time, sizeof time, "%H:%M:%S", &local);
    try {
        print(base::text(time, "  ", printable(text), '\n'));
        flush_output();
    } catch (const std::exception&) {  // Nobody reads any more; a service goes on.
    }
}

void serve_until_signal(std::string_view status, const std::function<bool()>& still_well) {
    constexpr std::chrono::milliseconds kLook{50};
    const platform::ServiceNotifier manager;
    manager.ready(status);
    const auto interval = manager.watchdog_interval();
    auto told = std::chrono::steady_clock::now();
    while (signal_received() == 0) {
        std::this_thread::sleep_for(kLook);
        if (still_well && !still_well()) break;
        const auto now = std::chrono::steady_clock::now();
        if (interval && now - told > *interval / 2) {
            manager.watchdog();
            told = now;
        }
    }
    manager.stopping();
}

void add_tied_flag(CLI::App& command, bool& tied) {
    command.add_flag("--tied", tied)->group("");
}

void end_with_parent() {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
}

}  // namespace shoal::cli
