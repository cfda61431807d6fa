#include "base/file.hpp"

#include "platform/file_lock.hpp"
#include "platform/files.hpp"

namespace shoal::base {

Code code_of(const std::error_code& error) {
    if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) return Code::not_found;
    if (error == std::errc::not_enough_memory) return Code::out_of_memory;
    if (error == std::errc::resource_unavailable_try_again) return Code::unavailable;  // a thread that cannot start
    return Code::io;
}

SharedBytes map_file(const std::filesystem::path& path) {
    return translate_errors([&] {
        const auto file = platform::map_file(path);
        return SharedBytes(file.owner, file.bytes);
    });
}

void forget_pages(const SharedBytes& bytes) noexcept {
    platform::forget_pages(bytes.owner(), bytes.view());
}

std::string read_text(const std::filesystem::path& path) {
    return translate_errors([&] { return platform::read_text(path); });
}

void replace_file(const std::filesystem::path& path, ByteView bytes, bool owner_only) {
    translate_errors([&] { platform::replace_file(path, bytes, owner_only); });
}

void replace_file(const std::filesystem::path& path, std::string_view text, bool owner_only) {
    translate_errors([&] { platform::replace_file(path, text, owner_only); });
}

void update_file(const std::filesystem::path& path, const std::function<std::string(const std::string&)>& change) {
    using platform::FileLock;
    constexpr std::chrono::seconds kPatience{10};
    auto meeting = path;
    meeting += ".lock";
    const auto lock =
        translate_errors([&] { return FileLock::acquire(meeting, FileLock::Kind::exclusive, kPatience); });
    if (!lock) fail(Code::busy, "'", path.string(), "' is being changed by another process");
    std::error_code error;
    const bool there = std::filesystem::exists(path, error);
    replace_file(path, change(there ? read_text(path) : std::string()));
}

void make_folder(const std::filesystem::path& path) {
    translate_errors([&] { std::filesystem::create_directories(path); });
}

void make_private_folder(const std::filesystem::path& path) {
    const bool ours = translate_errors([&] { return platform::make_private_folder(path); });
    if (!ours) {
        fail(Code::refused, "folder '", path.string(),
             "' belongs to another user or others may write to it; remove it or choose another by SHOAL_CACHE");
    }
}

}  // namespace shoal::base
