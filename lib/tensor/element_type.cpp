#include "tensor/element_type.hpp"

#include <cmath>

#include "base/bit_cast.hpp"
#include "base/checked.hpp"

namespace shoal::tensor {
namespace {

struct Row {
    std::string_view name;
    int bits;
    bool floating;
    bool has_sign;
};

// Indexed by ElementType; row 0 stands for a damaged value.
constexpr Row kRows[] = {
    {"?", 8, false, false},    {"f32", 32, true, true},   {"f16", 16, true, true},   {"bf16", 16, true, true},
    {"f64", 64, true, true},   {"i8", 8, false, true},    {"u8", 8, false, false},   {"i16", 16, false, true},
    {"u16", 16, false, false}, {"i32", 32, false, true},  {"u32", 32, false, false}, {"i64", 64, false, true},
    {"u64", 64, false, false}, {"bool", 8, false, false}, {"i4", 4, false, true},    {"u4", 4, false, false},
};
static_assert(std::size(kRows) == kElementTypeCount + 1);

const Row& row(ElementType type) noexcept {
    const auto index = static_cast<std::size_t>(type);
    return kRows[index < std::size(kRows) ? index : 0];
}

}  // namespace

std::string_view name(ElementType type) noexcept {
    return row(type).name;
}

int bits(ElementType type) noexcept {
    return row(type).bits;
}

std::size_t storage_bytes(ElementType type, std::int64_t count) {
    const auto elements = base::narrow<std::size_t>(count, "element count");
    if (is_nibble(type)) return elements / 2 + elements % 2;
    return base::checked_mul(elements, static_cast<std::size_t>(bits(type) / 8), "tensor size");
}

bool is_floating(ElementType type) noexcept {
    return row(type).floating;
}

bool is_integer(ElementType type) noexcept {
    return !row(type).floating && type != ElementType::boolean;
}

bool is_signed(ElementType type) noexcept {
    return row(type).has_sign;
}

float half_to_float(std::uint16_t half) noexcept {
    const std::uint32_t sign = (half & 0x8000u) << 16;
    const std::uint32_t exponent = half >> 10 & 0x1f;
    const std::uint32_t mantissa = half & 0x3ff;
    if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24
        const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
        return sign ? -magnitude : magnitude;
    }
    const std::uint32_t widened = exponent == 31 ? 0xffu : exponent + (127 - 15);
    return base::bit_cast<float>(sign | widened << 23 | mantissa << 13);
}

std::uint16_t float_to_half(float value) noexcept {
    const auto word = base::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>(word >> 16 & 0x8000u);
    const std::uint32_t magnitude = word & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return sign | 0x7e00u;   // NaN
    if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // rounds to 65520 or more: infinity
    if (magnitude < 0x38800000u) {                        // below 2^-14: subnormal, in units of 2^-24
        const float scaled = base::bit_cast<float>(magnitude) * 16777216.0f;
        return sign | static_cast<std::uint16_t>(std::nearbyint(scaled));
    }
    const std::uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1);  // nearest even
    return sign | static_cast<std::uint16_t>((rounded - (112u << 23)) >> 13);
}

float bfloat_to_float(std::uint16_t bfloat) noexcept {
    return base::bit_cast<float>(static_cast<std::uint32_t>(bfloat) << 16);
}

std::uint16_t float_to_bfloat(float value) noexcept {
    const auto word = base::bit_cast<std::uint32_t>(value);
    if (std::isnan(value)) return static_cast<std::uint16_t>(word >> 16 | 0x40u);
    return static_cast<std::uint16_t>((word + 0x7fffu + (word >> 16 & 1)) >> 16);
}

}  // namespace shoal::tensor
