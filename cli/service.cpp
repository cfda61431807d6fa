#include "cli/service.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <thread>

#include "cli/journal.hpp"
#include "cli/messages.hpp"
#include "cli/output.hpp"
#include "cli/signals.hpp"
#include "cli/text.hpp"
#include "platform/service.hpp"

namespace shoal::cli {

namespace {

// Lines leave on a thread of their own: a terminal that is held up must not hold up a hub. Never destroyed, since
// lines may still come while the process ends.
class Announcer {
public:
    static Announcer& instance() {
        static auto* const own = new Announcer();
        return *own;
    }

    void add(std::string line) {
        constexpr std::size_t kMostWaiting = 1000;
        const std::lock_guard lock(mutex_);
        if (waiting_.size() >= kMostWaiting) return;
        waiting_.push_back(std::move(line));
        changed_.notify_all();
    }

    void flush(std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, patience, [&] { return waiting_.empty() && !writing_; });
    }

private:
    Announcer() { std::thread(&Announcer::write_all, this).detach(); }

    [[noreturn]] void write_all() {
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, [&] { return !waiting_.empty(); });
            std::string text;
            for (const auto& line : waiting_)
                text += line;
            waiting_.clear();
            writing_ = true;
            lock.unlock();
            try {
                print(text);
                flush_output();
            } catch (const std::exception&) {  // Nobody reads any more; a service goes on.
            }
            lock.lock();
            writing_ = false;
            changed_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> waiting_;
    bool writing_ = false;
};

}  // namespace

void announce(std::string_view text, base::LogLevel level) {
    if (platform::goes_to_journal(STDOUT_FILENO)) {
        Announcer::instance().add(for_journal(level, printable(text)) + '\n');
        return;
    }
    Announcer::instance().add(base::text(time_of_day(), "  ", printable(text), '\n'));
}

void flush_announcements() {
    Announcer::instance().flush(std::chrono::seconds(1));
}

void serve_until_signal(const Serving& serving) {
    constexpr std::chrono::milliseconds kLook{50};
    const platform::ServiceNotifier manager;
    // The manager's queue may be full, as when many services start at boot: it is told again until it has heard.
    bool ready = !manager.present() || manager.ready(serving.status);
    const auto interval = manager.watchdog_interval();
    auto told = std::chrono::steady_clock::now();
    std::uint64_t turns_told = serving.turns ? serving.turns() : 0;
    while (signal_received() == 0) {
        std::this_thread::sleep_for(kLook);
        if (serving.still_well && !serving.still_well()) break;
        ready = ready || manager.ready(serving.status);
        const auto now = std::chrono::steady_clock::now();
        if (!interval || now - told <= *interval / 2) continue;
        const std::uint64_t turns = serving.turns ? serving.turns() : turns_told + 1;
        if (turns == turns_told) continue;
        if (!manager.watchdog()) continue;
        told = now;
        turns_told = turns;
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
