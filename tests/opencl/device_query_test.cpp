#include "opencl/device_query.hpp"

#include <doctest/doctest.h>

#include "opencl/usable_memory.hpp"

using namespace shoal;

TEST_CASE("drivers' text is cleaned and cut") {
    CHECK(opencl::cleaned("  Mali-G610\n r0p0\t\x01 ") == "Mali-G610 r0p0");
    CHECK(opencl::cleaned("") == "");
    CHECK(opencl::cleaned("\n\n") == "");
    CHECK(opencl::cleaned("abcdef", 3) == "abc");
    CHECK(opencl::cleaned("ab cdef", 3) == "ab");
    CHECK(opencl::cleaned("a\xc3\xa4z", 2) == "a");  // not half of an umlaut
    CHECK(opencl::cleaned("a\xc3\xa4z", 3) == "a\xc3\xa4");
    CHECK(opencl::cleaned("\x1b[31mred").find('\x1b') == std::string::npos);
}

TEST_CASE("an extension is a whole word") {
    opencl::FoundDevice found;
    found.extensions = "cl_khr_fp16_extra cl_khr_icd cl_khr_fp64";
    CHECK(!found.has_extension("cl_khr_fp16"));
    CHECK(found.has_extension("cl_khr_icd"));
    CHECK(found.has_extension("cl_khr_fp64"));
    CHECK(!found.has_extension("khr_icd"));
    found.extensions = "";
    CHECK(!found.has_extension("cl_khr_icd"));
}

TEST_CASE("usable memory is the least of claim, cap and what the host has left") {
    constexpr std::uint64_t kMiB = 1 << 20;
    device::DeviceInfo info;
    info.global_bytes = 4096 * kMiB;
    platform::Memory host;
    host.total_bytes = 8192 * kMiB;
    host.available_bytes = 1024 * kMiB;

    SUBCASE("memory of its own") {
        CHECK(opencl::usable_bytes(info, {}, host) == 4096 * kMiB);
        CHECK(opencl::usable_bytes(info, 64 * kMiB, host) == 64 * kMiB);
    }
    SUBCASE("the host's memory, less a reserve") {
        info.unified_memory = true;
        CHECK(opencl::usable_bytes(info, {}, host) == (1024 - 256) * kMiB);
        CHECK(opencl::usable_bytes(info, 5000 * kMiB, host) == (1024 - 256) * kMiB);
    }
    SUBCASE("a control group's limit") {
        info.unified_memory = true;
        host.group_limit_bytes = 320 * kMiB;
        host.group_used_bytes = 100 * kMiB;
        CHECK(opencl::usable_bytes(info, {}, host) == (320 - 100 - 20) * kMiB);
        host.group_used_bytes = 310 * kMiB;
        CHECK(opencl::usable_bytes(info, {}, host) == 0);
    }
    SUBCASE("a host that does not say") {
        info.unified_memory = true;
        CHECK(opencl::usable_bytes(info, {}, platform::Memory{}) == 4096 * kMiB);
    }
}
