#include "base/units.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/error.hpp"

namespace shoal::base {
namespace {

constexpr std::pair<std::string_view, double> kUnits[] = {
    {"", 1},
    {"B", 1},
    {"K", 1024.},
    {"KIB", 1024.},
    {"KB", 1e3},
    {"M", 1048576.},
    {"MIB", 1048576.},
    {"MB", 1e6},
    {"G", 1073741824.},
    {"GIB", 1073741824.},
    {"GB", 1e9},
    {"T", 1099511627776.},
    {"TIB", 1099511627776.},
    {"TB", 1e12},
};

// The host program's locale may write a decimal comma; we do not.
std::string printed(const char* format, double value) {
    std::array<char, 48> buffer{};
    std::snprintf(buffer.data(), buffer.size(), format, value);
    std::replace(buffer.begin(), buffer.end(), ',', '.');
    return buffer.data();
}

// Digits with at most one point among them, whatever the locale; absent for anything else.
std::optional<double> decimal(std::string_view text) {
    double value = 0, scale = 1;
    bool behind_point = false, any = false;
    for (const char c : text) {
        if (c == '.' && !behind_point) {
            behind_point = true;
            continue;
        }
        if (c < '0' || c > '9') return std::nullopt;
        any = true;
        value = value * 10 + (c - '0');
        if (behind_point) scale *= 10;
    }
    if (!any) return std::nullopt;
    return value / scale;
}

std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return out;
}

}  // namespace

std::uint64_t parse_bytes(std::string_view text) {
    const auto digits = text.find_first_not_of("0123456789.");
    const auto number = decimal(text.substr(0, digits));
    std::string_view unit = digits == std::string_view::npos ? "" : text.substr(digits);
    while (!unit.empty() && unit.front() == ' ')
        unit.remove_prefix(1);
    const std::string wanted = upper(unit);
    for (const auto& [name, factor] : kUnits) {
        if (!number || wanted != name) continue;
        const double bytes = *number * factor;
        if (bytes < 9e18) return static_cast<std::uint64_t>(std::llround(bytes));
    }
    fail(Code::invalid_argument, "'", text, "' is not a size; write it as 65536, 512KiB, 64MiB or 1.5GiB");
}

std::string format_bytes(std::uint64_t bytes) {
    constexpr const char* kNames[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < std::size(kNames)) {
        value /= 1024;
        ++unit;
    }
    const bool whole = unit == 0 || value >= 100 || value == std::floor(value);
    return printed(whole ? "%.0f " : "%.1f ", value) + kNames[unit];
}

std::string format_ms(double ms) {
    const auto three = [](double value) { return value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f"; };
    if (ms < 1) return printed(three(ms * 1e3), ms * 1e3) + " us";
    if (ms < 1e3) return printed(three(ms), ms) + " ms";
    return printed(three(ms / 1e3), ms / 1e3) + " s";
}

}  // namespace shoal::base
