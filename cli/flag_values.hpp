// Reading the values of flags: lists, NAME=VALUE pairs, choices. Each throws UsageError naming the flag and its value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {
class Option;
}

namespace shoal::cli {

/// "0.7,0.3"
[[nodiscard]] std::vector<double> numbers(std::string_view text, std::string_view flag);
/// "1,3,224,224" or "1x3x224x224"; not negative.
[[nodiscard]] std::vector<std::int64_t> extents(std::string_view text, std::string_view flag);
/// "64MiB"; at least a byte.
[[nodiscard]] std::uint64_t size_of(std::string_view text, std::string_view flag);
/// The same for a board's memory; UsageError for what cannot be meant.
[[nodiscard]] std::uint64_t memory_of(std::string_view size, std::string_view flag);
/// "NAME=VALUE", neither empty; the last '=' separates, because names may hold one.
[[nodiscard]] std::pair<std::string, std::string> named_value(std::string_view text, std::string_view flag);

/// Lets a flag take nothing but one of these words.
void restrict_to(CLI::Option* option, std::vector<std::string> words);

}  // namespace shoal::cli
