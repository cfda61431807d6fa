#include "base/units.hpp"

#include <doctest/doctest.h>

#include <clocale>
#include <limits>

#include "base/error.hpp"
#include "support/random.hpp"

using namespace shoal;
using base::format_bytes;
using base::format_ms;
using base::parse_bytes;

TEST_CASE("sizes as people write them") {
    CHECK(parse_bytes("0") == 0);
    CHECK(parse_bytes("4096") == 4096);
    CHECK(parse_bytes("64MiB") == 64U << 20);
    CHECK(parse_bytes("64 MiB") == 64U << 20);
    CHECK(parse_bytes("64mib") == 64U << 20);
    CHECK(parse_bytes("512K") == 512U << 10);
    CHECK(parse_bytes("512KB") == 512000);
    CHECK(parse_bytes("1.5GiB") == 3U << 29);
    CHECK(parse_bytes("0.5K") == 512);
    CHECK(parse_bytes("7B") == 7);
    CHECK(parse_bytes("3G") == std::uint64_t{3} << 30);
    CHECK(parse_bytes("2GB") == 2000000000);
    CHECK(parse_bytes("1.5TiB") == std::uint64_t{3} << 39);
}

TEST_CASE("what is no size is refused by name") {
    for (const char* text : {"", " ", "MiB", "-1", "-64MiB", "64TiBs", "1e9", "0x10", "1.2.3", "64 M i B", "64MiB ",
                             "..", "nan", "inf", "99999999999999999999", "9999999999GiB", "64\xc2\xb5"}) {
        CAPTURE(text);
        CHECK_THROWS_AS((void)parse_bytes(text), base::Error);
    }
    CHECK_THROWS_WITH((void)parse_bytes("lots"), doctest::Contains("'lots' is not a size"));
}

TEST_CASE("sizes as people read them") {
    CHECK(format_bytes(0) == "0 B");
    CHECK(format_bytes(1023) == "1023 B");
    CHECK(format_bytes(1024) == "1 KiB");
    CHECK(format_bytes(1536) == "1.5 KiB");
    CHECK(format_bytes(64U << 20) == "64 MiB");
    CHECK(format_bytes(std::uint64_t{3} << 29) == "1.5 GiB");
    CHECK(format_bytes(std::numeric_limits<std::uint64_t>::max()) == "16777216 TiB");
}

TEST_CASE("whole sizes survive writing and reading") {
    for (const std::uint64_t unit : {std::uint64_t{1}, std::uint64_t{1} << 10, std::uint64_t{1} << 20}) {
        for (std::uint64_t value = 1; value < 1024; ++value)
            CHECK(parse_bytes(format_bytes(value * unit)) == value * unit);
    }
}

TEST_CASE("no text makes the parser misbehave") {
    auto random = test::generator();
    const std::string letters = "0123456789.-+eEKMGTiIbB \t\n\0x";
    for (int round = 0; round < 20000; ++round) {
        std::string text;
        for (auto left = random() % 12; left > 0; --left)
            text += letters[random() % letters.size()];
        try {
            const auto bytes = parse_bytes(text);
            CHECK(bytes <= 9000000000000000000U);
        } catch (const base::Error& error) {
            CHECK(error.code() == base::Code::invalid_argument);
        }
    }
}

TEST_CASE("durations with three digits and a unit") {
    CHECK(format_ms(0) == "0.00 us");
    CHECK(format_ms(0.0123) == "12.3 us");
    CHECK(format_ms(0.812) == "812 us");
    CHECK(format_ms(3.416) == "3.42 ms");
    CHECK(format_ms(34.16) == "34.2 ms");
    CHECK(format_ms(341.6) == "342 ms");
    CHECK(format_ms(1200) == "1.20 s");
    CHECK(format_ms(123456) == "123 s");
}

TEST_CASE("the host program's locale changes nothing") {
    const std::string old = std::setlocale(LC_NUMERIC, nullptr);
    bool found = false;
    for (const char* comma : {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"})
        found = found || std::setlocale(LC_NUMERIC, comma) != nullptr;
    if (!found) MESSAGE("skipped, no locale with a decimal comma is installed");
    CHECK(parse_bytes("1.5K") == 1536);
    CHECK(format_bytes(1536) == "1.5 KiB");
    CHECK(format_ms(3.416) == "3.42 ms");
    std::setlocale(LC_NUMERIC, old.c_str());
}
