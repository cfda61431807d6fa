#include "platform/code_pages.hpp"

#include <sys/mman.h>

#include <charconv>
#include <string_view>

#include "platform/system_file.hpp"

namespace shoal::platform {
namespace {

// "7f12a000-7f13b000 r-xp 00000000 fe:00 1234   /usr/lib/libx.so": addresses, rights, offset, device, inode, file.
bool read_range(std::string_view line, CodeRange& out) {
    const auto dash = line.find('-'), blank = line.find(' ');
    if (dash == std::string_view::npos || blank == std::string_view::npos || dash > blank) return false;
    const auto number = [&](std::size_t from, std::size_t to, std::uintptr_t& value) {
        const char* end = line.data() + to;
        const auto got = std::from_chars(line.data() + from, end, value, 16);
        return got.ec == std::errc{} && got.ptr == end;
    };
    if (!number(0, dash, out.begin) || !number(dash + 1, blank, out.end)) return false;
    return line.substr(blank + 1, 4) == "r-xp" && line.find(" /") != std::string_view::npos;
}

}  // namespace

std::vector<CodeRange> code_ranges(std::uint64_t least_bytes, const std::filesystem::path& root) {
    std::vector<CodeRange> out;
    const std::string text = read_system_file(root / "proc/self/maps").value_or("");
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        CodeRange range;
        if (read_range(rest.substr(0, end), range) && range.end - range.begin >= least_bytes) out.push_back(range);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return out;
}

void give_back_code_pages(std::uint64_t least_bytes) noexcept {
    try {
        for (const CodeRange& range : code_ranges(least_bytes))
            (void)::madvise(reinterpret_cast<void*>(range.begin), range.end - range.begin, MADV_DONTNEED);
    } catch (...) {  // no memory for the list: then it is not the moment for it
    }
}

}  // namespace shoal::platform
