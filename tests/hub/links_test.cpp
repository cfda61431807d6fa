#include "hub/links.hpp"

#include "requesting.hpp"

using namespace shoal;
using hub::fit_link;
using test::Simulation;

TEST_CASE("a link's latency is half the way there and back, its rate what the payload adds") {
    const auto link = fit_link({{64, 0.003}, {64, 0.002}, {1'000'064, 0.5}, {1'000'064, 0.102}});
    REQUIRE(link.has_value());
    CHECK(link->latency_s == doctest::Approx(0.001));
    CHECK(link->bytes_per_s == doctest::Approx(1e7));
    CHECK_FALSE(fit_link({}).has_value());
    CHECK_FALSE(fit_link({{64, 0.1}, {64, 0.2}}).has_value());
    // A larger probe that came back sooner by chance.
    CHECK(fit_link({{64, 0.2}, {1000, 0.1}})->bytes_per_s > 0);
}

TEST_CASE("every pair is probed once, and again only for a board that moved") {
    Simulation world(test::seed());
    for (const char* name : {"a", "b", "c"})
        world.add_board({name, 1 << 20});
    world.pass(std::chrono::seconds(3));
    const auto status = world.core().status();
    std::size_t known = 0;
    for (const auto& link : status.links)
        known += link.measured_bytes_per_s > 0 ? 1 : 0;
    CHECK(known == 12);  // the hub and three boards, both directions
    for (const auto& link : status.links) {
        if (!link.from.empty()) CHECK(link.measured_latency_s == doctest::Approx(1e-4).epsilon(0.1));
    }
}
