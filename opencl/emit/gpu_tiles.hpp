// How a GPU's work-groups share a contraction: the tile of each, which of several to expect the most of.
#pragma once

#include "opencl/emit/panels.hpp"

namespace shoal::opencl {

/// contract_gpu's: a work-group's part of the output, and a work-item's part of that.
struct GpuTile {
    std::int64_t rows, columns, item_rows, item_columns;

    static constexpr std::int64_t kSteps = 16;  ///< values of k in local memory at a time

    /// "local-64x64-4x4"
    [[nodiscard]] std::string name() const;
    [[nodiscard]] constexpr std::int64_t items() const { return rows * columns / (item_rows * item_columns); }
    /// Values in local memory.
    [[nodiscard]] std::int64_t local_values() const { return kSteps * (rows + columns + 2); }
    [[nodiscard]] Defines defines() const;
};
/// Those that fit the device, the one that is expected to be the fastest first; `value_bytes`: of what is summed.
[[nodiscard]] std::vector<GpuTile> gpu_tiles(const Style& style, const Product& product, std::int64_t value_bytes);

/// team_gpu's: the columns of a work-group, and the work-items that share each.
struct Team {
    std::int64_t columns, slices;

    /// "team-4x16"
    [[nodiscard]] std::string name() const;
    [[nodiscard]] std::int64_t items() const { return columns * slices; }
    [[nodiscard]] Defines defines(std::int64_t rows) const;
};
/// The same of teams; none where there are too many rows. `along_k`: neighbours in the matrix differ in k.
[[nodiscard]] std::vector<Team> gpu_teams(const Style& style, const Product& product, bool along_k,
                                          std::int64_t value_bytes);

}  // namespace shoal::opencl
