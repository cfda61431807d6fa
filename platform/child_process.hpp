// A helper process that reports line by line and is not trusted to end: every wait has a deadline, and destroying the
// object kills what still runs.
//
// fork() copies only the calling thread. In a program with threads the child may therefore rely on nothing that another
// thread may have held at that moment; the C library's allocator and loader are safe there with glibc and musl. Where
// that is not enough, run a program instead.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace shoal::platform {

/// How a child ended; neither member when that cannot be known (somebody else waited for it).
struct ChildEnd {
    std::optional<int> exit_code{};
    std::optional<int> signal{};
    bool operator==(const ChildEnd&) const = default;
};

class ChildProcess {
public:
    /// Runs `work` in a forked copy of this process, with its standard streams on /dev/null and no other open file but
    /// the one it may write lines to. The copy ends when `work` returns, without exit handlers. Throws system_error.
    static ChildProcess fork(const std::function<void(int output)>& work);

    /// Runs a program whose standard output are the lines. Throws system_error when it cannot be started.
    static ChildProcess run(const std::vector<std::string>& command);

    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&&) = delete;
    ~ChildProcess();

    struct Line {
        enum class Kind { text, end, late } kind;  ///< `end`: nothing comes any more; `late`: nothing came in time
        std::string text{};
    };
    /// The next line without its newline. Lines are cut at 4096 bytes.
    [[nodiscard]] Line read_line(std::chrono::milliseconds patience);

    /// SIGTERM; it may take its time to end.
    void ask_to_end() const noexcept;
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    /// Kills the child if it still runs, and tells how it ended. A process that even the kernel cannot end (a driver
    /// stuck in a system call) is left behind after a second.
    ChildEnd end() noexcept;

private:
    ChildProcess(pid_t pid, int output) : pid_(pid), output_(output) {}

    pid_t pid_ = -1;
    int output_ = -1;
    bool closed_ = false;  // the child's side is: it ends by itself, or has
    std::string pending_;
};

}  // namespace shoal::platform
