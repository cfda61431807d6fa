// What one element of a tensor is, and how half-width floats and nibbles are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shoal::tensor {

/// Numbers cross the wire: never renumbered, never reused.
enum class ElementType : std::uint8_t {
    f32 = 1,
    f16 = 2,   ///< IEEE 754 binary16
    bf16 = 3,  ///< upper half of a binary32; storage only, arithmetic in f32
    f64 = 4,
    i8 = 5,
    u8 = 6,
    i16 = 7,
    u16 = 8,
    i32 = 9,
    u32 = 10,
    i64 = 11,
    u64 = 12,
    boolean = 13,  ///< one byte, 0 or 1
    i4 = 14,       ///< two's complement nibbles, two to a byte, the even element in the low half
    u4 = 15,
};

inline constexpr int kElementTypeCount = 15;

[[nodiscard]] std::string_view name(ElementType type) noexcept;

/// Bits of one element as stored: 4, 8, 16, 32 or 64.
[[nodiscard]] int bits(ElementType type) noexcept;

/// Bytes that `count` elements take; nibbles round up to a whole byte. Throws invalid_argument on overflow.
[[nodiscard]] std::size_t storage_bytes(ElementType type, std::int64_t count);

[[nodiscard]] bool is_floating(ElementType type) noexcept;
[[nodiscard]] bool is_integer(ElementType type) noexcept;  ///< i4 to u64; not boolean
[[nodiscard]] bool is_signed(ElementType type) noexcept;
[[nodiscard]] inline bool is_nibble(ElementType type) noexcept {
    return type == ElementType::i4 || type == ElementType::u4;
}

[[nodiscard]] float half_to_float(std::uint16_t half) noexcept;
/// Rounds to nearest even; overflows to infinity, keeps NaN.
[[nodiscard]] std::uint16_t float_to_half(float value) noexcept;
[[nodiscard]] float bfloat_to_float(std::uint16_t bfloat) noexcept;
[[nodiscard]] std::uint16_t float_to_bfloat(float value) noexcept;

/// f16 and bf16 as C++ values, so that loops over element types can be templates.
struct Half {
    std::uint16_t bits = 0;
    Half() = default;
    explicit Half(float value) : bits(float_to_half(value)) {}
    explicit operator float() const { return half_to_float(bits); }
};
struct BFloat {
    std::uint16_t bits = 0;
    BFloat() = default;
    explicit BFloat(float value) : bits(float_to_bfloat(value)) {}
    explicit operator float() const { return bfloat_to_float(bits); }
};
/// A boolean byte, distinct from u8.
struct Bool {
    std::uint8_t value = 0;
};

}  // namespace shoal::tensor
