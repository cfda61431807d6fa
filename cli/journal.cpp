#include "cli/journal.hpp"

#include "cli/text.hpp"

namespace shoal::cli {
namespace {

// syslog(3)
int priority(base::LogLevel level) {
    switch (level) {
        case base::LogLevel::error: return 3;
        case base::LogLevel::warning: return 4;
        case base::LogLevel::info: return 6;
        case base::LogLevel::debug: break;
    }
    return 7;
}

}  // namespace

std::string for_journal(base::LogLevel level, std::string_view text) {
    const std::string front = base::text('<', priority(level), '>');
    std::string out = front;
    for (const char c : text) {
        out += c;
        if (c == '\n') out += front;
    }
    return out;
}

}  // namespace shoal::cli
