#include "opencl/codegen/index.hpp"

#include <doctest/doctest.h>

using namespace shoal::opencl;

namespace {

Index digit(int number, std::int64_t extent) {
    return Index(Symbol{Symbol::Kind::digit, number, extent});
}

}  // namespace

TEST_SUITE("opencl") {
    TEST_CASE("an index is divided by an extent where its digits allow it") {
        const Index i = digit(0, 4), j = digit(1, 6);
        const auto [quotient, remainder] = divide(i * 6 + j, 6);
        CHECK(quotient == i);
        CHECK(remainder == j);
        CHECK_THROWS_AS((void)divide(digit(0, 24), 6), SplitNeeded);
        CHECK_THROWS_AS((void)divide(digit(0, 25), 6), NotLinear);
    }

    // Some OpenCL drivers catch the trap of a division by zero in the whole process, others let it end the process.
    TEST_CASE("an axis without elements has coordinates too") {
        const auto [quotient, remainder] = divide(digit(0, 4) + Index(3), 0);
        CHECK(remainder.is_zero());
        CHECK(coordinates(digit(0, 5), {2, 0, 5}).size() == 3);
        CHECK(coordinates(Index(), {0, 0}).size() == 2);
    }
}
