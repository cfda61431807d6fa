#include "platform/huge_pages.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

using namespace shoal;

namespace {

// The flags of the mapping that begins at or before `address` and ends behind it, as the kernel lists them.
std::string flags_at(const void* address) {
    std::ifstream maps("/proc/self/smaps");
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    std::string line;
    bool here = false;
    while (std::getline(maps, line)) {
        std::uintptr_t begin = 0, end = 0;
        char dash = 0;
        std::istringstream range(line);
        if (range >> std::hex >> begin >> dash >> end && dash == '-') here = begin <= wanted && wanted < end;
        if (here && line.rfind("VmFlags:", 0) == 0) return line;
    }
    return {};
}

}  // namespace

TEST_CASE("large pages are asked for where memory is untouched, and no byte changes") {
    constexpr std::size_t kBytes = std::size_t{8} << 20;
    void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    auto* bytes = static_cast<std::byte*>(memory);
    bytes[5000] = std::byte{7};
    platform::prefer_huge_pages({bytes + 1, kBytes - 2});  // neither end on a page
    const auto flags = flags_at(bytes + (kBytes / 2));
    if (std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled") && !flags.empty())
        CHECK(flags.find(" hg") != std::string::npos);
    else
        MESSAGE("skipped: this system has no large pages");
    CHECK(bytes[5000] == std::byte{7});
    CHECK(std::all_of(bytes + 5001, bytes + kBytes, [](std::byte b) { return b == std::byte{0}; }));
    platform::prefer_huge_pages({});
    platform::prefer_huge_pages({bytes + 1, 17});  // no whole page
    ::munmap(memory, kBytes);
}
