#include "platform/code_pages.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
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
    return number(0, dash, out.begin) && number(dash + 1, blank, out.end);
}

bool is_compiler_code(std::string_view line) {
    constexpr std::array<std::string_view, 3> kLibraries{"/libLLVM", "/libclang", "/libpocl"};
    const auto name = line.rfind('/');
    if (name == std::string_view::npos || line.find(" r-xp ") == std::string_view::npos) return false;
    return std::any_of(kLibraries.begin(), kLibraries.end(),
                       [&](std::string_view library) { return line.substr(name, library.size()) == library; });
}

// "Private_Dirty:         8 kB": somebody wrote into the pages.
bool is_written(std::string_view line) {
    constexpr std::string_view kField = "Private_Dirty:";
    return line.substr(0, kField.size()) == kField && line.find_first_of("123456789") != std::string_view::npos;
}

}  // namespace

std::vector<CodeRange> code_ranges(std::uint64_t least_bytes, const std::filesystem::path& root) {
    std::vector<CodeRange> out;
    const std::string text = read_system_file(root / "proc/self/smaps").value_or("");
    std::string_view rest = text;
    bool listed = false;  // the range whose fields follow is out's last
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        CodeRange range;
        if (read_range(line, range)) {
            listed = is_compiler_code(line) && range.end - range.begin >= least_bytes;
            if (listed) out.push_back(range);
        } else if (listed && is_written(line)) {
            out.pop_back();
            listed = false;
        }
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
