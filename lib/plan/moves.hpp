// Where the stages of one kind of board may end, laid out so that many starts are answered at once.
//
// For a start that can do anything at all the ends are all of (start, base] and, for the odd ones, a row of extra
// positions. base never falls from start to start, so a run of starts is one interval, and a minimum over starts is a
// sliding window.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/instance.hpp"

namespace shoal::plan {

struct Moves {
    /// `furthest`: per start the last end to count, or nullptr for no limit but memory; `may_finish`: whether the end
    /// of the chain counts.
    Moves(const Instance& instance, std::uint32_t kind, const std::uint32_t* furthest, bool may_finish);

    [[nodiscard]] bool can_end(std::uint32_t first, std::uint32_t last) const {
        return (last > first && last <= base[first]) || bits::test(extra_row(first), last);
    }
    [[nodiscard]] const bits::Word* extra_row(std::uint32_t first) const { return &extra[std::size_t{first} * words]; }

    std::uint32_t words;
    std::vector<bits::Word> live;     ///< starts with any end
    std::vector<bits::Word> odd;      ///< starts with extra ends
    std::vector<bits::Word> extra;    ///< one row a start
    std::vector<std::uint32_t> base;  ///< by start; at or below the start: no interval
};

}  // namespace shoal::plan
