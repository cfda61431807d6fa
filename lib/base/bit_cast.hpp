// std::bit_cast for GCC 10, which does not have it.
#pragma once

#include <cstring>
#include <type_traits>

namespace shoal::base {

/// The value of type To that has the bits of `from`.
template <class To, class From>
[[nodiscard]] To bit_cast(const From& from) noexcept {
    static_assert(sizeof(To) == sizeof(From));
    static_assert(std::is_trivially_copyable_v<To> && std::is_trivially_copyable_v<From>);
    To out;
    std::memcpy(&out, &from, sizeof out);
    return out;
}

}  // namespace shoal::base
