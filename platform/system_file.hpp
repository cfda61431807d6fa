// The small text files in which Linux states facts (/proc, /sys). What cannot be read is absent, never an error: which
// of these files exist differs from board to board. A root other than "/" reads a copy of such a tree, as tests do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::platform {

/// The file's text, at most 1 MiB of it; works where the size is stated as 0, as in /proc.
[[nodiscard]] std::optional<std::string> read_system_file(const std::filesystem::path& path);

/// The first line without surrounding blanks and NUL bytes; absent when there is none or it is empty.
[[nodiscard]] std::optional<std::string> read_system_line(const std::filesystem::path& path);

/// The decimal number that the file begins with; absent for anything else ("max", negative, too large).
[[nodiscard]] std::optional<std::uint64_t> read_system_number(const std::filesystem::path& path);
[[nodiscard]] std::optional<std::int64_t> read_system_signed(const std::filesystem::path& path);

/// The number behind `key` at the start of a line, separators " :=\t" skipped: ("MemTotal: 17 kB", "MemTotal") -> 17.
[[nodiscard]] std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key);

/// The rest of the line that begins with `key`, separators " :=\t" and blanks at both ends left out.
[[nodiscard]] std::optional<std::string> text_after(std::string_view text, std::string_view key);

/// "0-3,7" -> 0 1 2 3 7, as in /sys/devices/system/cpu/online; empty when it is not such a list or has over 4096 items.
[[nodiscard]] std::vector<int> parse_list(std::string_view text);

/// Names in a folder, sorted by number where they end in one (cpu2 before cpu10); empty when it cannot be read.
[[nodiscard]] std::vector<std::string> list_folder(const std::filesystem::path& path);

}  // namespace shoal::platform
