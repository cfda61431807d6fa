#include "cli/flag_values.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/error.hpp"
#include "base/units.hpp"
#include "cli/frame.hpp"
#include "cli/suggest.hpp"
#include "cli/text.hpp"

namespace shoal::cli {

using base::text;

std::vector<double> numbers(std::string_view list, std::string_view flag) {
    std::vector<double> out;
    for (const auto& piece : split(list, ",")) {
        char* end = nullptr;
        const double value = std::strtod(piece.c_str(), &end);
        if (piece.empty() || *end != '\0' || !std::isfinite(value))
            throw UsageError(text(flag, ": '", piece, "' in '", list, "' is not a number; write it as 0.7,0.3"));
        out.push_back(value);
    }
    return out;
}

std::vector<std::int64_t> extents(std::string_view list, std::string_view flag) {
    std::vector<std::int64_t> out;
    if (list.empty()) return out;  // a scalar
    for (const auto& piece : split(list, ",x")) {
        std::int64_t value = -1;
        const auto [end, error] = std::from_chars(piece.data(), piece.data() + piece.size(), value);
        if (piece.empty() || error != std::errc() || end != piece.data() + piece.size() || value < 0)
            throw UsageError(text(flag, ": '", piece, "' in '", list, "' is not a size; write it as 1,3,224,224"));
        out.push_back(value);
    }
    return out;
}

std::uint64_t size_of(std::string_view size, std::string_view flag) {
    std::uint64_t out = 0;
    try {
        out = base::parse_bytes(size);
    } catch (const base::Error& error) {
        throw UsageError(text(flag, ": ", error.what()));
    }
    if (out == 0) throw UsageError(text(flag, ": '", size, "' is nothing at all; write it as 64MiB"));
    return out;
}

std::uint64_t memory_of(std::string_view size, std::string_view flag) {
    constexpr std::uint64_t kLeast = 1024;  // less is a unit that was forgotten
    const auto out = size_of(size, flag);
    if (out < kLeast)
        throw UsageError(text(flag, ": '", size, "' is ", base::format_bytes(out),
                              ", which hold nothing; did you mean ", out, "MiB?"));
    return out;
}

std::pair<std::string, std::string> named_value(std::string_view pair, std::string_view flag) {
    const auto equals = pair.rfind('=');
    if (equals == std::string_view::npos || equals == 0)
        throw UsageError(text(flag, ": '", pair, "' is not of the form NAME=VALUE"));
    return {std::string(pair.substr(0, equals)), std::string(pair.substr(equals + 1))};
}

void restrict_to(CLI::Option* option, std::vector<std::string> words) {
    option->check(CLI::Validator(
        [words](const std::string& value) {
            for (const auto& word : words) {
                if (word == value) return std::string();
            }
            return text("'", value, "' is none of ", joined(words), did_you_mean(value, words));
        },
        ""));
}

}  // namespace shoal::cli
