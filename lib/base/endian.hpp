// Little-endian access to unaligned bytes; files and frames are little-endian on every board.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "base/bytes.hpp"

namespace shoal::base {

static_assert(std::endian::native == std::endian::little,
              "tensors are kept in file order; a big-endian board needs byte swaps in base/endian.hpp");

/// Reads a T at `at`, which need not be aligned.
template <class T>
[[nodiscard]] T load_le(const std::byte* at) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

/// Writes a T at `at`, which need not be aligned.
template <class T>
void store_le(std::byte* at, const T& value) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    std::memcpy(at, &value, sizeof value);
}

}  // namespace shoal::base
