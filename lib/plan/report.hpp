// A plan in words and simple drawings, as lines for a terminal. Pure functions; who prints them is the caller's affair.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.hpp"
#include "plan/problem.hpp"

namespace shoal::plan {

struct ReportOptions {
    std::size_t width = 80;        ///< no line is longer; at least 40
    std::size_t most_stages = 32;  ///< what is beyond is counted, not listed
};

/// What all stages on one board need of it together.
struct BoardMemory {
    std::uint32_t board = 0;  ///< index into Cluster::boards
    std::size_t stages = 0;
    std::uint64_t memory_bytes = 0, memory_limit = 0;
};
/// Boards with a stage, in the cluster's order.
[[nodiscard]] std::vector<BoardMemory> memory_by_board(const Prediction& prediction);

/// Everything: objective, latency and rate beside their bounds, the drawing, each stage with its operators, its
/// messages and its memory against the limit, and what each board's stages need together.
[[nodiscard]] std::vector<std::string> report(const Problem& problem, const Plan& plan,
                                              const ReportOptions& options = {});

/// The way of a request, one line a branch (longer ones wrap): "hub =3.0 KiB=> a =12 KiB=> b =40 B=> hub".
[[nodiscard]] std::vector<std::string> draw(const Problem& problem, const Plan& plan,
                                            const ReportOptions& options = {});

/// "[######....]" of `width` characters; a full bar is the limit.
[[nodiscard]] std::string memory_bar(std::uint64_t used, std::uint64_t limit, std::size_t width);

/// `text` in at most `width` bytes, its middle left out when it is longer: "layer1..conv".
[[nodiscard]] std::string shortened(std::string_view text, std::size_t width);

}  // namespace shoal::plan
