// Blobs on disk, addressed by their content: weights that a board keeps so that they travel to it once.
//
// A blob appears whole or not at all: it is written under a temporary name, checked against its digest, synced and
// renamed. Any number of processes and threads may use one folder; one that is killed at any point leaves no more than
// a temporary that the next one removes. When the limit is reached, the blobs used longest ago go, but never one that
// is pinned by a living process. What is mapped stays readable even after its blob has gone.
//
// Layout of the folder:
//   lock                   taken shared to pin, exclusive to publish and to remove
//   blobs/<64 hex digits>  a blob; its modification time is when it was last used
//   new/<session>-<n>      a blob in the making
//   sessions/<session>     locked while its store lives; 32 bytes a pin, zeros where none is
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/digest.hpp"

namespace shoal::base {

class BlobStore;
class BlobWriter;

/// Keeps one blob from being removed for as long as it lives. It may outlive its store.
class BlobPin {
public:
    BlobPin() = default;  ///< pins nothing
    BlobPin(BlobPin&&) noexcept = default;
    BlobPin& operator=(BlobPin&&) noexcept = default;

private:
    friend class BlobStore;
    friend class BlobWriter;
    explicit BlobPin(std::shared_ptr<void> held) : held_(std::move(held)) {}
    std::shared_ptr<void> held_;
};

/// Takes a blob in pieces. Destroyed before commit(), it leaves nothing.
class BlobWriter {
public:
    BlobWriter(BlobWriter&&) noexcept;
    ~BlobWriter();

    /// Throws invalid_argument when more comes than was announced, io when the disk fails.
    void write(ByteView bytes);

    [[nodiscard]] std::uint64_t written() const noexcept;

    /// Checks size and digest and publishes the blob, already pinned. Throws invalid_argument, both digests or sizes
    /// named, when the bytes are others than announced, and what BlobStore::writer throws.
    [[nodiscard]] BlobPin commit();

private:
    friend class BlobStore;
    struct State;
    explicit BlobWriter(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

struct BlobUsage {
    std::uint64_t blobs = 0, bytes = 0;
    std::uint64_t pinned_bytes = 0;  ///< by any process
    std::uint64_t limit_bytes = 0;
};

class BlobStore {
public:
    /// Opens the folder, making it where it is missing. Throws io, or refused when it is somebody else's.
    BlobStore(const std::filesystem::path& folder, std::uint64_t limit_bytes);
    ~BlobStore();
    BlobStore(BlobStore&&) noexcept;
    BlobStore& operator=(BlobStore&&) noexcept;

    [[nodiscard]] bool has(const Digest& digest) const;
    [[nodiscard]] std::optional<std::uint64_t> size(const Digest& digest) const;

    /// The blob's bytes, mapped; absent when it is not there. `verify` reads all of it, and removes one that is
    /// damaged.
    [[nodiscard]] std::optional<SharedBytes> open(const Digest& digest, bool verify = false);

    /// Absent when the blob is not there.
    [[nodiscard]] std::optional<BlobPin> pin(const Digest& digest);

    /// Keeps a blob, or finds that it is there already.
    Digest put(ByteView bytes);

    /// Begins a blob of that digest and size. Throws does_not_fit when what is pinned leaves no room for it, io, or
    /// busy when another process does not let go of the folder's lock.
    [[nodiscard]] BlobWriter writer(const Digest& digest, std::uint64_t size_bytes);

    /// False when it is pinned by somebody; true when it is gone now.
    bool erase(const Digest& digest);

    [[nodiscard]] BlobUsage usage() const;
    [[nodiscard]] std::vector<Digest> list() const;

    struct Folder;

private:
    std::shared_ptr<Folder> folder_;  // shared with pins and writers
};

}  // namespace shoal::base
