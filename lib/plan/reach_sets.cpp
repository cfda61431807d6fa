#include <algorithm>

#include "base/error.hpp"
#include "plan/reach.hpp"

namespace shoal::plan {

using bits::Word;

void ReachSets::expand(const Moves& moves, const Word* starts, Word* ends) const {
    const std::uint32_t size = instance_.size(), words = instance_.words();
    std::fill_n(ends, words, Word{0});
    for (std::uint32_t first = bits::next(starts, 0, size); first < size;) {
        const std::uint32_t reached = moves.base[first];
        if (reached > first) bits::fill(ends, first + 1, reached);
        // The last start inside the run goes on furthest; none inside: the next run begins behind.
        const std::uint32_t inside = reached > first ? bits::last(starts, std::min(reached, size - 1)) : first;
        first = inside > first ? inside : bits::next(starts, std::max(first, reached) + 1, size);
    }
    for (std::uint32_t w = 0; w < words; ++w) {
        for (Word odd = starts[w] & moves.odd[w]; odd != 0; odd &= odd - 1) {
            const std::size_t first = std::size_t{w} * 64 + static_cast<std::size_t>(std::countr_zero(odd));
            const Word* const row = &moves.extra[first * words];
            for (std::uint32_t v = w; v < words; ++v)
                ends[v] |= row[v];
        }
    }
}

void ReachSets::run(double period) {
    const PeriodLimits limits(instance_, period);
    const std::uint32_t size = instance_.size(), words = instance_.words(), entries = instance_.entries();
    moves_.clear();
    for (std::uint32_t q = 0; q < instance_.kinds(); ++q)
        moves_.emplace_back(instance_, q, &limits.furthest[std::size_t{q} * size], (limits.finishes >> q & 1) != 0);
    sends_ = limits.sends_rows;
    starting_ = limits.starts;
    start_.assign(std::size_t{lattice_.size()} * entries * words, 0);
    done_.assign(lattice_.size(), 0);
    std::vector<Word> from(words), ends(words);
    for (std::uint32_t e = 0; e < entries; ++e)
        bits::set(&start_[std::size_t{e} * words], 0);
    for (std::uint32_t state = 0; state < lattice_.size(); ++state) {
        for_each_kind(state == 0 ? lattice_.free(0) & starting_ : lattice_.free(state), [&](std::uint32_t q) {
            const Moves& moves = moves_[q];
            const Word* const starting = starts(state, instance_.entry(q));
            Word any = 0;
            for (std::uint32_t w = 0; w < words; ++w)
                any |= from[w] = starting[w] & moves.live[w];
            if (any == 0) return;
            expand(moves, from.data(), ends.data());
            const std::uint32_t after = state + lattice_.stride(q);
            if (bits::test(ends.data(), size)) done_[after] = 1;
            const Word* sends = &sends_[std::size_t{q} * entries * words];
            Word* target = &start_[std::size_t{after} * entries * words];
            for (std::uint32_t i = 0; i < entries * words; ++i)
                target[i] |= ends[i % words] & sends[i];
        });
    }
}

std::uint64_t ReachSets::bytes() const {
    return std::uint64_t{lattice_.size()} * instance_.entries() * instance_.words() * sizeof(Word);
}

std::uint64_t ReachSets::steps() const {
    return std::uint64_t{lattice_.size()} * instance_.kinds() * (12 + instance_.words() * (1 + instance_.entries()));
}

std::vector<KindStage> ReachSets::stages(std::uint32_t state) const {
    base::ensure(done(state), "stages of a choice of boards that does not reach the end");
    const std::uint32_t size = instance_.size(), words = instance_.words();
    std::vector<KindStage> out;
    std::uint32_t target = size, entry = 0;
    while (target != 0) {
        bool found = false;
        for (std::uint32_t q = 0; q < instance_.kinds() && !found; ++q) {
            if (lattice_.count(state, q) == 0) continue;
            const std::uint32_t before = state - lattice_.stride(q);
            if (before == 0 && (starting_ >> q & 1) == 0) continue;
            const Word* const sends = &sends_[(std::size_t{q} * instance_.entries() + entry) * words];
            if (target != size && !bits::test(sends, target)) continue;
            const Word* const starting = starts(before, instance_.entry(q));
            for (std::uint32_t first = target; first-- > 0 && !found;) {
                if (!bits::test(starting, first) || !moves_[q].can_end(first, target)) continue;
                out.push_back({q, first, target});
                target = first;
                entry = instance_.entry(q);
                state = before;
                found = true;
            }
        }
        base::ensure(found, "no way back to position ", target);
    }
    std::reverse(out.begin(), out.end());
    return out;
}

}  // namespace shoal::plan
