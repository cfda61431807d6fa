#include "platform/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

extern char** environ;

namespace shoal::platform {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestLine = 4096;

[[noreturn]] void fail(int error, const std::string& what) {
    throw std::system_error(error, std::generic_category(), what);
}

struct Pipe {
    int read = -1, write = -1;
};

// In a program that closed its standard streams a pipe would get their numbers, which the child needs for its own.
int above_standard_streams(int file) {
    if (file > STDERR_FILENO) return file;
    const int moved = ::fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int error = errno;
    ::close(file);
    errno = error;
    return moved;
}

Pipe make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail(errno, "cannot make a pipe");
    const Pipe out{above_standard_streams(ends[0]), above_standard_streams(ends[1])};
    if (out.read >= 0 && out.write >= 0) return out;
    const int error = errno;
    for (const int file : {out.read, out.write}) {
        if (file >= 0) ::close(file);
    }
    fail(error, "cannot make a pipe");
}

// Sockets and locks of the parent must not live on in a child that hangs.
void close_all_but(int kept) {
    const int limit = static_cast<int>(std::min<long>(::sysconf(_SC_OPEN_MAX), 65536));
    for (int file = 3; file < limit; ++file) {
        if (file != kept) ::close(file);
    }
}

[[noreturn]] void be_the_child(const std::function<void(int)>& work, int output) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::signal(SIGPIPE, SIG_DFL);
    const int nothing = ::open("/dev/null", O_RDWR);
    for (int file = 0; file < 3 && nothing >= 0; ++file)
        ::dup2(nothing, file);
    close_all_but(output);
    try {
        work(output);
    } catch (...) {
        ::_exit(1);
    }
    ::_exit(0);
}

}  // namespace

ChildProcess ChildProcess::fork(const std::function<void(int output)>& work) {
    const Pipe pipe = make_pipe();
    const pid_t pid = ::fork();
    if (pid == 0) be_the_child(work, pipe.write);
    const int error = errno;
    ::close(pipe.write);
    if (pid < 0) {
        ::close(pipe.read);
        fail(error, "cannot make a child process");
    }
    return {pid, pipe.read};
}

ChildProcess ChildProcess::run(const std::vector<std::string>& command) {
    const Pipe pipe = make_pipe();
    std::vector<char*> arguments;
    for (const auto& word : command)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipe.write, 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    pid_t pid = -1;
    const int error = arguments.size() > 1
                          ? ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ)
                          : EINVAL;
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipe.write);
    if (error != 0) {
        ::close(pipe.read);
        fail(error, "cannot start '" + (command.empty() ? "" : command[0]) + "'");
    }
    return {pid, pipe.read};
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      closed_(other.closed_),
      pending_(std::move(other.pending_)) {}

ChildProcess::~ChildProcess() {
    end();
}

ChildProcess::Line ChildProcess::read_line(std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    while (true) {
        const auto newline = pending_.find('\n');
        if (newline != std::string::npos || pending_.size() >= kLongestLine) {
            Line line{Line::Kind::text, pending_.substr(0, std::min(newline, kLongestLine))};
            pending_.erase(0, newline != std::string::npos ? newline + 1 : kLongestLine);
            return line;
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd wait{output_, POLLIN, 0};
        const int ready = ::poll(&wait, 1, static_cast<int>(std::max<long long>(left, 0)));
        if (ready == 0) return {Line::Kind::late};
        char part[1024];
        const ssize_t count = ready < 0 ? -1 : ::read(output_, part, sizeof part);
        if (count < 0 && errno == EINTR) continue;
        closed_ = closed_ || count == 0;
        if (count <= 0) return {Line::Kind::end};
        pending_.append(part, static_cast<std::size_t>(count));
    }
}

void ChildProcess::ask_to_end() const noexcept {
    if (pid_ > 0) ::kill(pid_, SIGTERM);
}

ChildEnd ChildProcess::end() noexcept {
    if (output_ >= 0) ::close(std::exchange(output_, -1));
    const pid_t pid = std::exchange(pid_, -1);
    if (pid < 0) return {};
    const auto deadline = Clock::now() + std::chrono::seconds(1);
    const int patience = closed_ ? 500 : 0;  // one that is about to exit tells more by its own end than by our SIGKILL
    for (int tries = 0; Clock::now() < deadline; ++tries) {
        int status = 0;
        const pid_t got = ::waitpid(pid, &status, WNOHANG);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return {};
        if (got == pid) {
            if (WIFEXITED(status)) return {WEXITSTATUS(status), std::nullopt};
            return {std::nullopt, WTERMSIG(status)};
        }
        if (tries == patience) ::kill(pid, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {};
}

}  // namespace shoal::platform
