// The shoal command as a user runs it: a process, with standard output and error apart.
#pragma once

#include <string>

#include "support/temporary_folder.hpp"

namespace shoal::test {

struct CommandRun {
    int exit_code = -1;  ///< -1: ended by a signal
    std::string out, error;
};

/// Runs `shoal ARGUMENTS` through the shell, which therefore sees quotes and redirections; `environment` holds
/// NAME=value words. A run that takes more than two minutes ends with exit code 124.
[[nodiscard]] CommandRun shoal_command(const std::string& arguments, const std::string& environment = "");

/// The longest line's length in characters.
[[nodiscard]] std::size_t widest_line(const std::string& text);

/// The text with every run of blanks and newlines made one blank: what was wrapped can be looked for.
[[nodiscard]] std::string in_one_line(const std::string& text);

[[nodiscard]] bool contains(const std::string& text, const std::string& part);
/// True when `text` is one line that ends with a newline.
[[nodiscard]] bool is_one_line(const std::string& text);

}  // namespace shoal::test
