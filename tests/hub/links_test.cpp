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

TEST_CASE("a pair that does not reach each other counts as dead, and is tried again") {
    Simulation world(test::seed() + 1);
    const auto graph = test::perceptron(1, 6, 64);
    auto& a = world.add_board({"a", 70'000});  // half of it fits
    auto& b = world.add_board({"b", 70'000});
    a.unreachable = {"b"};
    b.unreachable = {"a"};
    const auto rate = [&](const std::string& from, const std::string& to) {
        for (const auto& link : world.core().status().links) {
            if (link.from == from && link.to == to) return link.measured_bytes_per_s;
        }
        return 0.0;
    };
    world.pass(std::chrono::seconds(12));
    CHECK(rate("a", "b") == doctest::Approx(1e3));
    CHECK(rate("b", "a") == doctest::Approx(1e3));
    CHECK(rate("", "b") > 1e6);
    auto& client = world.add_client("client");
    world.open(client, 1, {graph});
    world.until([&] { return client.refused.count(1) > 0; }, "the refusal");
    CHECK(client.refused.at(1).code == base::Code::unavailable);
    // One that comes to life is found out without anybody joining.
    a.unreachable.clear();
    world.pass(std::chrono::seconds(80));
    CHECK(rate("a", "b") > 1e6);
    CHECK(rate("b", "a") == doctest::Approx(1e3));
    const auto model = world.opened(client, 2, {graph}).model;
    test::check_requests(world, client, *graph, model, 1, 3);
}

TEST_CASE("a board that joins again is measured again where it was not reached") {
    Simulation world(test::seed() + 2);
    auto& a = world.add_board({"a", 1 << 20});
    auto& b = world.add_board({"b", 1 << 20});
    a.unreachable = {"b"};
    world.pass(std::chrono::seconds(8));
    a.unreachable.clear();
    world.kill(b);
    world.connect(b);
    world.pass(std::chrono::seconds(3));
    for (const auto& link : world.core().status().links) {
        if (link.from == "a" && link.to == "b") CHECK(link.measured_bytes_per_s > 1e6);
    }
}
