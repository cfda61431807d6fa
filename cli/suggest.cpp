#include "cli/suggest.hpp"

#include <algorithm>

namespace shoal::cli {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

// Optimal string alignment (Damerau-Levenshtein without edits inside of a swap), row by row.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        above[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0U : 1U)});
            const bool swapped =
                i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(above);
        above.swap(row);
    }
    return above[b.size()];
}

std::optional<std::string> nearest(std::string_view name, const std::vector<std::string>& candidates) {
    constexpr std::size_t kLongest = 200;  // the work grows with the square
    std::optional<std::string> out;
    std::size_t best = 0;
    for (const auto& candidate : candidates) {
        if (name.size() > kLongest || candidate.size() > kLongest) continue;
        const std::size_t distance = edit_distance(name, candidate);
        if (distance > std::max<std::size_t>(1, candidate.size() / 3) || distance >= candidate.size()) continue;
        if (out && distance >= best) continue;
        best = distance;
        out = candidate;
    }
    return out;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
    const auto near = nearest(name, candidates);
    return near ? "; did you mean '" + *near + "'?" : "";
}

}  // namespace shoal::cli
