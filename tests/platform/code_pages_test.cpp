#include "platform/code_pages.hpp"

#include <doctest/doctest.h>

#include "support/temporary_folder.hpp"

using namespace shoal;
using platform::CodeRange;

namespace {

std::string mapping(const std::string& head, const std::string& file, int dirty_kb) {
    return head + " 00000000 fe:00 1234   " + file +
           "\nSize:  40960 kB\nPrivate_Clean:  100 kB\nPrivate_Dirty:   " + std::to_string(dirty_kb) +
           " kB\nReferenced:  7 kB\nVmFlags: rd ex mr mw me\n";
}

}  // namespace

TEST_CASE("pages are given back of compilers' code alone, and of none into which somebody wrote") {
    const test::TemporaryFolder folder;
    std::filesystem::create_directories(folder / "proc/self");
    folder.write("proc/self/smaps", mapping("10000000-12800000 r-xp", "/usr/lib/libLLVM-15.so.1", 0) +
                                        mapping("20000000-22800000 r--p", "/usr/lib/libLLVM-15.so.1", 0) +
                                        mapping("30000000-32800000 r-xp", "/usr/lib/libclang-cpp.so.15", 8) +
                                        mapping("40000000-42800000 r-xp", "/opt/product/bin/host", 0) +
                                        mapping("50000000-52800000 r-xp", "/usr/lib/libpocl.so.2", 0) +
                                        mapping("60000000-60001000 r-xp", "/usr/lib/libpocl.so.3", 0));
    const std::vector<CodeRange> want{{0x10000000, 0x12800000}, {0x50000000, 0x52800000}};
    CHECK(platform::code_ranges(16 << 20, folder.path()) == want);
    CHECK(platform::code_ranges(16 << 20, folder / "elsewhere").empty());
}
