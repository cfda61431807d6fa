// Files as the rest of Shoal needs them: mapped for reading, replaced as a whole when written, and the folders where
// caches and state belong. Errors are std::system_error with the path in their text; platform knows no other room.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace shoal::platform {

/// A file mapped read-only into memory; the pages are the file's own, shared with whoever maps it too.
/// The bytes stay valid while a copy of the pointer lives. A file cut short by somebody else meanwhile raises SIGBUS on
/// access, as with any mapping: write files by replace_file.
struct MappedFile {
    std::shared_ptr<const void> owner;
    std::span<const std::byte> bytes;
};
[[nodiscard]] MappedFile map_file(const std::filesystem::path& path);
/// Gives back the memory of the whole pages among `bytes`, a part of what `owner` maps: they are read from the file
/// again when somebody looks. Nothing happens when `owner` is no mapped file's.
void forget_pages(const std::shared_ptr<const void>& owner, std::span<const std::byte> bytes) noexcept;

/// Writes a file so that readers see the old content or the new, never a part: a temporary beside it, synced, renamed.
/// `owner_only` makes it readable by its owner alone from the start (keys).
void replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes, bool owner_only = false);
void replace_file(const std::filesystem::path& path, std::string_view text, bool owner_only = false);

/// All that can be read from it: of a file that states no size, such as a pipe, 16 MiB at most.
[[nodiscard]] std::string read_text(const std::filesystem::path& path);

/// Makes a folder that only this user may enter, and the folders above it with the usual rights. False when one is
/// there that belongs to another user or that others may write to.
[[nodiscard]] bool make_private_folder(const std::filesystem::path& path);

/// Where programs and weights are cached: $SHOAL_CACHE, else $XDG_CACHE_HOME/shoal, else ~/.cache/shoal, else a folder
/// of this user's below the system's temporary folder. Not created here.
[[nodiscard]] std::filesystem::path cache_folder();

}  // namespace shoal::platform
