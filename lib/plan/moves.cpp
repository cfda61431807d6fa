#include "plan/moves.hpp"

#include <algorithm>

namespace shoal::plan {

using bits::Word;

Moves::Moves(const Instance& instance, std::uint32_t kind, const std::uint32_t* furthest, bool may_finish)
    : words(instance.words()), live(words, 0), odd(words, 0) {
    const std::uint32_t size = instance.size();
    extra.assign(std::size_t{size} * words, 0);
    base.assign(size, 0);
    std::uint32_t least = size;  // of the intervals of all later starts
    for (std::uint32_t first = size; first-- > 0;) {
        Word* const row = &extra[std::size_t{first} * words];
        const std::uint32_t far = furthest == nullptr ? size : furthest[first];
        if (far <= first) continue;
        bits::fill(row, first + 1, far);
        const Word* const ends = instance.ends(kind, first);
        for (std::uint32_t w = 0; w < words; ++w)
            row[w] &= ends[w];
        if (far == size && !may_finish) bits::clear(row, size);
        if (bits::next(row, 0, size + 1) > size) continue;
        bits::set(live.data(), first);
        least = std::min(least, bits::next_gap(row, first + 1, size + 1) - 1);
        base[first] = least;
        for (std::uint32_t last = first + 1; last <= least; ++last)
            bits::clear(row, last);
        if (bits::next(row, 0, size + 1) <= size) bits::set(odd.data(), first);
    }
}

}  // namespace shoal::plan
