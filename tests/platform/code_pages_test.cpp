#include "platform/code_pages.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstring>

#include "support/temporary_folder.hpp"

using namespace shoal;
using platform::CodeRange;

namespace {

constexpr std::uint64_t kFiles = 1ULL << 61, kSwapped = 1ULL << 62, kPresent = 1ULL << 63;

void set_page(std::string& pagemap, std::uintptr_t address, std::uint64_t bits) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    std::memcpy(pagemap.data() + address / page * sizeof bits, &bits, sizeof bits);
}

}  // namespace

TEST_CASE("pages are given back of compilers' code alone, and of none into which somebody wrote") {
    const test::TemporaryFolder folder;
    std::filesystem::create_directories(folder / "proc/self");
    const std::string rest = " 00000000 fe:00 1234                       ";
    folder.write("proc/self/maps",
                 "10000000-12800000 r-xp" + rest + "/usr/lib/libLLVM-15.so.1\n" + "20000000-22800000 r--p" + rest +
                     "/usr/lib/libLLVM-15.so.1\n" + "30000000-32800000 r-xp" + rest + "/usr/lib/libclang-cpp.so.15\n" +
                     "40000000-42800000 r-xp" + rest + "/opt/product/bin/host\n" + "50000000-52800000 r-xp" + rest +
                     "/usr/lib/libpocl.so.2\n" + "60000000-60001000 r-xp" + rest + "/usr/lib/libpocl.so.3\n" +
                     "70000000-72800000 r-xp" + rest + "/usr/lib/libclang.so.15\n" +
                     "80000000-82800000 r-xp 00000000 00:00 0\n");
    CHECK(platform::code_ranges(16 << 20, folder.path()).empty());  // nobody says what was written
    std::string pagemap((0x80000000 / static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) * 8, '\0');
    set_page(pagemap, 0x10000000, kPresent | kFiles);
    set_page(pagemap, 0x32700000, kPresent);
    set_page(pagemap, 0x70000000, kSwapped);
    folder.write("proc/self/pagemap", pagemap);
    const std::vector<CodeRange> want{{0x10000000, 0x12800000}, {0x50000000, 0x52800000}};
    CHECK(platform::code_ranges(16 << 20, folder.path()) == want);
    CHECK(platform::code_ranges(16 << 20, folder / "elsewhere").empty());
}
