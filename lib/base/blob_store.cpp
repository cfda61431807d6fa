#include "base/blob_store.hpp"

#include "base/blob_folder.hpp"
#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "platform/new_file.hpp"

namespace shoal::base {
namespace {

namespace fs = std::filesystem;
using Lock = platform::FileLock;

// Holds a pin that was taken, and the folder with it.
std::shared_ptr<void> holding(std::shared_ptr<BlobStore::Folder> folder, const Digest& digest) {
    BlobStore::Folder* raw = folder.get();
    return {raw, [folder = std::move(folder), digest](void*) { folder->drop_pin(digest); }};
}

}  // namespace

struct BlobWriter::State {
    std::shared_ptr<BlobStore::Folder> folder;
    Digest digest;
    std::uint64_t size;
    platform::NewFile file;
    DigestBuilder hash{};
    std::uint64_t written = 0;
};

BlobWriter::BlobWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
BlobWriter::BlobWriter(BlobWriter&&) noexcept = default;
BlobWriter::~BlobWriter() = default;

std::uint64_t BlobWriter::written() const noexcept {
    return state_->written;
}

void BlobWriter::write(ByteView bytes) {
    if (bytes.size() > state_->size - state_->written) {
        fail(Code::invalid_argument, "blob ", state_->digest.brief(), " was announced with ", state_->size,
             " bytes, at least ", checked_add<std::uint64_t>(state_->written, bytes.size(), "blob size"), " came");
    }
    translate_errors([&] { state_->file.write(bytes); });
    state_->hash.add(bytes);
    state_->written += bytes.size();
}

BlobPin BlobWriter::commit() {
    if (state_->written != state_->size) {
        fail(Code::invalid_argument, "blob ", state_->digest.brief(), " was announced with ", state_->size, " bytes, ",
             state_->written, " came");
    }
    const Digest got = state_->hash.finish();
    if (got != state_->digest) {
        fail(Code::invalid_argument, "blob was announced as ", state_->digest.brief(), ", the bytes that came are ",
             got.brief());
    }
    auto& folder = *state_->folder;
    translate_errors([&] { state_->file.sync(); });  // a slow disk is not waited for under the lock
    const auto held = folder.lock(Lock::Kind::exclusive);
    std::error_code error;
    if (!fs::exists(folder.blob_path(got), error)) folder.make_room(state_->size);
    translate_errors([&] { state_->file.publish(folder.blob_path(got)); });
    folder.take_pin(got);
    return BlobPin(holding(state_->folder, got));
}

BlobStore::BlobStore(const fs::path& folder, std::uint64_t limit_bytes)
    : folder_(std::make_shared<Folder>(folder, limit_bytes)) {}
BlobStore::~BlobStore() = default;
BlobStore::BlobStore(BlobStore&&) noexcept = default;
BlobStore& BlobStore::operator=(BlobStore&&) noexcept = default;

bool BlobStore::has(const Digest& digest) const {
    return size(digest).has_value();
}

std::optional<std::uint64_t> BlobStore::size(const Digest& digest) const {
    std::error_code error;
    const auto bytes = fs::file_size(folder_->blob_path(digest), error);
    if (error) return std::nullopt;
    return bytes;
}

std::optional<SharedBytes> BlobStore::open(const Digest& digest, bool verify) {
    const auto path = folder_->blob_path(digest);
    std::optional<SharedBytes> bytes;
    try {
        bytes = map_file(path);
    } catch (const Error& error) {
        if (error.code() == Code::not_found) return std::nullopt;
        throw;
    }
    std::error_code ignored;
    if (verify && Digest::of(bytes->view()) != digest) {
        log_warning("base", "blob ", digest.brief(), " is damaged on disk and is removed");
        const auto held = folder_->lock(Lock::Kind::exclusive);
        fs::remove(path, ignored);
        return std::nullopt;
    }
    fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
    return bytes;
}

std::optional<BlobPin> BlobStore::pin(const Digest& digest) {
    const auto held = folder_->lock(Lock::Kind::shared);
    if (!has(digest)) return std::nullopt;
    folder_->take_pin(digest);
    return BlobPin(holding(folder_, digest));
}

Digest BlobStore::put(ByteView bytes) {
    const Digest digest = Digest::of(bytes);
    if (const auto known = pin(digest)) {
        std::error_code ignored;
        fs::last_write_time(folder_->blob_path(digest), fs::file_time_type::clock::now(), ignored);
        return digest;
    }
    auto blob = writer(digest, bytes.size());
    blob.write(bytes);
    (void)blob.commit();
    return digest;
}

BlobWriter BlobStore::writer(const Digest& digest, std::uint64_t size_bytes) {
    {
        const auto held = folder_->lock(Lock::Kind::exclusive);
        folder_->make_room(size_bytes);
    }
    auto file = translate_errors([&] { return platform::NewFile(folder_->new_path(), true); });
    return BlobWriter(
        std::make_unique<BlobWriter::State>(BlobWriter::State{folder_, digest, size_bytes, std::move(file)}));
}

bool BlobStore::erase(const Digest& digest) {
    const auto held = folder_->lock(Lock::Kind::exclusive);
    folder_->remove_dead_sessions();
    if (folder_->pinned().count(digest) != 0) return false;
    std::error_code ignored;
    fs::remove(folder_->blob_path(digest), ignored);
    return true;
}

BlobUsage BlobStore::usage() const {
    const auto held = folder_->lock(Lock::Kind::exclusive);
    folder_->remove_dead_sessions();
    const auto keep = folder_->pinned();
    BlobUsage out;
    out.limit_bytes = folder_->limit_bytes;
    for (const auto& blob : folder_->blobs()) {
        ++out.blobs;
        out.bytes += blob.size;
        if (keep.count(blob.digest) != 0) out.pinned_bytes += blob.size;
    }
    return out;
}

std::vector<Digest> BlobStore::list() const {
    std::vector<Digest> out;
    for (const auto& blob : folder_->blobs())
        out.push_back(blob.digest);
    return out;
}

}  // namespace shoal::base
