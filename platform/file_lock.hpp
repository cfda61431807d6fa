// A lock between processes (and threads): flock(2) on a file that exists for this purpose. The system frees it when its
// process ends, however it ends. The file stays.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>

namespace shoal::platform {

class FileLock {
public:
    enum class Kind { shared, exclusive };

    /// Absent when others hold it for longer than `patience`; 0 only tries. Throws std::system_error when the file
    /// cannot be opened or made.
    static std::optional<FileLock> acquire(const std::filesystem::path& path, Kind kind,
                                           std::chrono::milliseconds patience);

    FileLock(FileLock&& other) noexcept;
    FileLock& operator=(FileLock&& other) noexcept;
    ~FileLock();

    /// The open file, for those who keep something in it.
    [[nodiscard]] int file() const noexcept { return file_; }

private:
    explicit FileLock(int file) : file_(file) {}

    int file_ = -1;
};

}  // namespace shoal::platform
