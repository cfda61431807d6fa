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

/// The code of compilers that drivers bring along (libLLVM, libclang, PoCL's own), mappings of at least `least_bytes`
/// each, as /proc/self/maps lists them; none where there is no such list. All their pages are the file's: a mapping
/// into which somebody wrote, a debugger's breakpoint or a hook, is left out, and all are where the system does not
/// tell
/// (/proc/self/pagemap).
[[nodiscard]] std::vector<CodeRange> code_ranges(std::uint64_t least_bytes, const std::filesystem::path& root = "/");

/// Takes those pages out of this process' resident set. They stay in the system's page cache as
/// long as there is room, and whoever executes them has them back without reading the file. May be called at any time,
/// from any thread.
void give_back_code_pages(std::uint64_t least_bytes = std::uint64_t{16} << 20) noexcept;

}  // namespace shoal::platform
