// What contractions on wide-SIMD CPUs share: the register tile, and the right-hand side packed in panels of its width.
#pragma once

#include "base/checked.hpp"
#include "opencl/emit/emitter.hpp"

namespace shoal::opencl {

/// A product [rows, inner] x [inner, columns], done `batches` times.
struct Product {
    std::int64_t rows, columns, inner, batches = 1;
};

/// How contract_f32_simd computes a product: its register tile, and in which order it goes through the tiles.
struct Tile {
    std::int64_t rows, vectors, lanes;
    bool panels_first = false;  ///< neighbouring work-items share rows of the left side rather than a panel
    bool ahead = false;         ///< a work-item fetches its share of the next panel while it computes
    bool narrow = false;        ///< fewer columns than lanes

    /// "tile-8x2", or "tile-8x2-rows" where rows are gone through one after the other.
    [[nodiscard]] std::string name() const;
    [[nodiscard]] std::int64_t panel() const { return vectors * lanes; }
    [[nodiscard]] Defines defines() const;
    [[nodiscard]] std::array<std::size_t, 3> work_items(const Product& product) const;
};
/// The tiles that are worth a measurement, the one that is expected to be the fastest first.
[[nodiscard]] std::vector<Tile> tiles_for(const Style& style, const Product& product);
/// The one that the emitter's variant names; the first where it names none.
[[nodiscard]] Tile tile_for(const Emitter& emitter, const Product& product);

/// A right-hand side: its sizes, and where element (k, n) of a batch lies in the tensor as it is.
struct Panels {
    std::int64_t inner, columns, batches;
    std::int64_t k_step, n_step, batch_step;

    [[nodiscard]] std::int64_t count(std::int64_t panel) const { return base::ceil_div(columns, panel); }
    [[nodiscard]] std::int64_t batch_size(std::int64_t panel) const { return count(panel) * inner * panel; }
};

/// The packed right-hand side as a kernel argument: made once for a constant, before every run for anything else.
[[nodiscard]] LaunchArgument pack(Emitter& emitter, GroupCode& code, ValueId right, const Panels& panels,
                                  const Tile& tile);
/// The same as one panel of all columns.
[[nodiscard]] LaunchArgument pack_whole(Emitter& emitter, GroupCode& code, ValueId right, const Panels& panels);

[[nodiscard]] inline NumberArgument number(std::int64_t value) {
    return {value};
}
inline void append(std::vector<LaunchArgument>& to, const std::vector<LaunchArgument>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

/// The macros of a plain kernel for these element types: its left and right operand, and the type it sums in.
[[nodiscard]] Defines plain_defines(const Emitter& emitter, ElementType left, ElementType right, ElementType sum,
                                    const char* left_name, const char* right_name);

}  // namespace shoal::opencl
