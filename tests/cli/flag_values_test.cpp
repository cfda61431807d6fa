#include "cli/flag_values.hpp"

#include <doctest/doctest.h>

#include "cli/frame.hpp"

using namespace shoal::cli;

TEST_CASE("a board's memory without its unit is a mistake") {
    CHECK(memory_of("64MiB", "--memory") == 64U << 20);
    CHECK(memory_of("65536", "--memory") == 65536);
    CHECK_THROWS_WITH_AS(static_cast<void>(memory_of("64", "--memory")),
                         "--memory: '64' is 64 B, which hold nothing; did you mean 64MiB?", UsageError);
}

TEST_CASE("lists of numbers") {
    CHECK(numbers("0.7,0.3", "--weights") == std::vector<double>{0.7, 0.3});
    CHECK(numbers("-1, 2e3", "--weights") == std::vector<double>{-1, 2000});
    for (const char* wrong : {"", ",", "1,", "a", "1 2", "nan", "inf", "1,,2", "0.5x"}) {
        CAPTURE(wrong);
        CHECK_THROWS_AS((void)numbers(wrong, "--weights"), UsageError);
    }
}

TEST_CASE("shapes") {
    using Extents = std::vector<std::int64_t>;
    CHECK(extents("1,3,224,224", "--shape") == Extents{1, 3, 224, 224});
    CHECK(extents("1x3x13", "--shape") == Extents{1, 3, 13});
    CHECK(extents("0", "--shape") == Extents{0});
    CHECK(extents("", "--shape") == Extents{});
    for (const char* wrong : {"-1", "1,-3", "a", "1,", "99999999999999999999", "1.5", " "}) {
        CAPTURE(wrong);
        CHECK_THROWS_AS((void)extents(wrong, "--shape"), UsageError);
    }
}

TEST_CASE("named values: the last '=' separates") {
    using Pair = std::pair<std::string, std::string>;
    CHECK(named_value("N=8", "--dim") == Pair{"N", "8"});
    CHECK(named_value("a=b=8", "--dim") == Pair{"a=b", "8"});
    CHECK_THROWS_AS((void)named_value("N", "--dim"), UsageError);
    CHECK_THROWS_AS((void)named_value("=8", "--dim"), UsageError);
}
