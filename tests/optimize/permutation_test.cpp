#include "optimize/permutation.hpp"

#include <doctest/doctest.h>

#include "graph/builder.hpp"
#include "support/compare.hpp"
#include "support/random.hpp"

using namespace shoal;
using graph::Ints;
using graph::Shape;
namespace optimize = shoal::optimize;

TEST_CASE("composing and inverting permutations") {
    const Ints a{2, 0, 3, 1}, b{1, 3, 0, 2};
    CHECK(optimize::is_identity(optimize::compose(a, optimize::inverse(a))));
    CHECK(optimize::permuted({2, 3, 5, 7}, optimize::compose(a, b)) ==
          optimize::permuted(optimize::permuted({2, 3, 5, 7}, a), b));
    CHECK(optimize::to_base({10, 20, 30, 40}, a) == Ints{20, 40, 10, 30});
}

TEST_CASE("a transpose that moves only axes of extent 1 is a reshape") {
    CHECK(optimize::only_moves_ones({1, 5, 1, 7}, {1, 0, 3, 2}));
    CHECK_FALSE(optimize::only_moves_ones({2, 5, 1, 7}, {1, 0, 3, 2}));
}

TEST_CASE("a reshape behind a transpose moves in front of it exactly when it may") {
    struct Row {
        Shape base;
        Ints perm;
        Shape to;
        bool possible;
    };
    const Row rows[] = {
        {{1, 8, 7, 36}, {0, 3, 1, 2}, {1, 2, 18, 8, 7}, true},      // splits channels of a channels-last image
        {{1, 8, 7, 18, 2}, {0, 3, 4, 1, 2}, {1, 36, 8, 7}, true},   // joins two that lie side by side
        {{1, 8, 7, 2, 18}, {0, 4, 3, 1, 2}, {1, 36, 8, 7}, false},  // joins two that lie the other way round
        {{3, 4, 5}, {2, 0, 1}, {5, 12}, true},                      //
        {{3, 4, 5}, {1, 0, 2}, {12, 5}, false},                     //
        {{1, 6, 6, 17}, {0, 3, 1, 2}, {1, 612}, false},             // flattening an image
        {{2, 3, 1, 4}, {0, 3, 1, 2}, {2, 4, 3}, true},              // dropping an axis of extent 1
        {{2, 6}, {1, 0}, {3, 2, 1, 2}, true},
    };
    auto random = test::generator();
    for (const Row& row : rows) {
        CAPTURE(row.base);
        CAPTURE(row.to);
        const auto pushed = optimize::push_reshape(row.base, row.perm, row.to);
        REQUIRE(pushed.has_value() == row.possible);
        if (!pushed) continue;
        graph::Builder builder;
        const auto x = builder.constant(test::random_tensor(random, {tensor::ElementType::f32, row.base}));
        const auto want = builder.reshape(builder.transpose(x, row.perm), row.to);
        const auto got = builder.transpose(builder.reshape(x, pushed->base), pushed->perm);
        CHECK_EQ(test::difference(builder.value_of(got), builder.value_of(want)), "");
    }
}
