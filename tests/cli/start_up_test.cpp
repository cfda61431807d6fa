#include "cli/start_up.hpp"

#include <doctest/doctest.h>

#include "cli/timing.hpp"

using namespace shoal::cli;

TEST_CASE("the line of a measured process is read back") {
    const auto read = from_line(to_line({1.5, 20, 300.25, 4, 123456789}));
    REQUIRE(read.has_value());
    CHECK(read->load_ms == 1.5);
    CHECK(read->compile_ms == 300.25);
    CHECK(read->peak_resident_bytes == 123456789);
    CHECK(read->total_ms() == 325.75);
    for (const char* wrong : {"", "start-up", "start-up 1 2 3 4", "other 1 2 3 4 5", "start-up a b c d e"})
        CHECK(!from_line(wrong).has_value());
}

TEST_CASE("percentiles lie between neighbours") {
    CHECK(percentile({3}, 50) == 3);
    CHECK(percentile({1, 2}, 50) == 1.5);
    CHECK(percentile({5, 1, 3, 2, 4}, 50) == 3);
    CHECK(percentile({5, 1, 3, 2, 4}, 0) == 1);
    CHECK(percentile({5, 1, 3, 2, 4}, 100) == 5);
    CHECK(percentile({5, 1, 3, 2, 4}, 90) == doctest::Approx(4.6));
    Times times;
    times.run_ms = {100, 1, 3};
    CHECK(times.percentile_ms(50) == 2);  // without the first
    CHECK(times.first_ms() == 100);
}
