#include "plan/reach.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace shoal::plan {

PeriodLimits::PeriodLimits(const Instance& instance, double period)
    : entries(instance.entries()), words(instance.words()) {
    // Sums of compute are differences of running totals; the slack is far above their rounding and far below what
    // anybody could measure.
    const double limit = period * (1 + 1e-9);
    const std::uint32_t size = instance.size();
    furthest.resize(std::size_t{instance.kinds()} * size);
    sends_rows.assign(std::size_t{instance.kinds()} * entries * words, 0);
    for (std::uint32_t q = 0; q < instance.kinds(); ++q) {
        std::uint32_t last = 0;
        for (std::uint32_t first = 0; first < size; ++first) {
            last = std::max(last, first);
            while (last < size && instance.seconds(q, first, last + 1) <= limit)
                ++last;
            furthest[std::size_t{q} * size + first] = last;
        }
        for (std::uint32_t e = 0; e < entries; ++e) {
            bits::Word* const row = &sends_rows[(std::size_t{q} * entries + e) * words];
            for (std::uint32_t cut = 1; cut < size; ++cut) {
                if (instance.period_s(q, e, cut) <= limit) bits::set(row, cut);
            }
        }
        if (instance.input_period_s(q) <= limit) starts |= 1U << q;
        if (instance.output_period_s(q) <= limit) finishes |= 1U << q;
    }
}

namespace {

// The last position in [first, last] that is in both rows; 0 when there is none.
std::uint32_t last_of_both(const bits::Word* a, const bits::Word* b, std::uint32_t first, std::uint32_t last) {
    for (std::uint32_t w = last / 64 + 1; w-- > first / 64;) {
        bits::Word word = a[w] & b[w];
        if (w == last / 64) word &= bits::up_to(last);
        if (w == first / 64) word &= bits::from(first);
        if (word != 0) return w * 64 + 63 - static_cast<std::uint32_t>(std::countl_zero(word));
    }
    return 0;
}

}  // namespace

void FurthestReach::find_moves(double period) {
    const PeriodLimits limits(instance_, period);
    const std::uint32_t size = instance_.size();
    entries_ = instance_.entries();
    starts_ = limits.starts;
    next_.assign(std::size_t{instance_.kinds()} * entries_ * size, 0);
    finishes_.assign(std::size_t{instance_.kinds()} * size, 0);
    for (std::uint32_t q = 0; q < instance_.kinds(); ++q) {
        for (std::uint32_t first = 0; first < size; ++first) {
            const std::uint32_t far = limits.furthest[std::size_t{q} * size + first];
            const bits::Word* const ends = instance_.ends(q, first);
            finishes_[std::size_t{q} * size + first] =
                far == size && bits::test(ends, size) && (limits.finishes >> q & 1) != 0;
            const std::uint32_t last = std::min(far, size - 1);
            if (last <= first) continue;
            for (std::uint32_t e = 0; e < entries_; ++e)
                next_[(std::size_t{q} * entries_ + e) * size + first] =
                    last_of_both(ends, limits.sends(q, e), first + 1, last);
        }
    }
}

// An earlier start can do all that a later one can, and every message takes the best link there is.
void FurthestReach::relax_moves() {
    const std::uint32_t size = instance_.size();
    for (std::uint32_t q = 0; q < instance_.kinds(); ++q) {
        std::uint32_t best = 0;
        std::uint8_t ends = 0;
        for (std::uint32_t first = 0; first < size; ++first) {
            for (std::uint32_t e = 0; e < entries_; ++e)
                best = std::max(best, next_[(std::size_t{q} * entries_ + e) * size + first]);
            next_[std::size_t{q} * entries_ * size + first] = std::max(best, first);  // a board may stay idle
            finishes_[std::size_t{q} * size + first] = ends |= finishes_[std::size_t{q} * size + first];
        }
        if (entries_ == 1) continue;
        std::copy_n(next_.begin() + static_cast<std::ptrdiff_t>(std::size_t{q} * entries_ * size), size,
                    next_.begin() + static_cast<std::ptrdiff_t>(std::size_t{q} * size));
    }
    entries_ = 1;
}

void FurthestReach::run(double period, bool relaxed) {
    find_moves(period);
    if (relaxed) relax_moves();
    const std::uint32_t size = instance_.size();
    start_.assign(std::size_t{lattice_.size()} * entries_, 0);
    done_.assign(lattice_.size(), 0);
    for (std::uint32_t state = 0; state < lattice_.size(); ++state) {
        for_each_kind(state == 0 ? lattice_.free(0) & starts_ : lattice_.free(state), [&](std::uint32_t q) {
            const std::uint32_t own = entries_ == 1 ? 0 : instance_.entry(q);
            const std::uint32_t first = start_[std::size_t{state} * entries_ + own];
            if (first == 0 && state != 0) return;
            const std::uint32_t after = state + lattice_.stride(q);
            done_[after] |= finishes_[std::size_t{q} * size + first];
            const std::uint32_t* const next = &next_[std::size_t{q} * entries_ * size + first];
            std::uint32_t* const starts = &start_[std::size_t{after} * entries_];
            for (std::uint32_t e = 0; e < entries_; ++e)
                starts[e] = std::max(starts[e], next[std::size_t{e} * size]);
        });
    }
}

std::uint64_t FurthestReach::steps() const {
    return std::uint64_t{lattice_.size()} * instance_.kinds() * instance_.entries() +
           std::uint64_t{instance_.kinds()} * instance_.size() * instance_.entries();
}

std::vector<KindStage> FurthestReach::stages(std::uint32_t state) const {
    base::ensure(done(state), "stages of a choice of boards that does not reach the end");
    const std::uint32_t size = instance_.size();
    std::vector<KindStage> out;
    std::uint32_t target = size, entry = 0;  // target == size: the answer, which enters nowhere
    while (target != 0) {
        for (std::uint32_t q = 0;; ++q) {
            base::ensure(q < instance_.kinds(), "no way back to position ", target);
            if (lattice_.count(state, q) == 0) continue;
            const std::uint32_t before = state - lattice_.stride(q);
            if (before == 0 && (starts_ >> q & 1) == 0) continue;
            const std::uint32_t first = start_[std::size_t{before} * entries_ + instance_.entry(q)];
            if (before != 0 && first == 0) continue;
            const bool there = target == size ? finishes_[std::size_t{q} * size + first] != 0
                                              : next_[(std::size_t{q} * entries_ + entry) * size + first] == target;
            if (!there) continue;
            out.push_back({q, first, target});
            target = first;
            entry = instance_.entry(q);
            state = before;
            break;
        }
    }
    std::reverse(out.begin(), out.end());
    return out;
}

}  // namespace shoal::plan
