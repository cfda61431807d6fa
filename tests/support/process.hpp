// Running a program as a user would, for tests of what needs a process of its own.
#pragma once

#include <string>

namespace shoal::test {

struct Ran {
    int exit_code = -1;  ///< -1: ended by a signal
    std::string output;  ///< standard output and error together
};

/// Runs a shell command and waits for it. Tests give whatever could hang a deadline of its own ("timeout 60 ...").
[[nodiscard]] Ran run_command(const std::string& command);

}  // namespace shoal::test
