#include "platform/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

namespace shoal::platform {

std::optional<FileLock> FileLock::acquire(const std::filesystem::path& path, Kind kind,
                                          std::chrono::milliseconds patience) {
    const auto fail = [&](const char* what) {
        throw std::system_error(errno, std::generic_category(), std::string(what) + " '" + path.string() + "'");
    };
    FileLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (lock.file_ < 0) fail("cannot open");
    const int operation = (kind == Kind::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    // Asking again rather than waiting in the kernel: a stopped process must not hold this one up for ever.
    while (::flock(lock.file_, operation) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) fail("cannot lock");
        if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
}

FileLock::~FileLock() {
    if (file_ >= 0) ::close(file_);
}

}  // namespace shoal::platform
