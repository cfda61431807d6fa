// Every test binary's main: doctest's own, with the seed of generated data printed so that a failure can be repeated.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>

#include <doctest/doctest.h>

#include "support/random.hpp"

int main(int argc, char** argv) {
    doctest::Context context(argc, argv);
    const int result = context.run();
    if (result != 0)
        std::printf("seed %u (repeat with SHOAL_TEST_SEED=%u)\n", shoal::test::seed(), shoal::test::seed());
    return result;
}
