#include "support/process.hpp"

#include <sys/wait.h>

#include <cstdio>
#include <stdexcept>

namespace shoal::test {

Ran run_command(const std::string& command) {
    FILE* pipe = ::popen(("{ " + command + "; } 2>&1").c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
    Ran out;
    char part[4096];
    for (std::size_t count = 0; (count = std::fread(part, 1, sizeof part, pipe)) > 0;)
        out.output.append(part, count);
    const int status = ::pclose(pipe);
    if (WIFEXITED(status)) out.exit_code = WEXITSTATUS(status);
    return out;
}

}  // namespace shoal::test
