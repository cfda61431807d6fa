// Text for an 80-column terminal. Lengths are in characters; names from models and drivers may hold any bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shoal::cli {

inline constexpr std::size_t kColumns = 80;

/// Characters of UTF-8 text.
[[nodiscard]] std::size_t width(std::string_view text) noexcept;

/// The text with control characters (which a terminal would obey) replaced by '?'; newlines stay when `lines`.
[[nodiscard]] std::string printable(std::string_view text, bool lines = false);

/// At most `most` characters: the end is replaced by "...".
[[nodiscard]] std::string fitted(std::string_view text, std::size_t most);
/// At most `most` characters: the middle is, because names of operators and files differ at their ends.
[[nodiscard]] std::string fitted_middle(std::string_view text, std::size_t most);

/// Filled up with blanks to `least` characters.
[[nodiscard]] std::string left(std::string_view text, std::size_t least);
[[nodiscard]] std::string right(std::string_view text, std::size_t least);

/// Words filled into lines of at most `columns`, each behind `indent` blanks; newlines in `text` stay. Every line ends
/// with a newline. A word longer than a line stands alone on one.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t indent, std::size_t columns = kColumns);

[[nodiscard]] std::string joined(const std::vector<std::string>& parts, std::string_view between = ", ");
/// The pieces between the separators, empty ones too; blanks around them go.
[[nodiscard]] std::vector<std::string> split(std::string_view text, std::string_view separators);

/// `digits` significant digits without an exponent where that is readable: "0.0123", "123", "1.2e+09".
[[nodiscard]] std::string number(double value, int digits = 4);
/// 1 "kernel", 2 "kernels".
[[nodiscard]] std::string counted(long long count, std::string_view noun);

}  // namespace shoal::cli
