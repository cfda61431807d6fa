// What is promised never passes the limit, and what is held is counted while it is held.
#include "node/meter.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using shoal::node::MemoryMeter;

TEST_CASE("claims stop at the limit to the byte, and come back when they go") {
    MemoryMeter meter(1000);
    auto first = meter.claim(600);
    REQUIRE(first);
    CHECK_FALSE(meter.claim(401));
    auto second = meter.claim(400);
    REQUIRE(second);
    CHECK(meter.unclaimed() == 0);
    CHECK(meter.claim(0));
    first->release();
    CHECK(meter.unclaimed() == 600);
    CHECK_FALSE(meter.claim(~std::uint64_t{0}));
}

TEST_CASE("held and unsent bytes are used, and the peak stays") {
    MemoryMeter meter(1000);
    {
        const auto held = meter.hold(300);
        meter.set_unsent(50);
        CHECK(meter.used() == 350);
    }
    CHECK(meter.used() == 50);
    meter.set_unsent(0);
    CHECK(meter.used() == 0);
    CHECK(meter.peak() == 350);
}

TEST_CASE("shares move without counting twice, and outlive the meter") {
    MemoryMeter::Share kept;
    {
        MemoryMeter meter(1000);
        auto held = meter.hold(10);
        kept = std::move(held);
        CHECK(meter.used() == 10);
        kept = meter.hold(20);
        CHECK(meter.used() == 20);
        std::vector<MemoryMeter::Share> many;
        for (std::uint64_t i = 0; i < 127; ++i)
            many.push_back(meter.hold(i));
        CHECK(meter.used() == 20 + 127 * 126 / 2);
        many.clear();
        CHECK(meter.used() == 20);
    }
    CHECK(kept.bytes() == 20);
}
