// Every choice of boards as a number: how many of each kind are in use, counted in mixed radix, so that taking one
// board more is adding a stride and every choice comes after those inside it.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace shoal::plan {

class Lattice {
public:
    /// Most kinds of boards that a lattice tells apart.
    static constexpr std::size_t kMostKinds = 32;

    /// `counts`: boards of each kind, at least 1 each. Throws internal above kMostKinds.
    explicit Lattice(std::vector<std::uint32_t> counts);

    /// How many choices there are; saturates. Cheap: for deciding whether to make a lattice at all.
    [[nodiscard]] static std::uint64_t states(const std::vector<std::uint32_t>& counts) noexcept;

    [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(free_.size()); }
    [[nodiscard]] std::uint32_t kinds() const noexcept { return static_cast<std::uint32_t>(counts_.size()); }
    [[nodiscard]] std::uint32_t stride(std::uint32_t kind) const { return strides_[kind]; }
    /// Kinds of which a board is left, as bits.
    [[nodiscard]] std::uint32_t free(std::uint32_t state) const { return free_[state]; }
    [[nodiscard]] std::uint32_t boards(std::uint32_t state) const { return boards_[state]; }
    [[nodiscard]] std::uint32_t count(std::uint32_t state, std::uint32_t kind) const {
        return state / strides_[kind] % (counts_[kind] + 1);
    }
    [[nodiscard]] bool inside(std::uint32_t part, std::uint32_t whole) const;
    /// The state of these counts, one a kind.
    [[nodiscard]] std::uint32_t state_of(const std::vector<std::uint32_t>& counts) const;

private:
    std::vector<std::uint32_t> counts_, strides_, free_, boards_;
};

/// Calls use(kind) for every set bit.
template <class Use>
void for_each_kind(std::uint32_t bits, Use&& use) {
    for (; bits != 0; bits &= bits - 1)
        use(static_cast<std::uint32_t>(std::countr_zero(bits)));
}

}  // namespace shoal::plan
