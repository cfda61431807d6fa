#include "base/blob_folder.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/units.hpp"
#include "platform/files.hpp"

namespace shoal::base {
namespace {

namespace fs = std::filesystem;
using Lock = platform::FileLock;

constexpr std::chrono::seconds kPatience{10};
constexpr std::size_t kSlotBytes = sizeof(Digest::bytes);

std::string new_session_name() {
    std::random_device random;
    return text(::getpid(), "-", random(), random());
}

// The digests in a session's file; an unreadable one has none.
std::vector<Digest> read_slots(const fs::path& path) {
    std::vector<Digest> out;
    try {
        const auto file = map_file(path);
        for (std::size_t at = 0; at + kSlotBytes <= file.size(); at += kSlotBytes) {
            Digest digest;
            std::memcpy(digest.bytes.data(), file.data() + at, kSlotBytes);
            if (digest != Digest{}) out.push_back(digest);
        }
    } catch (const Error&) {}
    return out;
}

std::optional<Digest> digest_of_name(const std::string& name) {
    try {
        return Digest::from_hex(name);
    } catch (const Error&) {
        return std::nullopt;
    }
}

std::vector<fs::path> files_in(const fs::path& folder) {
    std::vector<fs::path> out;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        out.push_back(at->path());
    return out;
}

}  // namespace

BlobStore::Folder::Folder(fs::path root_folder, std::uint64_t limit)
    : root(std::move(root_folder)), limit_bytes(limit), session_(new_session_name()) {
    make_private_folder(root);
    for (const char* part : {"blobs", "new", "sessions"})
        make_folder(root / part);
    const auto held = lock(Lock::Kind::exclusive);
    remove_dead_sessions();
    session_lock_ = translate_errors(
        [&] { return Lock::acquire(root / "sessions" / session_, Lock::Kind::exclusive, std::chrono::seconds(0)); });
    ensure(session_lock_.has_value(), "blob session ", session_, " exists already");
}

BlobStore::Folder::~Folder() {
    std::error_code ignored;
    fs::remove(root / "sessions" / session_, ignored);
}

Lock BlobStore::Folder::lock(Lock::Kind kind) const {
    auto held = translate_errors([&] { return Lock::acquire(root / "lock", kind, kPatience); });
    if (!held) {
        fail(Code::busy, "another process has kept '", (root / "lock").string(), "' locked for ",
             format_ms(std::chrono::duration<double, std::milli>(kPatience).count()));
    }
    return std::move(*held);
}

fs::path BlobStore::Folder::new_path() {
    return root / "new" / (session_ + "-" + std::to_string(next_new_++));
}

void BlobStore::Folder::write_slot(std::size_t index, const Digest& digest) const {
    const auto at = static_cast<off_t>(index * kSlotBytes);
    if (::pwrite(session_lock_->file(), digest.bytes.data(), kSlotBytes, at) != static_cast<ssize_t>(kSlotBytes))
        fail(Code::io, "cannot write '", (root / "sessions" / session_).string(), "': ", std::strerror(errno));
}

void BlobStore::Folder::take_pin(const Digest& digest) {
    const std::lock_guard guard(mutex_);
    const auto known = pins_.find(digest);
    if (known != pins_.end()) {
        ++known->second.holders;
        return;
    }
    const auto free = std::find(used_slots_.begin(), used_slots_.end(), false);
    const auto index = static_cast<std::size_t>(free - used_slots_.begin());
    write_slot(index, digest);
    if (free == used_slots_.end()) used_slots_.push_back(false);
    used_slots_[index] = true;
    pins_.emplace(digest, Slot{1, index});
}

void BlobStore::Folder::drop_pin(const Digest& digest) noexcept {
    const std::lock_guard guard(mutex_);
    const auto known = pins_.find(digest);
    if (known == pins_.end() || --known->second.holders > 0) return;
    used_slots_[known->second.index] = false;
    try {
        write_slot(known->second.index, Digest{});
    } catch (const Error&) {  // the blob stays pinned until this process ends
    }
    pins_.erase(known);
}

void BlobStore::Folder::remove_dead_sessions() const {
    std::set<std::string> alive;
    for (const auto& file : files_in(root / "sessions")) {
        const auto name = file.filename().string();
        std::optional<Lock> held;
        if (name != session_) {
            held = translate_errors(
                [&] { return Lock::acquire(file, Lock::Kind::exclusive, std::chrono::milliseconds(0)); });
        }
        std::error_code ignored;
        if (held)
            fs::remove(file, ignored);
        else
            alive.insert(name);
    }
    for (const auto& file : files_in(root / "new")) {
        const auto name = file.filename().string();
        std::error_code ignored;
        if (alive.count(name.substr(0, name.rfind('-'))) == 0) fs::remove(file, ignored);
    }
}

std::set<Digest> BlobStore::Folder::pinned() const {
    std::set<Digest> out;
    for (const auto& file : files_in(root / "sessions")) {
        for (const auto& digest : read_slots(file))
            out.insert(digest);
    }
    return out;
}

std::vector<BlobStore::Folder::Blob> BlobStore::Folder::blobs() const {
    std::vector<Blob> out;
    for (const auto& file : files_in(root / "blobs")) {
        const auto digest = digest_of_name(file.filename().string());
        std::error_code error;
        const auto size = fs::file_size(file, error);
        const auto used = error ? fs::file_time_type() : fs::last_write_time(file, error);
        if (digest && !error) out.push_back({*digest, size, used});
    }
    return out;
}

void BlobStore::Folder::make_room(std::uint64_t size_bytes) const {
    remove_dead_sessions();
    auto all = blobs();
    std::uint64_t total = 0;
    for (const auto& blob : all)
        total += blob.size;
    const auto fits_beside = [&](std::uint64_t used) {
        return size_bytes <= limit_bytes && used <= limit_bytes - size_bytes;
    };
    if (fits_beside(total)) return;
    const auto keep = pinned();
    std::uint64_t kept = 0;
    for (const auto& blob : all)
        kept += keep.count(blob.digest) != 0 ? blob.size : 0;
    if (!fits_beside(kept)) {  // nothing is removed for what cannot come
        fail(Code::does_not_fit, "no room for ", format_bytes(size_bytes), " in blob store '", root.string(),
             "': ", format_bytes(kept), " of its limit of ", format_bytes(limit_bytes), " are in use; raise the limit");
    }
    std::sort(all.begin(), all.end(), [](const Blob& a, const Blob& b) { return a.used < b.used; });
    for (const auto& blob : all) {
        if (fits_beside(total)) return;
        std::error_code error;
        if (keep.count(blob.digest) == 0 && fs::remove(blob_path(blob.digest), error)) total -= blob.size;
    }
    if (!fits_beside(total)) fail(Code::io, "blobs of '", root.string(), "' cannot be removed to make room");
}

}  // namespace shoal::base
