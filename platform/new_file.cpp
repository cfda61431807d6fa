#include "platform/new_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace shoal::platform {
namespace {

// A card that takes all of a large file at its end keeps its writer waiting for many seconds.
constexpr std::size_t kSyncEvery = std::size_t{8} << 20;

// Names the file that was to be, where `path` is a temporary beside it (NAME.new.PID.N).
[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path) {
    const int error = errno;
    const std::string name = path.string();
    throw std::system_error(error, std::generic_category(), what + " '" + name.substr(0, name.rfind(".new.")) + "'");
}

}  // namespace

NewFile::NewFile(std::filesystem::path temporary, bool owner_only)
    : temporary_(std::move(temporary)),
      file_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, owner_only ? 0600 : 0644)) {
    if (file_ < 0) fail("cannot create", temporary_);
}

NewFile::NewFile(NewFile&& other) noexcept
    : temporary_(std::move(other.temporary_)),
      file_(std::exchange(other.file_, -1)),
      unsynced_(std::exchange(other.unsynced_, 0)),
      synced_(other.synced_) {}

NewFile::~NewFile() {
    discard();
}

void NewFile::write(std::span<const std::byte> bytes) {
    synced_ = false;
    while (!bytes.empty()) {
        const ssize_t written = ::write(file_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("cannot write", temporary_);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        unsynced_ += static_cast<std::size_t>(written);
    }
    if (unsynced_ < kSyncEvery) return;
    unsynced_ = 0;
    if (::fdatasync(file_) != 0) fail("cannot write", temporary_);
}

void NewFile::sync() {
    if (synced_) return;
    if (::fsync(file_) != 0) fail("cannot write", temporary_);
    unsynced_ = 0;
    synced_ = true;
}

void NewFile::publish(const std::filesystem::path& path) {
    sync();
    if (::rename(temporary_.c_str(), path.c_str()) != 0) fail("cannot replace", path);
    ::close(std::exchange(file_, -1));
}

void NewFile::discard() noexcept {
    if (file_ < 0) return;
    ::close(std::exchange(file_, -1));
    ::unlink(temporary_.c_str());
}

}  // namespace shoal::platform
