#include "opencl/emit/panels.hpp"

#include <algorithm>

#include "opencl/codegen/text.hpp"

namespace shoal::opencl {

using base::ceil_div;

namespace {

// What a core can expect to keep in its own cache beside what streams through.
constexpr std::int64_t kCacheBytes = std::int64_t{256} << 10;

// Cycles of a product in tiles of this size on a core that starts two vector multiply-adds and two loads a cycle, each
// multiply-add taking four cycles; what a tile costs beside its loop was measured as about 40 cycles and 4 a vector.
double cycles(const Product& product, std::int64_t rows, std::int64_t vectors, std::int64_t lanes) {
    const auto tile = static_cast<double>(rows * vectors);
    const double step = std::max({tile / 2, static_cast<double>(rows + vectors) / 2, 4.0});
    const auto tiles = static_cast<double>(ceil_div(product.rows, rows) * ceil_div(product.columns, vectors * lanes));
    return tiles * (step * static_cast<double>(product.inner) + 40 + 4 * tile);
}

bool fits(const Style& style, const Product& product, std::int64_t rows, std::int64_t vectors) {
    return rows <= product.rows && (rows + 1) * vectors + 1 <= style.vector_registers &&
           (vectors - 1) * style.dialect.lanes < product.columns;
}

}  // namespace

std::string Tile::name() const {
    return base::text("tile-", rows, 'x', vectors, panels_first ? "-rows" : "");
}

Defines Tile::defines() const {
    Defines out{{"TILE_ROWS", std::to_string(rows)},
                {"TILE_VECTORS", std::to_string(vectors)},
                {"LANES", std::to_string(lanes)}};
    if (panels_first) out.emplace_back("PANELS_FIRST", "");
    if (ahead) out.emplace_back("AHEAD", "");
    if (narrow) out.emplace_back("NARROW", "");
    return out;
}

std::array<std::size_t, 3> Tile::work_items(const Product& product) const {
    const auto tiles = static_cast<std::size_t>(ceil_div(product.rows, rows)),
               panels = static_cast<std::size_t>(ceil_div(product.columns, panel())),
               batches = static_cast<std::size_t>(product.batches);
    return panels_first ? std::array{panels, tiles, batches} : std::array{tiles, panels, batches};
}

namespace {

// The tile that is expected to be the fastest. Every size is a kernel more to compile, so another than the usual one
// must be worth it.
Tile expected_tile(const Style& style, const Product& product) {
    Tile out{std::min<std::int64_t>(product.rows, style.tile_rows), 1, style.dialect.lanes};
    double least = cycles(product, out.rows, 1, out.lanes);
    const auto consider = [&](std::int64_t rows, std::int64_t vectors) {
        const std::int64_t panel = product.inner * vectors * out.lanes * static_cast<std::int64_t>(sizeof(float));
        const bool too_wide = style.largest_panel != 0 && panel > style.largest_panel && product.rows > rows;
        if (!fits(style, product, rows, vectors) || too_wide) return;
        const double time = cycles(product, rows, vectors, out.lanes);
        if (time > 0.97 * least) return;
        least = time;
        out.rows = rows;
        out.vectors = vectors;
    };
    if (product.columns <= out.lanes) consider(2 * style.tile_rows, 1);
    consider(out.rows, style.tile_vectors);
    if (style.tile_vectors > 2 && out.vectors < style.tile_vectors) {  // few columns, or a deep product
        consider(style.tile_rows + 4, 2);
        consider(style.tile_rows + 2, 2);
        consider(style.tile_rows, 3);
        consider(style.tile_rows + 3, 3);
    }
    consider(out.rows, style.tile_vectors + 1);
    if (out.rows == style.tile_rows) {
        consider(out.rows - 1, style.tile_vectors);
        consider(out.rows - 1, style.tile_vectors + 1);
    } else {
        consider(out.rows, style.tile_vectors + 2);
    }
    return out;
}

// In which order, and whether panels are fetched ahead.
Tile walked(Tile tile, const Product& product, bool panels_first) {
    const std::int64_t right =
        product.inner * product.columns * product.batches * static_cast<std::int64_t>(sizeof(float));
    tile.panels_first = panels_first;
    tile.ahead = !panels_first && right > 2 * kCacheBytes && product.rows > tile.rows;
    return tile;
}

}  // namespace

std::vector<Tile> tiles_for(const Style& style, const Product& product) {
    const std::int64_t lanes = style.dialect.lanes;
    if (product.columns < lanes) {
        Tile narrow{std::min<std::int64_t>(product.rows, style.tile_rows), 1, lanes};
        narrow.narrow = true;
        return {narrow};
    }
    const bool rows_together =
        product.inner * product.columns * static_cast<std::int64_t>(sizeof(float)) <= kCacheBytes;
    const Tile expected = expected_tile(style, product);
    std::vector<Tile> out{walked(expected, product, rows_together), walked(expected, product, !rows_together)};
    std::vector<Tile> others;
    for (std::int64_t vectors = 1; vectors <= 6; ++vectors) {
        for (std::int64_t rows = 1; rows <= 16; ++rows) {
            const bool expected_one = rows == expected.rows && vectors == expected.vectors;
            if (!expected_one && fits(style, product, rows, vectors)) others.push_back({rows, vectors, lanes});
        }
    }
    const auto time = [&](const Tile& tile) { return cycles(product, tile.rows, tile.vectors, lanes); };
    std::stable_sort(others.begin(), others.end(), [&](const Tile& a, const Tile& b) { return time(a) < time(b); });
    constexpr std::size_t kMostOthers = 6;
    others.resize(std::min(others.size(), kMostOthers));
    for (const Tile& tile : others)
        out.push_back(walked(tile, product, rows_together));
    return out;
}

Tile tile_for(const Emitter& emitter, const Product& product) {
    const auto tiles = tiles_for(emitter.style(), product);
    const auto at =
        std::find_if(tiles.begin(), tiles.end(), [&](const Tile& tile) { return tile.name() == emitter.variant(); });
    return at == tiles.end() ? tiles.front() : *at;
}

namespace {

LaunchArgument pack_in(Emitter& emitter, GroupCode& code, ValueId right, const Panels& panels, std::int64_t panel,
                       std::int64_t lanes) {
    const bool constant = emitter.graph().is_constant(right);
    const std::string kernel = constant ? emitter.instantiate_setup("pack_f32") : emitter.instantiate("pack_f32", {});
    const std::uint64_t bytes = static_cast<std::uint64_t>(panels.batches * panels.batch_size(panel)) * sizeof(float);
    Launch launch{kernel,
                  {number(panels.inner), number(panels.columns), number(panels.k_step), number(panels.n_step),
                   number(panels.batch_step), number(panels.batch_size(panel)), number(panel), number(lanes)},
                  {static_cast<std::size_t>(ceil_div<std::int64_t>(panels.inner, 64)),
                   static_cast<std::size_t>(panels.count(panel)), static_cast<std::size_t>(panels.batches)}};
    if (constant) {
        const std::string key = base::text(panel, ' ', panels.inner, ' ', panels.columns, ' ', panels.k_step, ' ',
                                           panels.n_step, ' ', panels.batches);
        return WeightArgument{emitter.add_weight(right, bytes, key, std::move(launch))};
    }
    code.workspaces.push_back(bytes);
    const WorkspaceArgument packed{code.workspaces.size() - 1};
    launch.arguments.insert(launch.arguments.begin(), {BufferArgument{right, false}, packed});
    code.launches.push_back(std::move(launch));
    return packed;
}

}  // namespace

LaunchArgument pack(Emitter& emitter, GroupCode& code, ValueId right, const Panels& panels, const Tile& tile) {
    return pack_in(emitter, code, right, panels, tile.panel(), tile.lanes);
}

LaunchArgument pack_whole(Emitter& emitter, GroupCode& code, ValueId right, const Panels& panels) {
    return pack_in(emitter, code, right, panels, panels.columns, panels.columns);
}

Defines plain_defines(const Emitter& emitter, ElementType left, ElementType right, ElementType sum,
                      const char* left_name, const char* right_name) {
    return {{left_name, storage_name(left)},
            {right_name, storage_name(right)},
            {base::text("LOAD_", left_name, "(p, i)"), load_macro(left)},
            {base::text("LOAD_", right_name, "(p, i)"), load_macro(right)},
            {"SUM", type_name(compute_of(sum), 1)},
            {"LOCAL", std::to_string(emitter.style().dialect.local_size)}};
}

}  // namespace shoal::opencl
