// Files with errors that people can use: platform's functions, failing as base::Error with the path and the reason.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace shoal::base {

/// What kind of failure the system's error is.
[[nodiscard]] Code code_of(const std::error_code& error);

/// Runs `action`, which calls platform's functions: their std::system_error becomes base::Error with the same text, as
/// not_found, out_of_memory or io.
template <class Action>
decltype(auto) translate_errors(Action&& action) {
    try {
        return action();
    } catch (const std::system_error& error) {
        throw Error(code_of(error.code()), error.what());
    }
}

/// The file's bytes, mapped and not copied. Throws not_found or io.
[[nodiscard]] SharedBytes map_file(const std::filesystem::path& path);

/// Gives back the memory behind bytes that map_file mapped, or a part of them; they are read from the file again when
/// somebody looks. Other bytes stay as they are.
void forget_pages(const SharedBytes& bytes) noexcept;

/// A text file as a whole. Throws not_found or io.
[[nodiscard]] std::string read_text(const std::filesystem::path& path);

/// Writes a file so that readers see the old content or the new, never a part. `owner_only` hides it from other users
/// from the start. Throws not_found (no such folder) or io.
void replace_file(const std::filesystem::path& path, ByteView bytes, bool owner_only = false);
void replace_file(const std::filesystem::path& path, std::string_view text, bool owner_only = false);

/// Replaces a text file by what `change` makes of it ("" where there is none), while no other process or thread does:
/// they meet at "<path>.lock", which stays. Throws not_found (no such folder) or io, busy when others keep it for long.
void update_file(const std::filesystem::path& path, const std::function<std::string(const std::string&)>& change);

/// Makes the folder and those above it. Throws io.
void make_folder(const std::filesystem::path& path);

/// Makes a folder that only this user may enter; one that is there must be this user's own and not writable by others.
/// Throws io, or refused for a folder that somebody else controls.
void make_private_folder(const std::filesystem::path& path);

}  // namespace shoal::base
