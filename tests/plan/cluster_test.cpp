#include "plan/cluster.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "base/error.hpp"
#include "plan/link_classes.hpp"
#include "plan/plan.hpp"

using namespace shoal;
using plan::Cluster;

namespace {

Cluster two_boards() {
    Cluster out;
    out.boards = {{"a", {}, 1000}, {"b", {}, 2000}};
    out.default_link = {1e-3, 1e6, -1};
    return out;
}

std::string complaint(const Cluster& cluster) {
    try {
        validate(cluster);
    } catch (const base::Error& error) {
        return error.what();
    }
    return "";
}

bool names(const std::string& message, const char* what) {
    return message.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("a cluster that makes sense passes, with and without a matrix of links") {
    Cluster cluster = two_boards();
    CHECK(complaint(cluster) == "");
    set_link(cluster, 0, 2, {2e-3, 5e5, 0});
    CHECK(complaint(cluster) == "");
    CHECK(cluster.from_hub(1).latency_s == 2e-3);
    CHECK(cluster.to_hub(1).medium == 0);
    CHECK(cluster.between(0, 1).latency_s == 1e-3);
    CHECK(cluster.between(0, 1).seconds(1e6) == doctest::Approx(1.001));
}

TEST_CASE("what is wrong with a cluster is said with the board's name") {
    Cluster cluster = two_boards();
    cluster.boards[1].memory_bytes = 0;
    CHECK(names(complaint(cluster), "board 'b' has no memory"));
    cluster = two_boards();
    cluster.boards[1].name = "a";
    CHECK(names(complaint(cluster), "two boards are named 'a'"));
    cluster = two_boards();
    cluster.boards[0].name = "";
    CHECK(names(complaint(cluster), "board 0 has no name"));
    cluster = two_boards();
    cluster.boards[0].device.rates.flops_per_s = -1;
    CHECK(names(complaint(cluster), "board 'a': flops per second is -1"));
    cluster = two_boards();
    set_link(cluster, 1, 2, {std::numeric_limits<double>::quiet_NaN(), 1, -1});
    CHECK(names(complaint(cluster), "link from 'a' to 'b': latency"));
    cluster = two_boards();
    set_link(cluster, 1, 2, {});
    cluster.links[2].pop_back();
    CHECK(names(complaint(cluster), "'b' has links to 2 ends, not 3"));
    cluster.links.pop_back();
    CHECK(names(complaint(cluster), "links of 2 ends"));
    CHECK(names(complaint(Cluster{}), "no board"));
}

TEST_CASE("link classes: nearly equal links become the worst of them, others stay apart") {
    Cluster cluster = two_boards();
    cluster.boards.push_back({"c", {}, 1});
    set_link(cluster, 0, 1, {1.0e-3, 100e6, -1});
    set_link(cluster, 0, 2, {1.1e-3, 105e6, -1});
    set_link(cluster, 0, 3, {4e-3, 5e6, 2});
    set_link(cluster, 1, 2, {1.2e-3, 119e6, -1});
    set_link(cluster, 1, 3, {1.0e-3, 0, -1});
    set_link(cluster, 2, 3, {1.0e-3, 100e6, -1});
    const Cluster classed = with_link_classes(cluster, 1.25);
    CHECK(classed.links[0][1] == plan::Link{1.2e-3, 100e6, -1});
    CHECK(classed.links[0][1] == classed.links[0][2]);
    CHECK(classed.links[1][2] == classed.links[2][3]);
    CHECK(classed.links[0][3] == plan::Link{4e-3, 5e6, 2});
    CHECK(classed.links[1][3].bytes_per_s == 0);
    for (std::size_t from = 0; from < 4; ++from) {
        for (std::size_t to = 0; to < 4; ++to) {
            if (from == to) continue;
            CHECK(classed.links[from][to].seconds(1e5) >= cluster.links[from][to].seconds(1e5));
            CHECK(classed.links[from][to].seconds(1e5) <= 1.25 * cluster.links[from][to].seconds(1e5));
        }
    }
    CHECK(with_link_classes(two_boards(), 1.25) == two_boards());
}

TEST_CASE("whole shares: everything is given away, as near to the shares as whole numbers go") {
    CHECK(plan::whole_shares({0.5, 0.5}, 3) == std::vector<std::int64_t>{2, 1});
    CHECK(plan::whole_shares({1, 0, 3}, 8) == std::vector<std::int64_t>{2, 0, 6});
    CHECK(plan::whole_shares({1, 1, 1}, 0) == std::vector<std::int64_t>{0, 0, 0});
    for (std::int64_t extent : {1, 3, 13, 127}) {
        for (std::int64_t first = 0; first <= extent; ++first) {
            const std::vector<double> shares{static_cast<double>(first) / static_cast<double>(extent),
                                             static_cast<double>(extent - first) / static_cast<double>(extent)};
            CHECK(plan::whole_shares(shares, extent) == std::vector<std::int64_t>{first, extent - first});
        }
    }
    CHECK_THROWS_AS((void)plan::whole_shares({0, 0}, 3), base::Error);
    CHECK_THROWS_AS((void)plan::whole_shares({1, -1}, 3), base::Error);
}

TEST_CASE("leaves come from left to right") {
    plan::Node root;
    root.axis = plan::Axis::requests;
    root.children = {plan::Node{{0, 3, 0, 5}}, plan::Node{}};
    root.children[1].children = {plan::Node{{0, 1, 0, 2}}, plan::Node{{0, 2, 2, 5}}};
    const auto works = plan::leaves(root);
    REQUIRE(works.size() == 3);
    CHECK(works[0].board == 3);
    CHECK(works[2] == plan::Work{0, 2, 2, 5});
}
