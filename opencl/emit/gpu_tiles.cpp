#include "opencl/emit/gpu_tiles.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"

namespace shoal::opencl {

using base::ceil_div;

namespace {

constexpr std::array kTiles{GpuTile{128, 128, 8, 8}, GpuTile{128, 64, 8, 8}, GpuTile{64, 64, 8, 4},
                            GpuTile{64, 64, 4, 4},   GpuTile{64, 32, 4, 4},  GpuTile{32, 64, 4, 4},
                            GpuTile{32, 32, 4, 4},   GpuTile{32, 32, 2, 2},  GpuTile{64, 16, 4, 4},
                            GpuTile{16, 64, 4, 4},   GpuTile{16, 16, 1, 1}};

// The kernel's own conditions; a tile that breaks one would be our mistake.
constexpr bool divides(const GpuTile& tile) {
    const std::int64_t items = tile.items(), steps = GpuTile::kSteps;
    return items % steps == 0 && tile.rows * steps % items == 0 && tile.columns * steps % items == 0 &&
           tile.rows % tile.item_rows == 0 && tile.columns % tile.item_columns == 0;
}
static_assert(std::all_of(kTiles.begin(), kTiles.end(), divides));

bool fits(const Style& style, std::int64_t items, std::int64_t local_bytes) {
    return items <= static_cast<std::int64_t>(style.largest_group) &&
           static_cast<std::uint64_t>(local_bytes) <= style.local_bytes;
}

// Expected time in no unit: a compute unit works through its share of the groups; each multiply-add waits for its part
// of what a work-item reads from local memory and a work-group from global memory. The weights are a guess until a GPU
// is measured; shoal tune replaces it by measurements.
double expected_time(const Style& style, const Product& product, const GpuTile& tile) {
    constexpr double kLocalRead = 1, kGlobalRead = 16;
    const std::int64_t groups =
        ceil_div(product.rows, tile.rows) * ceil_div(product.columns, tile.columns) * product.batches;
    const auto waves = static_cast<double>(ceil_div<std::int64_t>(groups, std::max(style.compute_units, 1)));
    const auto reads = [](std::int64_t rows, std::int64_t columns) {
        return 1.0 / static_cast<double>(rows) + 1.0 / static_cast<double>(columns);
    };
    const double each =
        1 + kLocalRead * reads(tile.item_rows, tile.item_columns) + kGlobalRead * reads(tile.rows, tile.columns);
    return waves * static_cast<double>(tile.rows * tile.columns) * each;
}

constexpr std::size_t kMostCandidates = 6;

}  // namespace

std::string GpuTile::name() const {
    return base::text("local-", rows, 'x', columns, '-', item_rows, 'x', item_columns);
}

Defines GpuTile::defines() const {
    return {{"TILE_ROWS", std::to_string(rows)},
            {"TILE_COLUMNS", std::to_string(columns)},
            {"ITEM_ROWS", std::to_string(item_rows)},
            {"ITEM_COLUMNS", std::to_string(item_columns)},
            {"STEPS", std::to_string(kSteps)}};
}

std::vector<GpuTile> gpu_tiles(const Style& style, const Product& product, std::int64_t value_bytes) {
    std::vector<GpuTile> out;
    std::copy_if(kTiles.begin(), kTiles.end(), std::back_inserter(out),
                 [&](const GpuTile& tile) { return fits(style, tile.items(), tile.local_values() * value_bytes); });
    std::stable_sort(out.begin(), out.end(), [&](const GpuTile& a, const GpuTile& b) {
        return expected_time(style, product, a) < expected_time(style, product, b);
    });
    out.resize(std::min(out.size(), kMostCandidates));
    return out;
}

std::string Team::name() const {
    return base::text("team-", columns, 'x', slices);
}

Defines Team::defines(std::int64_t rows) const {
    return {{"ROWS", std::to_string(rows)}, {"COLUMNS", std::to_string(columns)}, {"SLICES", std::to_string(slices)}};
}

std::vector<Team> gpu_teams(const Style& style, const Product& product, bool along_k, std::int64_t value_bytes) {
    constexpr std::int64_t kMostRows = 4;
    if (product.rows > kMostRows) return {};
    // Along k a team's reads are as long as it has slices, else as it has columns.
    std::vector<Team> out = along_k ? std::vector<Team>{{4, 16}, {2, 32}, {8, 8}, {8, 32}, {4, 64}}
                                    : std::vector<Team>{{16, 4}, {32, 2}, {32, 8}, {64, 4}, {16, 16}};
    const auto unfit = [&](const Team& team) {
        return !fits(style, team.items(), team.items() * product.rows * value_bytes);
    };
    out.erase(std::remove_if(out.begin(), out.end(), unfit), out.end());
    return out;
}

}  // namespace shoal::opencl
