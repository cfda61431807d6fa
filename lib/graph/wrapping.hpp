// Sums and products of integers that wrap around, as every device computes them; of floats as they are. The reference
// loops and the scalar functions use them: signed overflow is undefined in C++.
#pragma once

#include <cstdint>
#include <type_traits>

namespace shoal::graph {

template <class T>
[[nodiscard]] constexpr T wrapping_add(T a, T b) noexcept {
    if constexpr (std::is_integral_v<T>)
        return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    else
        return a + b;
}

template <class T>
[[nodiscard]] constexpr T wrapping_sub(T a, T b) noexcept {
    if constexpr (std::is_integral_v<T>)
        return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
    else
        return a - b;
}

template <class T>
[[nodiscard]] constexpr T wrapping_mul(T a, T b) noexcept {
    if constexpr (std::is_integral_v<T>)
        return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
    else
        return a * b;
}

}  // namespace shoal::graph
