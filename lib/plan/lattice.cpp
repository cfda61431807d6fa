#include "plan/lattice.hpp"

#include <limits>

#include "base/error.hpp"

namespace shoal::plan {

std::uint64_t Lattice::states(const std::vector<std::uint32_t>& counts) noexcept {
    std::uint64_t out = 1;
    for (const auto count : counts) {
        if (__builtin_mul_overflow(out, std::uint64_t{count} + 1, &out))
            return std::numeric_limits<std::uint64_t>::max();
    }
    return out;
}

Lattice::Lattice(std::vector<std::uint32_t> counts) : counts_(std::move(counts)) {
    const std::uint64_t total = states(counts_);
    base::ensure(counts_.size() <= kMostKinds && total <= std::numeric_limits<std::uint32_t>::max() / 2, counts_.size(),
                 " kinds of boards make ", total, " states");
    std::uint32_t stride = 1;
    for (const auto count : counts_) {
        strides_.push_back(stride);
        stride *= count + 1;
    }
    free_.resize(total);
    boards_.resize(total);
    for (std::uint32_t state = 0; state < size(); ++state) {
        for (std::uint32_t kind = 0; kind < kinds(); ++kind) {
            const std::uint32_t used = count(state, kind);
            boards_[state] += used;
            if (used < counts_[kind]) free_[state] |= 1U << kind;
        }
    }
}

bool Lattice::inside(std::uint32_t part, std::uint32_t whole) const {
    for (std::uint32_t kind = 0; kind < kinds(); ++kind) {
        if (count(part, kind) > count(whole, kind)) return false;
    }
    return true;
}

std::uint32_t Lattice::state_of(const std::vector<std::uint32_t>& counts) const {
    std::uint32_t out = 0;
    for (std::uint32_t kind = 0; kind < kinds(); ++kind)
        out += counts[kind] * strides_[kind];
    return out;
}

}  // namespace shoal::plan
