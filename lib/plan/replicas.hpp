// Many pipelines side by side: how to divide boards into cells, each running the whole model, so that together they
// answer the most requests. A cell may be a single board.
//
// The table knows the shortest period of every choice of boards, and from that the best division of every choice. So it
// also answers at once what to do when boards are lost (failover.hpp).
#pragma once

#include <cstdint>
#include <vector>

#include "plan/instance.hpp"
#include "plan/lattice.hpp"
#include "plan/search.hpp"

namespace shoal::plan {

class ReplicaTable {
public:
    /// Takes the time of some dozen runs of a reach (plan/reach.hpp).
    ReplicaTable(const Instance& instance, const Lattice& lattice, const SearchOptions& options);

    /// Period of the best single pipeline of these boards, not necessarily all of them; infinity: none.
    [[nodiscard]] double period(std::uint32_t state) const { return periods_[state]; }
    /// Requests per second of the best division of these boards into cells; 0: none.
    [[nodiscard]] double rate(std::uint32_t state) const { return rates_[state]; }
    /// The cells of that division, as states.
    [[nodiscard]] std::vector<std::uint32_t> cells(std::uint32_t state) const;
    /// True when periods and rates are the best there are, not only near them.
    [[nodiscard]] bool exact() const noexcept { return exact_; }

private:
    void sweep(const std::vector<double>& periods, const SearchOptions& options);
    [[nodiscard]] std::vector<std::vector<std::uint32_t>> worthwhile_cells(const SearchOptions& options) const;
    void divide(const std::vector<std::vector<std::uint32_t>>& cells);

    const Instance& instance_;
    const Lattice& lattice_;
    bool exact_ = false;
    std::vector<double> periods_, rates_;
    std::vector<std::uint32_t>
        choice_;  // the first cell of the best division; 0: a board of the lowest kind stays idle
};

}  // namespace shoal::plan
