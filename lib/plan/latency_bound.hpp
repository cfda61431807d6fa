// What a pipeline that has come to some position must still take at least: the guide and the certificate of the latency
// search.
//
// It forgets that a board can be used only once and charges for every use instead (a Lagrangian relaxation, as Held and
// Karp's for tours: "The traveling-salesman problem and minimum spanning trees", 1970). For any prices this is a bound;
// good prices are found by subgradient steps.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/instance.hpp"
#include "plan/lattice.hpp"
#include "plan/moves.hpp"

namespace shoal::plan {

class LatencyBound {
public:
    /// `moves`: of each kind, without a limit but memory. `stages`: exactly so many in all; 0: any number.
    LatencyBound(const Instance& instance, const Lattice& lattice, const std::vector<Moves>& moves);

    /// Improves the prices toward `target`, the best latency known; stops early when the bound is close to it.
    void tighten(double target, int rounds);

    /// Seconds from `position`, whose message has arrived at a board of `entry`, to the answer at the hub, when the
    /// boards of `state` are used up already.
    [[nodiscard]] double rest(std::uint32_t state, std::uint32_t entry, std::uint32_t position) const {
        return rest_[std::size_t{entry} * (size_ + 1) + position] - left_[state];
    }
    /// rest() without what depends on the state, by position; and that.
    [[nodiscard]] const double* rests(std::uint32_t entry) const { return &rest_[std::size_t{entry} * (size_ + 1)]; }
    [[nodiscard]] double left(std::uint32_t state) const { return left_[state]; }
    /// No pipeline at all is faster.
    [[nodiscard]] double whole() const noexcept { return whole_; }

private:
    void solve();
    void uses(std::vector<int>& counts) const;
    void charge_states();

    const Instance& instance_;
    const Lattice& lattice_;
    const std::vector<Moves>& moves_;
    std::uint32_t size_, entries_;
    std::vector<double> transfer_;                 // [(kind * entries + entry) * (size + 1) + cut]
    std::vector<double> price_, rest_, left_;      // by kind; [entry * (size + 1) + position]; by state
    std::vector<std::uint32_t> by_kind_, by_end_;  // the choice behind rest_
    std::uint32_t first_kind_ = 0, first_end_ = 0;
    double whole_ = 0;
};

}  // namespace shoal::plan
