// Byte counts and durations as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shoal::base {

/// "64MiB", "1.5GiB", "512K", "4096" -> bytes (K, M, G are 1024-based; KB, MB, GB are 1000-based).
/// Throws invalid_argument naming the text when it is not a size.
[[nodiscard]] std::uint64_t parse_bytes(std::string_view text);

/// 1536 -> "1.5 KiB"; at most one decimal.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

/// Milliseconds with three significant digits and a unit: "812 us", "3.42 ms", "1.20 s".
[[nodiscard]] std::string format_ms(double ms);

}  // namespace shoal::base
