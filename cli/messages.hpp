// Standard error: errors, warnings, the library's log, and on a terminal what takes long at the moment.
//
// Thread-safe. Every message is a line that names the command: "shoal run: ...".
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace shoal::cli {

enum class Verbosity { errors, warnings, info, everything };

/// Whose name stands in front of messages; "shoal" until a command is known.
void set_speaker(std::string name);

/// True when the user wants to hear errors alone (--quiet).
[[nodiscard]] bool is_quiet() noexcept;

/// Sets what is said, and routes the library's log here.
void set_verbosity(Verbosity verbosity);

/// Puts the time of day in front of every message from now on: for what runs for days. A journal has its own.
void set_dated();
[[nodiscard]] std::string time_of_day();

/// Further lines of `message` follow indented or as they are.
void say_error(std::string_view message) noexcept;
void say_warning(std::string_view message) noexcept;

/// Shows what is going on for as long as it lives; on a terminal that is not told to be quiet, and nowhere else.
/// One at a time.
class Progress {
public:
    explicit Progress(std::string text);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void show(std::string text);
};

}  // namespace shoal::cli
