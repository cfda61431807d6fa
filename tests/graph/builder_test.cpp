#include "graph/builder.hpp"

#include <doctest/doctest.h>

#include "support/errors.hpp"

using namespace shoal;
using graph::Builder;

TEST_CASE("a builder holds to the number of operators that it may add") {
    Builder b({}, {.operators = 3});
    auto x = b.input("x", {tensor::ElementType::f32, tensor::Shape{2}});
    for (int i = 0; i < 3; ++i)
        x = b.map("neg", {x});
    CHECK(test::says(test::error_of([&] { (void)b.map("neg", {x}); }), "more than 3 operators"));
}
