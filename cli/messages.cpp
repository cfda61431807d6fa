#include "cli/messages.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>

#include "base/log.hpp"
#include "cli/journal.hpp"
#include "cli/text.hpp"
#include "platform/service.hpp"

namespace shoal::cli {
namespace {

struct Voice {
    std::mutex mutex;
    std::string speaker = "shoal";
    Verbosity verbosity = Verbosity::warnings;
    bool dated = false;
    std::string progress;  // what stands on the terminal's last line

    [[nodiscard]] bool shows_progress() const {
        const char* terminal = std::getenv("TERM");
        return verbosity != Verbosity::errors && ::isatty(STDERR_FILENO) == 1 && terminal != nullptr &&
               std::string_view(terminal) != "dumb";
    }

    void draw(const std::string& text) {
        if (!shows_progress()) return;
        progress = fitted(printable(text), 79);
        std::fprintf(stderr, "\r%s\033[K", progress.c_str());
        std::fflush(stderr);
    }

    void line(base::LogLevel level, std::string_view before, std::string_view text) {
        if (!progress.empty()) std::fputs("\r\033[K", stderr);
        std::string whole = base::text(speaker, ": ", before, printable(text, true));
        if (platform::goes_to_journal(STDERR_FILENO))
            whole = for_journal(level, whole);
        else if (dated)
            whole = time_of_day() + "  " + whole;
        whole += '\n' + progress;
        std::fwrite(whole.data(), 1, whole.size(), stderr);  // one write, so that lines of several processes stay whole
        std::fflush(stderr);
    }
};

Voice& voice() {
    static Voice instance;
    return instance;
}

void say(base::LogLevel level, std::string_view before, std::string_view message) noexcept {
    const std::lock_guard lock(voice().mutex);
    try {
        voice().line(level, before, message);
    } catch (...) {  // No memory for a message: there is nobody left to tell.
    }
}

base::LogLevel least_level(Verbosity verbosity) {
    switch (verbosity) {
        case Verbosity::errors: return base::LogLevel::error;
        case Verbosity::warnings: return base::LogLevel::warning;
        case Verbosity::info: return base::LogLevel::info;
        case Verbosity::everything: break;
    }
    return base::LogLevel::debug;
}

}  // namespace

void set_speaker(std::string name) {
    const std::lock_guard lock(voice().mutex);
    voice().speaker = std::move(name);
}

void set_dated() {
    const std::lock_guard lock(voice().mutex);
    voice().dated = true;
}

std::string time_of_day() {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    char time[16];
    std::strftime(time, sizeof time, "%H:%M:%S", &local);
    return time;
}

void set_verbosity(Verbosity verbosity) {
    {
        const std::lock_guard lock(voice().mutex);
        voice().verbosity = verbosity;
    }
    base::set_log_sink(
        [](base::LogLevel level, std::string_view room, std::string_view message) {
            say(level, base::text(base::name(level), ": ", room, ": "), message);
        },
        least_level(verbosity));
}

bool is_quiet() noexcept {
    const std::lock_guard lock(voice().mutex);
    return voice().verbosity == Verbosity::errors;
}

void say_error(std::string_view message) noexcept {
    say(base::LogLevel::error, "", message);
}

void say_warning(std::string_view message) noexcept {
    if (voice().verbosity != Verbosity::errors) say(base::LogLevel::warning, "warning: ", message);
}

Progress::Progress(std::string text) {
    show(std::move(text));
}

Progress::~Progress() {
    const std::lock_guard lock(voice().mutex);
    if (voice().progress.empty()) return;
    voice().progress.clear();
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
}

void Progress::show(std::string text) {
    const std::lock_guard lock(voice().mutex);
    voice().draw(text);
}

}  // namespace shoal::cli
