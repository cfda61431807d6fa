// Who gets which part of a stage's outputs, and how credits count.
#include "node/routes.hpp"

#include <doctest/doctest.h>

#include "support/compare.hpp"
#include "support/random.hpp"

using namespace shoal;
using namespace shoal::test;
using node::Consumers;
using node::RouteTable;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;

TEST_CASE("outputs are cut for the hub, for several stages, and for the replica whose turn it is") {
    auto random = generator();
    const auto x = random_tensor(random, {ElementType::f32, Shape{4, 3}});
    const auto y = random_tensor(random, {ElementType::f32, Shape{2}});
    const wire::Fan both_halves_a{{{"a", 1, 0, 0, {0, 0, 2}}}, {}};
    const wire::Fan both_halves_b{{{"b", 2, 5, 1, {0, 2, 4}}}, {}};
    const wire::Fan replicas{{{"c", 3, 0, 0, {}}, {"d", 4, 0, 0, {}}}, {1, 1}};
    const wire::Fan hub{{{"", 0, 0, 2, {}}}, {}};
    const RouteTable table({{{both_halves_a, both_halves_b, replicas}}, {{hub, both_halves_a}}});
    CHECK(table.consumers().size() == 4);
    for (std::uint32_t turn = 0; turn < 4; ++turn) {
        const auto replica = wire::choose_replica({1, 1}, turn);
        const auto chosen = table.chosen(turn);
        CHECK(chosen == std::vector<std::size_t>{0, 1, 2 + replica});
        auto cut = table.cut(turn, {x, y});
        REQUIRE(cut.to_hub.size() == 1);
        CHECK(cut.to_hub[0].port == 1);
        CHECK(cut.to_hub[0].source == 2);
        CHECK(difference(cut.to_hub[0].tensor, y) == "");
        REQUIRE(cut.to_boards.size() == 3);
        CHECK(cut.to_boards[0].parts.size() == 2);
        CHECK(cut.to_boards[1].parts.at(0).port == 5);
        CHECK(cut.to_boards[1].parts.at(0).source == 1);
        CHECK(cut.to_boards[1].parts.at(0).tensor.bytes().data() == x.bytes().data() + 24);
        CHECK(cut.to_boards[2].consumer == 2 + replica);
    }
}

TEST_CASE("credits are taken, spent, given back, and void when the way breaks") {
    Consumers consumers(2);
    CHECK(consumers.have_room({}));
    CHECK_FALSE(consumers.have_room({0}));
    consumers.credit(0, 2);
    consumers.credit(1, 1);
    CHECK(consumers.have_room({0, 1}));
    consumers.take({0, 1});
    CHECK_FALSE(consumers.have_room({0, 1}));
    CHECK(consumers.have_room({0}));
    consumers.give_back({0, 1});
    consumers.take({0, 1});
    CHECK(consumers.spend(0, 7));
    CHECK(consumers.spend(1, 7));
    consumers.take({0});
    const base::TimePoint start = base::SteadyClock::now();
    CHECK(consumers.broken(0, start) == std::vector<std::uint64_t>{7});
    CHECK(!consumers.broken_for(std::chrono::seconds(1), start + std::chrono::milliseconds(900)).has_value());
    CHECK(consumers.broken_for(std::chrono::seconds(1), start + std::chrono::milliseconds(1100)) == 0);
    CHECK_FALSE(consumers.spend(0, 8));  // taken before the way broke
    consumers.credit(0, 2);
    consumers.give_back({0});  // void as well
    consumers.take({0});
    consumers.take({0});
    CHECK_FALSE(consumers.have_room({0}));
    consumers.credit(1, 1);
    CHECK(consumers.broken(1, start).empty());
}
