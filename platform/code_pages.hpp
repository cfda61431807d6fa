// The pages of loaded libraries' code: a driver brings a compiler of a hundred megabytes along, of which much is
// touched when it is loaded and nothing is needed while kernels run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace shoal::platform {

struct CodeRange {
    std::uintptr_t begin = 0, end = 0;
    bool operator==(const CodeRange&) const = default;
};

/// Executable mappings of files, of at least `least_bytes` each, as /proc/self/maps lists them; none where there is no
/// such list. Nothing writes to such a mapping, so its pages are the file's.
[[nodiscard]] std::vector<CodeRange> code_ranges(std::uint64_t least_bytes, const std::filesystem::path& root = "/");

/// Takes the pages of large libraries' code out of this process' resident set. They stay in the system's page cache as
/// long as there is room, and whoever executes them has them back without reading the file. May be called at any time,
/// from any thread.
void give_back_code_pages(std::uint64_t least_bytes = std::uint64_t{16} << 20) noexcept;

}  // namespace shoal::platform
