// The folder of a blob store and this process' session in it. Internal to blob_store.cpp and blob_folder.cpp; the
// layout is described in blob_store.hpp. Safe to use from several threads.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "base/blob_store.hpp"
#include "platform/file_lock.hpp"

namespace shoal::base {

struct BlobStore::Folder {
    using Lock = platform::FileLock;

    Folder(std::filesystem::path root_folder, std::uint64_t limit);
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    /// Waits for the folder's lock; throws busy after ten seconds.
    [[nodiscard]] Lock lock(Lock::Kind kind) const;

    [[nodiscard]] std::filesystem::path blob_path(const Digest& digest) const { return root / "blobs" / digest.hex(); }
    [[nodiscard]] std::filesystem::path new_path();

    // Of this process. Taking a pin needs the folder's lock, of either kind; letting go does not.
    void take_pin(const Digest& digest);
    void drop_pin(const Digest& digest) noexcept;

    // These need the exclusive lock.
    void remove_dead_sessions() const;
    [[nodiscard]] std::set<Digest> pinned() const;
    void make_room(std::uint64_t size_bytes) const;

    struct Blob {
        Digest digest;
        std::uint64_t size = 0;
        std::filesystem::file_time_type used;
    };
    [[nodiscard]] std::vector<Blob> blobs() const;

    const std::filesystem::path root;
    const std::uint64_t limit_bytes;

private:
    struct Slot {
        int holders = 0;
        std::size_t index = 0;
    };
    void write_slot(std::size_t index, const Digest& digest) const;

    std::string session_;
    std::optional<Lock> session_lock_;
    std::atomic<unsigned> next_new_{0};
    std::mutex mutex_;  // of the two below
    std::map<Digest, Slot> pins_;
    std::vector<bool> used_slots_;
};

}  // namespace shoal::base
