// Generated test data: reproducible from one seed, different for every call.
#pragma once

#include <random>

#include "tensor/tensor.hpp"

namespace shoal::test {

/// $SHOAL_TEST_SEED, or 1.
[[nodiscard]] unsigned seed();

/// A generator of its own for each test that asks, always the same sequence for the same seed.
[[nodiscard]] std::mt19937 generator();

/// Floats uniform in [low, high]; integers uniform over the whole numbers in that range; booleans even odds.
[[nodiscard]] tensor::Tensor random_tensor(std::mt19937& random, const tensor::Type& type, double low = -1,
                                           double high = 1);

}  // namespace shoal::test
