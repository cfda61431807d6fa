// A file in the making: written under a temporary name in pieces, then published under its own name at once, so that
// readers and killed writers never leave a part of it where somebody looks.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace shoal::platform {

class NewFile {
public:
    /// Creates `temporary`, which must not exist. `owner_only` hides it from other users from the start.
    /// This and the other calls throw std::system_error with the path in their text.
    explicit NewFile(std::filesystem::path temporary, bool owner_only = false);
    NewFile(NewFile&& other) noexcept;
    NewFile& operator=(NewFile&&) = delete;
    /// Removes what was not published.
    ~NewFile();

    void write(std::span<const std::byte> bytes);

    /// Waits until the bytes are on the disk.
    void sync();

    /// Syncs and renames the file to `path`, replacing what is there. The last call.
    void publish(const std::filesystem::path& path);

private:
    void discard() noexcept;

    std::filesystem::path temporary_;
    int file_ = -1;
    std::size_t unsynced_ = 0;  // bytes that may not be on the disk yet
    bool synced_ = false;       // nothing was written since sync()
};

}  // namespace shoal::platform
