#include "tensor/shape.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "base/error.hpp"

using namespace shoal;
using tensor::Shape;
using Ints = std::vector<std::int64_t>;

namespace {

constexpr auto kMax = std::numeric_limits<std::int64_t>::max();

}  // namespace

TEST_CASE("counts") {
    CHECK(Shape{}.count() == 1);
    CHECK(Shape{}.rank() == 0);
    CHECK(Shape{0}.count() == 0);
    CHECK(Shape{3, 0, 5}.count() == 0);
    CHECK(Shape{1, 3, 13}.count() == 39);
    CHECK(Shape{2, 3, 5, 7}.count(1, 3) == 15);
    CHECK(Shape{2, 3}.count(1, 1) == 1);
    CHECK(Shape{kMax}.count() == kMax);
    CHECK(to_string(Shape{1, 3, 13}) == "[1, 3, 13]");
    CHECK(to_string(Shape{}) == "[]");
}

TEST_CASE("axes that a shape has not are refused") {
    CHECK(Shape{2, 3}[1] == 3);
    CHECK(Shape{2, 3}.back() == 3);
    CHECK_THROWS_AS((void)(Shape{2, 3})[2], base::Error);
    CHECK_THROWS_AS((void)(Shape{2, 3})[-1], base::Error);
    CHECK_THROWS_AS((void)Shape{}.back(), base::Error);
    CHECK_THROWS_AS((void)(Shape{2, 3}).count(0, 3), base::Error);
    CHECK_THROWS_AS((void)(Shape{2, 3}).with(2, 1), base::Error);
}

TEST_CASE("shapes that cannot be are refused") {
    CHECK_THROWS_AS(Shape{-1}, base::Error);
    CHECK_THROWS_AS((Shape{2, -3}), base::Error);
    CHECK_THROWS_AS((Shape{kMax, 2}), base::Error);
    CHECK_THROWS_AS((Shape{std::int64_t{1} << 32, std::int64_t{1} << 31}), base::Error);
    CHECK_THROWS_AS((Shape{0, kMax, kMax}), base::Error);  // strides would overflow behind the zero
    CHECK_NOTHROW(Shape(Ints(tensor::kMaxRank, 2)));
    CHECK_THROWS_AS(Shape(Ints(tensor::kMaxRank + 1, 1)), base::Error);
    CHECK_THROWS_AS((void)(Shape{2, 2}).with(0, kMax), base::Error);
    CHECK((Shape{2, 2}).with(1, 7) == Shape{2, 7});
}

TEST_CASE("strides") {
    CHECK(strides(Shape{2, 3, 5}) == Ints{15, 5, 1});
    CHECK(strides(Shape{}) == Ints{});
    CHECK(strides(Shape{4, 0, 3}) == Ints{3, 3, 1});  // a zero counts as one
}

TEST_CASE("broadcasting as NumPy does it") {
    struct Row {
        Shape a, b, both;
    };
    const Row rows[] = {
        {{}, {}, {}},
        {{3}, {}, {3}},
        {{3, 1}, {1, 4}, {3, 4}},
        {{5, 3, 1}, {4}, {5, 3, 4}},
        {{1}, {0}, {0}},
        {{13, 1, 7}, {3, 1}, {13, 3, 7}},
        {{2, 2}, {2, 2}, {2, 2}},
        {{0, 1}, {1, 5}, {0, 5}},
    };
    for (const auto& [a, b, both] : rows) {
        CHECK(tensor::broadcast(a, b) == both);
        CHECK(tensor::broadcast(b, a) == both);
    }
    CHECK_THROWS_AS((void)tensor::broadcast({3}, {4}), base::Error);
    CHECK_THROWS_AS((void)tensor::broadcast({0}, {3}), base::Error);
    CHECK_THROWS_WITH((void)tensor::broadcast({2, 3}, {3, 2}), "shapes [2, 3] and [3, 2] do not broadcast");
    CHECK_THROWS_AS((void)tensor::broadcast({kMax}, {2, 1}), base::Error);
}

TEST_CASE("strides of a broadcast read every element in its place") {
    CHECK(tensor::broadcast_strides({3, 1}, {2, 3, 4}) == Ints{0, 1, 0});
    CHECK(tensor::broadcast_strides({}, {2, 3}) == Ints{0, 0});
    CHECK(tensor::broadcast_strides({2, 3}, {2, 3}) == Ints{3, 1});
    CHECK(tensor::broadcast_strides({1, 3}, {1, 3}) == Ints{0, 1});
    CHECK_THROWS_AS((void)tensor::broadcast_strides({2, 3}, {3}), base::Error);
    CHECK_THROWS_AS((void)tensor::broadcast_strides({2}, {1}), base::Error);
    CHECK_THROWS_AS((void)tensor::broadcast_strides({2}, {3}), base::Error);
}

TEST_CASE("axes from either end") {
    for (int rank = 1; rank < 5; ++rank) {
        for (int axis = 0; axis < rank; ++axis) {
            CHECK(tensor::normal_axis(axis, rank) == axis);
            CHECK(tensor::normal_axis(axis - rank, rank) == axis);
        }
        CHECK_THROWS_AS((void)tensor::normal_axis(rank, rank), base::Error);
        CHECK_THROWS_AS((void)tensor::normal_axis(-rank - 1, rank), base::Error);
        CHECK_THROWS_AS((void)tensor::normal_axis(std::numeric_limits<std::int64_t>::min(), rank), base::Error);
    }
    CHECK_THROWS_WITH((void)tensor::normal_axis(5, 3, "softmax axis"),
                      "softmax axis 5 is outside of a tensor of rank 3");
}
