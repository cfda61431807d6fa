// Arithmetic on sizes that come from outside: overflow is an error, never a small number.
#pragma once

#include <concepts>
#include <limits>

#include "base/error.hpp"

namespace shoal::base {

/// a * b; throws invalid_argument naming `what` when the product does not fit T.
template <std::integral T>
[[nodiscard]] T checked_mul(T a, T b, std::string_view what = "size") {
    T out{};
    if (__builtin_mul_overflow(a, b, &out)) fail(Code::invalid_argument, what, ": ", a, " x ", b, " overflows");
    return out;
}

/// a + b; throws invalid_argument naming `what` when the sum does not fit T.
template <std::integral T>
[[nodiscard]] T checked_add(T a, T b, std::string_view what = "size") {
    T out{};
    if (__builtin_add_overflow(a, b, &out)) fail(Code::invalid_argument, what, ": ", a, " + ", b, " overflows");
    return out;
}

/// `value` as To; throws invalid_argument naming `what` when it is out of To's range.
template <std::integral To, std::integral From>
[[nodiscard]] To narrow(From value, std::string_view what = "value") {
    const To out = static_cast<To>(value);
    if (static_cast<From>(out) != value || ((out < To{}) != (value < From{}))) {
        fail(Code::invalid_argument, what, ": ", value, " is outside of ", std::numeric_limits<To>::lowest(), " to ",
             std::numeric_limits<To>::max());
    }
    return out;
}

/// Smallest multiple of `step` that is at least `value`; step > 0.
template <std::integral T>
[[nodiscard]] constexpr T round_up(T value, T step) {
    return (value + step - 1) / step * step;
}

/// value / step rounded up; both non-negative, step > 0.
template <std::integral T>
[[nodiscard]] constexpr T ceil_div(T value, T step) {
    return (value + step - 1) / step;
}

}  // namespace shoal::base
