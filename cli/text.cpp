#include "cli/text.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace shoal::cli {
namespace {

bool starts_character(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

// Bytes of the first `count` characters.
std::size_t prefix_bytes(std::string_view text, std::size_t count) {
    std::size_t at = 0;
    while (at < text.size() && (count > 0 || !starts_character(text[at])))
        count -= starts_character(text[at++]) ? 1 : 0;
    return at;
}

}  // namespace

std::size_t width(std::string_view text) noexcept {
    std::size_t out = 0;
    for (const char c : text)
        out += starts_character(c) ? 1 : 0;
    return out;
}

std::string printable(std::string_view text, bool lines) {
    std::string out(text);
    for (char& c : out) {
        const auto code = static_cast<unsigned char>(c);
        if ((code < 0x20 || code == 0x7F) && !(lines && c == '\n')) c = '?';
    }
    // U+0080 to U+009F are control characters too, in UTF-8 the bytes C2 80 to C2 9F.
    for (std::size_t i = 0; i + 1 < out.size(); ++i) {
        if (static_cast<unsigned char>(out[i]) == 0xC2 && static_cast<unsigned char>(out[i + 1]) < 0xA0)
            out.replace(i, 2, "?");
    }
    return out;
}

std::string fitted(std::string_view text, std::size_t most) {
    if (width(text) <= most) return std::string(text);
    if (most <= 3) return std::string(text.substr(0, prefix_bytes(text, most)));
    return std::string(text.substr(0, prefix_bytes(text, most - 3))) + "...";
}

std::string fitted_middle(std::string_view text, std::size_t most) {
    const std::size_t length = width(text);
    if (length <= most || most <= 5) return fitted(text, most);
    const std::size_t tail = (most - 3 + 1) / 2, head = most - 3 - tail;
    return std::string(text.substr(0, prefix_bytes(text, head))) + "..." +
           std::string(text.substr(prefix_bytes(text, length - tail)));
}

std::string left(std::string_view text, std::size_t least) {
    const std::size_t have = width(text);
    return std::string(text) + std::string(have < least ? least - have : 0, ' ');
}

std::string right(std::string_view text, std::size_t least) {
    const std::size_t have = width(text);
    return std::string(have < least ? least - have : 0, ' ') + std::string(text);
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t columns) {
    std::string out;
    for (const auto& paragraph : split(text, "\n")) {
        std::string line;
        for (const auto& word : split(paragraph, " ")) {
            if (word.empty()) continue;
            if (!line.empty() && indent + width(line) + 1 + width(word) > columns) {
                out += std::string(indent, ' ') + line + '\n';
                line.clear();
            }
            line += (line.empty() ? "" : " ") + word;
        }
        out += (line.empty() ? "" : std::string(indent, ' ')) + line + '\n';
    }
    return out;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
    std::string out;
    for (const auto& part : parts) {
        if (&part != &parts.front()) out += between;
        out += part;
    }
    return out;
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
    std::vector<std::string> out;
    while (true) {
        const auto end = text.find_first_of(separators);
        std::string_view piece = text.substr(0, end);
        while (!piece.empty() && piece.front() == ' ')
            piece.remove_prefix(1);
        while (!piece.empty() && piece.back() == ' ')
            piece.remove_suffix(1);
        out.emplace_back(piece);
        if (end == std::string_view::npos) return out;
        text.remove_prefix(end + 1);
    }
}

std::string number(double value, int digits) {
    std::array<char, 48> buffer{};
    // Thousands in full: 1024, not 1.02e+03.
    const bool whole = std::fabs(value) >= std::pow(10.0, digits) && std::fabs(value) < 1e15;
    std::snprintf(buffer.data(), buffer.size(), "%.*g", whole ? 15 : digits, whole ? std::round(value) : value);
    return buffer.data();
}

std::string counted(long long count, std::string_view noun) {
    return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace shoal::cli
