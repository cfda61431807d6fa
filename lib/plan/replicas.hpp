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
    /// Few choices of boards are searched one by one; for many, some dozen periods are tried for all of them at once
    /// (plan/reach.hpp), and each choice takes the first that it can keep.
    ReplicaTable(const Instance& instance, const Lattice& lattice, const SearchOptions& options);

    /// Period of the best single pipeline of these boards, not necessarily all of them; infinity: none.
    [[nodiscard]] double period(std::uint32_t state) const { return periods_[state]; }
    /// Requests per second of the best division of these boards into cells; 0: none.
    [[nodiscard]] double rate(std::uint32_t state) const { return rates_[state]; }
    /// The cells of that division, as states.
    [[nodiscard]] std::vector<std::uint32_t> cells(std::uint32_t state) const;
    /// No division of all boards answers more, with these credits; infinity: not known.
    [[nodiscard]] double rate_bound() const noexcept { return rate_bound_; }

private:
    void search_each(const SearchOptions& options);
    void sweep(const SearchOptions& options);
    // By the lowest kind in them.
    using Cells = std::vector<std::vector<std::uint32_t>>;
    [[nodiscard]] Cells worthwhile_cells(const std::vector<double>& periods, const SearchOptions& options) const;
    void divide(const std::vector<double>& periods, const Cells& cells);

    const Instance& instance_;
    const Lattice& lattice_;
    double rate_bound_;
    std::vector<double> periods_, rates_;
    std::vector<std::uint32_t>
        choice_;  // the first cell of the best division; 0: a board of the lowest kind stays idle
};

}  // namespace shoal::plan
