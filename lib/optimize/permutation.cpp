#include "optimize/permutation.hpp"

#include <algorithm>
#include <numeric>

namespace shoal::optimize {

Ints identity(int rank) {
    Ints out(static_cast<std::size_t>(rank));
    std::iota(out.begin(), out.end(), 0);
    return out;
}

bool is_identity(const Ints& perm) {
    return std::is_sorted(perm.begin(), perm.end());
}

Ints inverse(const Ints& perm) {
    Ints out(perm.size());
    for (std::size_t k = 0; k < perm.size(); ++k)
        out[static_cast<std::size_t>(perm[k])] = static_cast<std::int64_t>(k);
    return out;
}

Ints compose(const Ints& first, const Ints& second) {
    Ints out(second.size());
    for (std::size_t k = 0; k < second.size(); ++k)
        out[k] = first[static_cast<std::size_t>(second[k])];
    return out;
}

Shape permuted(const Shape& base, const Ints& perm) {
    Ints out;
    for (const auto axis : perm)
        out.push_back(base[static_cast<int>(axis)]);
    return Shape(std::move(out));
}

Ints to_base(const Ints& entries, const Ints& perm) {
    Ints out(entries.size());
    for (std::size_t k = 0; k < perm.size(); ++k)
        out[static_cast<std::size_t>(perm[k])] = entries[k];
    return out;
}

bool only_moves_ones(const Shape& base, const Ints& perm) {
    std::int64_t previous = -1;
    for (const auto axis : perm) {
        if (base[static_cast<int>(axis)] == 1) continue;
        if (axis < previous) return false;
        previous = axis;
    }
    return true;
}

namespace {

// Axes of both sides of a reshape that belong together: the smallest runs with equal products.
struct Run {
    std::vector<std::size_t> from, to;  // axes of extent other than 1
};

std::vector<std::size_t> large_axes(const Shape& shape) {
    std::vector<std::size_t> out;
    for (int k = 0; k < shape.rank(); ++k) {
        if (shape[k] != 1) out.push_back(static_cast<std::size_t>(k));
    }
    return out;
}

std::vector<Run> runs(const Shape& from, const Shape& to) {
    const auto left = large_axes(from), right = large_axes(to);
    std::vector<Run> out;
    std::size_t i = 0, j = 0;
    while (i < left.size() && j < right.size()) {
        Run run{{left[i]}, {right[j]}};
        std::int64_t a = from[static_cast<int>(left[i++])], b = to[static_cast<int>(right[j++])];
        while (a != b) {
            if (a < b) {
                if (i == left.size()) return {};
                a *= from[static_cast<int>(left[i])];
                run.from.push_back(left[i++]);
            } else {
                if (j == right.size()) return {};
                b *= to[static_cast<int>(right[j])];
                run.to.push_back(right[j++]);
            }
        }
        out.push_back(std::move(run));
    }
    return out;
}

}  // namespace

std::optional<PushedReshape> push_reshape(const Shape& base, const Ints& perm, const Shape& to) {
    if (base.count() == 0) return std::nullopt;
    const Shape seen = permuted(base, perm);
    auto found = runs(seen, to);
    // Where the large axes of the base stand, axes of extent 1 left out.
    Ints place(static_cast<std::size_t>(base.rank()), -1);
    std::int64_t next = 0;
    for (const auto axis : large_axes(base))
        place[axis] = next++;
    const auto place_of = [&](std::size_t axis) { return place[static_cast<std::size_t>(perm[axis])]; };
    for (const Run& run : found) {
        for (std::size_t k = 1; k < run.from.size(); ++k) {
            if (place_of(run.from[k]) != place_of(run.from[k - 1]) + 1) return std::nullopt;
        }
    }
    std::sort(found.begin(), found.end(),
              [&](const Run& a, const Run& b) { return place_of(a.from[0]) < place_of(b.from[0]); });
    PushedReshape out{Shape{}, Ints(static_cast<std::size_t>(to.rank()), -1)};
    Ints extents;
    for (int k = 0; k < to.rank(); ++k) {
        if (to[k] != 1) continue;
        out.perm[static_cast<std::size_t>(k)] = static_cast<std::int64_t>(extents.size());
        extents.push_back(1);
    }
    for (const Run& run : found) {
        for (const auto axis : run.to) {
            out.perm[axis] = static_cast<std::int64_t>(extents.size());
            extents.push_back(to[static_cast<int>(axis)]);
        }
    }
    if (static_cast<int>(extents.size()) != to.rank()) return std::nullopt;
    out.base = Shape(std::move(extents));
    return out;
}

std::optional<Ints> order_for_reshape(const Shape& base, const Ints& perm, const Shape& to) {
    auto found = runs(permuted(base, perm), to);
    if (base.count() == 0 || found.empty()) return std::nullopt;
    const auto base_axis = [&](std::size_t axis) { return perm[axis]; };
    // A run goes where its last axis in memory is; inside it, its axes stand as the reshape wants them.
    const auto place = [&](const Run& run) {
        std::int64_t last = 0;
        for (const auto axis : run.from)
            last = std::max(last, base_axis(axis));
        return last;
    };
    std::sort(found.begin(), found.end(), [&](const Run& a, const Run& b) { return place(a) < place(b); });
    Ints out;
    for (int k = 0; k < base.rank(); ++k) {
        if (base[k] == 1) out.push_back(k);
    }
    for (const Run& run : found) {
        for (const auto axis : run.from)
            out.push_back(base_axis(axis));
    }
    if (static_cast<int>(out.size()) != base.rank()) return std::nullopt;
    return out;
}

}  // namespace shoal::optimize
