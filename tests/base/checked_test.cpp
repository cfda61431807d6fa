#include "base/checked.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <utility>

using namespace shoal;
using base::Error;

namespace {

// Everything that 8 bits can hold, against arithmetic that cannot overflow.
template <class T>
void check_all_pairs() {
    constexpr int low = std::numeric_limits<T>::lowest(), high = std::numeric_limits<T>::max();
    int wrong = 0;
    for (int a = low; a <= high; ++a) {
        for (int b = low; b <= high; ++b) {
            const auto agrees = [&](int exact, auto&& operation) {
                try {
                    const T got = operation();
                    return exact >= low && exact <= high && got == static_cast<T>(exact);
                } catch (const Error& error) {
                    return error.code() == base::Code::invalid_argument && (exact < low || exact > high);
                }
            };
            const auto x = static_cast<T>(a), y = static_cast<T>(b);
            wrong += !agrees(a * b, [&] { return base::checked_mul(x, y); });
            wrong += !agrees(a + b, [&] { return base::checked_add(x, y); });
        }
    }
    CHECK(wrong == 0);
}

template <class To, class From>
void check_narrowing() {
    int wrong = 0;
    for (std::int64_t value = std::numeric_limits<From>::lowest(); value <= std::numeric_limits<From>::max(); ++value) {
        const bool fits = std::in_range<To>(value);
        try {
            wrong += !(base::narrow<To>(static_cast<From>(value)) == static_cast<To>(value) && fits);
        } catch (const Error&) {
            wrong += fits;
        }
    }
    CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("products and sums are exact or refused") {
    check_all_pairs<std::int8_t>();
    check_all_pairs<std::uint8_t>();
}

TEST_CASE("the largest sizes") {
    constexpr auto kMax = std::numeric_limits<std::size_t>::max();
    CHECK(base::checked_mul<std::size_t>(kMax, 1) == kMax);
    CHECK(base::checked_mul<std::size_t>(kMax, 0) == 0);
    CHECK_THROWS_AS((void)base::checked_mul<std::size_t>(kMax / 2 + 1, 2), Error);
    CHECK(base::checked_add<std::size_t>(kMax, 0) == kMax);
    CHECK_THROWS_AS((void)base::checked_add<std::size_t>(kMax, 1), Error);
    CHECK_THROWS_WITH((void)base::checked_mul<std::int64_t>(INT64_MAX, 3, "weights"),
                      "weights: 9223372036854775807 x 3 overflows");
}

TEST_CASE("a narrowed number is the same number or refused") {
    check_narrowing<std::int8_t, std::int16_t>();
    check_narrowing<std::uint8_t, std::int16_t>();
    check_narrowing<std::int8_t, std::uint16_t>();
    check_narrowing<std::uint8_t, std::uint16_t>();
    check_narrowing<std::uint16_t, std::int16_t>();
    check_narrowing<std::int16_t, std::uint16_t>();
    check_narrowing<std::int32_t, std::int8_t>();
    check_narrowing<std::uint64_t, std::int8_t>();
    CHECK_THROWS_AS((void)base::narrow<std::uint64_t>(std::int64_t{-1}), Error);
    CHECK_THROWS_AS((void)base::narrow<std::int64_t>(UINT64_MAX), Error);
    CHECK_THROWS_AS((void)base::narrow<std::uint32_t>(INT64_MAX), Error);
    CHECK(base::narrow<std::int64_t>(std::uint64_t{1} << 62) == std::int64_t{1} << 62);
}

TEST_CASE("rounding up") {
    for (int value = 0; value < 200; ++value) {
        for (int step = 1; step < 20; ++step) {
            const int rounded = base::round_up(value, step);
            CHECK(rounded >= value);
            CHECK(rounded < value + step);
            CHECK(rounded % step == 0);
            CHECK(base::ceil_div(value, step) == rounded / step);
        }
    }
}
