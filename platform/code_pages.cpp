#include "platform/code_pages.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

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

// Each page of the process has 64 bits in this file. Of a file's mapping a page that is there, or swapped, and is not
// the file's is a copy that somebody wrote into. (The same in smaps would make the system walk through all of the
// process' memory.)
bool is_written(const CodeRange& range, int pagemap) {
    constexpr std::uint64_t kFiles = 1ULL << 61, kSwapped = 1ULL << 62, kPresent = 1ULL << 63;
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    std::array<std::uint64_t, 4096> pages;
    for (std::uintptr_t at = range.begin; at < range.end;) {
        const auto count = std::min<std::uintptr_t>(pages.size(), (range.end - at + page - 1) / page);
        const auto bytes = static_cast<std::size_t>(count) * sizeof(pages[0]);
        const auto got = ::pread(pagemap, pages.data(), bytes, static_cast<off_t>(at / page * sizeof(pages[0])));
        if (got != static_cast<ssize_t>(bytes)) return true;  // nobody knows
        const auto is_copy = [&](std::uint64_t bits) {
            return (bits & (kPresent | kSwapped)) != 0 && (bits & kFiles) == 0;
        };
        if (std::any_of(pages.begin(), pages.begin() + static_cast<std::ptrdiff_t>(count), is_copy)) return true;
        at += count * page;
    }
    return false;
}

}  // namespace

std::vector<CodeRange> code_ranges(std::uint64_t least_bytes, const std::filesystem::path& root) {
    std::vector<CodeRange> out;
    const std::string text = read_system_file(root / "proc/self/maps").value_or("");
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        CodeRange range;
        if (is_compiler_code(line) && read_range(line, range) && range.end - range.begin >= least_bytes)
            out.push_back(range);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    if (out.empty()) return out;
    const int pagemap = ::open((root / "proc/self/pagemap").c_str(), O_RDONLY | O_CLOEXEC);
    if (pagemap < 0) return {};
    const auto written = [&](const CodeRange& range) { return is_written(range, pagemap); };
    out.erase(std::remove_if(out.begin(), out.end(), written), out.end());
    ::close(pagemap);
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
