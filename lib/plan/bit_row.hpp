// Sets of chain positions as rows of 64-bit words: the few operations that the searches need on them.
#pragma once

#include <bit>
#include <cstdint>

namespace shoal::plan::bits {

using Word = std::uint64_t;

[[nodiscard]] constexpr std::uint32_t words(std::uint32_t positions) {
    return (positions + 63) / 64;
}
[[nodiscard]] inline bool test(const Word* row, std::uint32_t at) {
    return (row[at / 64] >> (at % 64) & 1) != 0;
}
inline void set(Word* row, std::uint32_t at) {
    row[at / 64] |= Word{1} << (at % 64);
}
inline void clear(Word* row, std::uint32_t at) {
    row[at / 64] &= ~(Word{1} << (at % 64));
}

/// Bits of one word from position `first` on, or up to position `last` (included).
[[nodiscard]] inline Word from(std::uint32_t first) {
    return ~Word{0} << (first % 64);
}
[[nodiscard]] inline Word up_to(std::uint32_t last) {
    return ~Word{0} >> (63 - last % 64);
}

/// Sets [first, last], which must not be empty.
inline void fill(Word* row, std::uint32_t first, std::uint32_t last) {
    const std::uint32_t a = first / 64, b = last / 64;
    if (a == b) {
        row[a] |= from(first) & up_to(last);
        return;
    }
    row[a] |= from(first);
    for (std::uint32_t w = a + 1; w < b; ++w)
        row[w] = ~Word{0};
    row[b] |= up_to(last);
}

/// The first position >= `at` that is in the row and below `positions`; `positions` when there is none.
[[nodiscard]] inline std::uint32_t next(const Word* row, std::uint32_t at, std::uint32_t positions) {
    if (at >= positions) return positions;
    std::uint32_t w = at / 64;
    Word word = row[w] & from(at);
    while (word == 0) {
        if (++w >= words(positions)) return positions;
        word = row[w];
    }
    const auto found = w * 64 + static_cast<std::uint32_t>(std::countr_zero(word));
    return found < positions ? found : positions;
}

/// The first position >= `at` that is not in the row; `positions` when there is none.
[[nodiscard]] inline std::uint32_t next_gap(const Word* row, std::uint32_t at, std::uint32_t positions) {
    if (at >= positions) return positions;
    std::uint32_t w = at / 64;
    Word word = ~row[w] & from(at);
    while (word == 0) {
        if (++w >= words(positions)) return positions;
        word = ~row[w];
    }
    const auto found = w * 64 + static_cast<std::uint32_t>(std::countr_zero(word));
    return found < positions ? found : positions;
}

/// The last position <= `at` that is in the row; ~0 when there is none.
[[nodiscard]] inline std::uint32_t last(const Word* row, std::uint32_t at) {
    std::uint32_t w = at / 64;
    Word word = row[w] & up_to(at);
    while (word == 0) {
        if (w-- == 0) return ~std::uint32_t{0};
        word = row[w];
    }
    return w * 64 + 63 - static_cast<std::uint32_t>(std::countl_zero(word));
}

}  // namespace shoal::plan::bits
