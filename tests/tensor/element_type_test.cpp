#include "tensor/element_type.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "base/error.hpp"
#include "support/random.hpp"

using namespace shoal;
using tensor::ElementType;

namespace {

// A binary format of `mantissa` stored bits and `bias`, as IEEE 754 defines it, in double: exact for all of f16 and
// bf16.
struct Format {
    int mantissa, exponent, bias;

    [[nodiscard]] double value(unsigned bits) const {
        const unsigned fraction = bits & ((1U << mantissa) - 1), power = bits >> mantissa & ((1U << exponent) - 1);
        const double sign = bits >> (mantissa + exponent) != 0 ? -1 : 1;
        if (power == (1U << exponent) - 1)
            return fraction != 0 ? std::numeric_limits<double>::quiet_NaN()
                                 : sign * std::numeric_limits<double>::infinity();
        if (power == 0) return sign * std::ldexp(fraction, 1 - bias - mantissa);
        return sign * std::ldexp(fraction + (1U << mantissa), static_cast<int>(power) - bias - mantissa);
    }
};
constexpr Format kHalf{10, 5, 15}, kBFloat{7, 8, 127};

bool same(double a, double b) {
    return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

// Rounding a float to the format: at every value of the format, at every boundary between two and right beside it.
int wrong_roundings(const Format& format, std::uint16_t (*round)(float)) {
    int wrong = 0;
    const unsigned infinity = ((1U << format.exponent) - 1) << format.mantissa;
    const auto expect = [&](float value, unsigned bits) {
        wrong += round(value) != bits;
        wrong += round(-value) != (bits | 0x8000U);
    };
    constexpr float kUp = std::numeric_limits<float>::infinity();
    for (unsigned bits = 0; bits < infinity; ++bits) {
        const auto low = static_cast<float>(format.value(bits));
        expect(low, bits);
        // Above the largest value the next step would be the one that infinity stands for.
        const double next =
            bits + 1 == infinity ? 2 * format.value(bits) - format.value(bits - 1) : format.value(bits + 1);
        const double middle = (format.value(bits) + next) / 2;
        const auto boundary = static_cast<float>(middle);
        if (static_cast<double>(boundary) != middle) continue;  // between bf16 subnormals there is no float half-way
        expect(boundary, bits % 2 == 0 ? bits : bits + 1);      // to even
        expect(std::nextafterf(boundary, 0), bits);
        expect(std::nextafterf(boundary, kUp), bits + 1);
    }
    expect(kUp, infinity);
    return wrong;
}

}  // namespace

TEST_CASE("every half and bfloat is read exactly") {
    int wrong = 0;
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const auto word = static_cast<std::uint16_t>(bits);
        wrong += !same(tensor::half_to_float(word), kHalf.value(bits));
        wrong += !same(tensor::bfloat_to_float(word), kBFloat.value(bits));
    }
    CHECK(wrong == 0);
}

TEST_CASE("every half and bfloat survives being widened and rounded") {
    int wrong = 0;
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const auto word = static_cast<std::uint16_t>(bits);
        const float half = tensor::half_to_float(word), bfloat = tensor::bfloat_to_float(word);
        wrong += std::isnan(half) ? !std::isnan(tensor::half_to_float(tensor::float_to_half(half)))
                                  : tensor::float_to_half(half) != word;
        wrong += std::isnan(bfloat) ? !std::isnan(tensor::bfloat_to_float(tensor::float_to_bfloat(bfloat)))
                                    : tensor::float_to_bfloat(bfloat) != word;
    }
    CHECK(wrong == 0);
}

TEST_CASE("floats are rounded to nearest even at every boundary") {
    CHECK(wrong_roundings(kHalf, tensor::float_to_half) == 0);
    CHECK(wrong_roundings(kBFloat, tensor::float_to_bfloat) == 0);
}

TEST_CASE("rounding is monotone over all floats") {
    std::uint16_t half = 0, bfloat = 0;
    int wrong = 0;
    for (std::uint32_t word = 0; word <= 0x7f800000U; word += 1009) {
        float value = 0;
        std::memcpy(&value, &word, sizeof value);
        wrong += tensor::float_to_half(value) < half || tensor::float_to_bfloat(value) < bfloat;
        half = tensor::float_to_half(value);
        bfloat = tensor::float_to_bfloat(value);
    }
    CHECK(wrong == 0);
}

TEST_CASE("a NaN stays one, with its sign") {
    for (const std::uint32_t payload : {1U, 0x1000U, 0x1fffU, 0x400000U, 0x7fffffU, 0x7f8000U}) {
        for (const std::uint32_t sign : {0U, 0x80000000U}) {
            const std::uint32_t word = sign | 0x7f800000U | payload;
            float value = 0;
            std::memcpy(&value, &word, sizeof value);
            const auto half = tensor::float_to_half(value), bfloat = tensor::float_to_bfloat(value);
            CHECK(std::isnan(tensor::half_to_float(half)));
            CHECK(std::isnan(tensor::bfloat_to_float(bfloat)));
            CHECK((half >> 15 != 0) == (sign != 0));
            CHECK((bfloat >> 15 != 0) == (sign != 0));
        }
    }
}

TEST_CASE("the table of types is complete and consistent") {
    std::set<std::string_view> names;
    for (int number = 1; number <= tensor::kElementTypeCount; ++number) {
        const auto type = static_cast<ElementType>(number);
        CHECK(names.insert(name(type)).second);
        CHECK(name(type) != "?");
        CHECK(tensor::is_nibble(type) == (tensor::bits(type) == 4));
        CHECK((tensor::is_floating(type) + tensor::is_integer(type) + (type == ElementType::boolean)) == 1);
        if (tensor::is_floating(type)) CHECK(tensor::is_signed(type));
    }
    CHECK(name(ElementType::bf16) == "bf16");
    CHECK(tensor::bits(ElementType::boolean) == 8);
    CHECK(name(static_cast<ElementType>(0)) == "?");
    CHECK(name(static_cast<ElementType>(200)) == "?");
    CHECK(tensor::bits(static_cast<ElementType>(200)) == 8);
}

TEST_CASE("bytes of so many elements") {
    CHECK(tensor::storage_bytes(ElementType::f32, 13) == 52);
    CHECK(tensor::storage_bytes(ElementType::i4, 0) == 0);
    CHECK(tensor::storage_bytes(ElementType::i4, 1) == 1);
    CHECK(tensor::storage_bytes(ElementType::u4, 127) == 64);
    CHECK_THROWS_AS((void)tensor::storage_bytes(ElementType::f32, -1), base::Error);
    CHECK_THROWS_AS((void)tensor::storage_bytes(ElementType::f64, std::numeric_limits<std::int64_t>::max()),
                    base::Error);
}
