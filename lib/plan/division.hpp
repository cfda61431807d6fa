// Boards divided into cells for throughput: the table of plan/replicas.hpp applied to a problem, every cell then
// searched exactly on its own boards. Clusters too large for one table are dealt into equal parts.
#pragma once

#include <optional>
#include <vector>

#include "plan/chain.hpp"
#include "plan/pipeline.hpp"
#include "plan/problem.hpp"

namespace shoal::plan {

struct Cell {
    Pipeline pipeline;
    double period_s = 0;
};

struct Division {
    std::vector<Cell> cells;
    std::uint32_t credits = 1;
    double gap = 0;  ///< no division of these boards is better by more than this part; infinity: not known

    [[nodiscard]] double rate() const noexcept {
        double out = 0;
        for (const Cell& cell : cells)
            out += 1 / cell.period_s;
        return out;
    }
};

/// `most_rate`: requests per second beyond which nothing is gained; cells that are not needed for it are left out.
/// Nothing when no cell fits.
[[nodiscard]] std::optional<Division> best_division(const Problem& problem, const Chain& chain, std::uint32_t model,
                                                    const std::vector<std::uint32_t>& boards, double most_rate);

/// The best single pipeline for the objective, with the credits that serve it most; `gap` as in Prediction.
struct PipelineChoice {
    Pipeline pipeline;
    std::uint32_t credits = 1;
    double value = 0, gap = 0;
};
[[nodiscard]] std::optional<PipelineChoice> best_pipeline(const Problem& problem, const Chain& chain,
                                                          std::uint32_t model, const std::vector<std::uint32_t>& boards,
                                                          Objective objective);

/// The most credits, up to the options', with which the stages still fit.
[[nodiscard]] std::uint32_t most_credits(const Problem& problem, const Chain& chain, std::uint32_t model,
                                         const Pipeline& pipeline);

/// Of too many unlike boards for one search those most likely to serve: by speed, or by memory.
[[nodiscard]] std::vector<std::uint32_t> searchable_boards(const Problem& problem, std::uint32_t model,
                                                           const std::vector<std::uint32_t>& boards, bool by_memory);

}  // namespace shoal::plan
