// Convolutions whose few channels lie in planes, as one kernel that reads them there.
#include <algorithm>

#include "graph/cards.hpp"
#include "graph/planar_convolution.hpp"
#include "opencl/codegen/text.hpp"
#include "opencl/emit/convolution.hpp"
#include "opencl/emit/geometry.hpp"
#include "opencl/emit/panels.hpp"

namespace shoal::opencl {
namespace {

using base::ceil_div;

// A register tile: `rows` places of an output line by `vectors` of its channels.
struct PlanarTile {
    std::int64_t rows, vectors;

    [[nodiscard]] std::string name() const { return base::text("planes-", rows, 'x', vectors); }
};

// What the kernel sees of a convolution.
struct Planes {
    graph::PlanarConvolution found;
    Shape x, out;  // channels last
    std::int64_t width, lines, columns, depth;  // places of a line, lines of all images, output channels, taps by channels
};

Planes planes_of(const Emitter& emitter, graph::PlanarConvolution found) {
    const Op& conv = emitter.graph().ops[found.conv];
    const Shape& out = emitter.shape(conv.outputs[0]);
    // As the planes would be with their channels last.
    graph::Ints x(emitter.shape(found.planes).begin(), emitter.shape(found.planes).end());
    const std::int64_t channels = emitter.shape(conv.inputs[0]).back();
    const bool transposed =
        std::any_of(found.movement.begin(), found.movement.end(),
                    [&](std::uint32_t i) { return emitter.graph().ops[i].is(graph::cards::transpose); });
    if (transposed) std::rotate(x.begin() + 1, x.begin() + 2, x.end());
    const std::int64_t width = spatial(out, 1, 2), lines = out.count() / out.back() / width,
                       depth = found.window.taps() * channels;
    return {std::move(found), Shape(std::move(x)), out, width, lines, out.back(), depth};
}

// A tile keeps its stretch of a line on the stack.
constexpr std::int64_t kLongestSpan = 512;

std::int64_t span(const graph::Window& window, std::int64_t rows) {
    const auto last = static_cast<std::size_t>(window.rank() - 1);
    return (rows - 1) * window.strides[last] + window.reach(last);
}

// The kernel counts places, those in the padding too, in 32 bits.
bool counts(const Planes& planes) {
    constexpr std::int64_t kMost = std::int64_t{1} << 30;
    const graph::Window& window = planes.found.window;
    for (std::size_t k = 0; k < window.kernel.size(); ++k) {
        const std::int64_t out = planes.out[static_cast<int>(k) + 1];
        if ((out - 1) * window.strides[k] + window.reach(k) > kMost || window.pads_begin[k] > kMost) return false;
    }
    return true;
}

// The tiles that are worth a measurement, the one that is expected to be the fastest first. Measured: half of the registers
// as sums are enough, for the next tile begins while the last one is stored; two multiply-adds start a cycle, and loads,
// of which wide tiles need fewer, cost a little beside them.
std::vector<PlanarTile> tiles_for(const Style& style, const Planes& planes) {
    const std::int64_t lanes = style.dialect.lanes;
    std::vector<PlanarTile> out;
    for (std::int64_t vectors = 1; vectors <= 4 && (vectors - 1) * lanes < planes.columns; ++vectors) {
        for (std::int64_t rows = 1; rows * vectors <= style.vector_registers / 2 && rows <= planes.width &&
                                  span(planes.found.window, rows) <= kLongestSpan;
             ++rows)
            out.push_back({rows, vectors});
    }
    const auto cycles = [&](const PlanarTile& tile) {
        const auto sums = static_cast<double>(tile.rows * tile.vectors);
        const double step = std::max(sums / 2, 4.0) + static_cast<double>(tile.rows + tile.vectors) / 8;
        const double beside = 40 + 4 * sums;  // its loop
        const std::int64_t tiles = ceil_div(planes.width, tile.rows) * ceil_div(planes.columns, tile.vectors * lanes);
        return static_cast<double>(tiles) * (step * static_cast<double>(planes.depth) + beside);
    };
    std::stable_sort(out.begin(), out.end(), [&](const auto& a, const auto& b) { return cycles(a) < cycles(b); });
    constexpr std::size_t kMost = 4;
    out.resize(std::min(out.size(), kMost));
    return out;
}

std::optional<Planes> applicable(const Emitter& emitter, graph::GroupRange range) {
    auto found = graph::planar_convolution_of(emitter.graph(), range);
    if (!found || !emitter.style().wide_simd) return std::nullopt;
    const Op& conv = emitter.graph().ops[found->conv];
    if (!is_f32_product(emitter, conv) || emitter.shape(conv.outputs[0]).count() == 0) return std::nullopt;
    Planes out = planes_of(emitter, std::move(*found));
    const bool fits = out.columns >= emitter.style().dialect.lanes && counts(out) &&
                      !tiles_for(emitter.style(), out).empty();
    return fits ? std::optional(std::move(out)) : std::nullopt;
}

GroupCode conv_planar(Emitter& emitter, graph::GroupRange range, const Planes& planes, const PlanarTile& tile,
                      const BoundEpilogue& epilogue) {
    const Op& op = emitter.graph().ops[planes.found.conv];
    const graph::Window& window = planes.found.window;
    const std::int64_t lanes = emitter.style().dialect.lanes, columns = planes.columns;
    const Tile panel{tile.rows, tile.vectors, lanes};
    GroupCode out{range, {}, {}, {epilogue.value}, "planar_conv_f32_simd"};
    const LaunchArgument weights = pack(emitter, out, op.inputs[1],
                                        {planes.depth, columns, 1, 1, planes.depth, columns * planes.depth}, panel);
    Defines defines{{"TILE_ROWS", std::to_string(tile.rows)},
                    {"TILE_VECTORS", std::to_string(tile.vectors)},
                    {"LANES", std::to_string(lanes)},
                    {"CHANNELS", std::to_string(planes.x.back())}};
    const auto define = [&](const char* name, const graph::Ints& list) {
        defines.emplace_back(base::text(name, "_Y"), std::to_string(entry(list, 0, 2, 1)));
        defines.emplace_back(base::text(name, "_X"), std::to_string(entry(list, 1, 2, 1)));
    };
    define("KERNEL", window.kernel);
    define("STRIDE", window.strides);
    define("DILATION", window.dilations);
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    const Destination to = emitter.store(epilogue.value);
    Launch launch{emitter.instantiate("planar_conv_f32_simd", defines),
                  {BufferArgument{planes.found.planes, false}, weights, BufferArgument{to.value, true},
                   number(spatial(planes.x, 0, 2)), number(spatial(planes.x, 1, 2)), number(spatial(planes.out, 0, 2)),
                   number(planes.width), number(entry(window.pads_begin, 0, 2, 0)),
                   number(entry(window.pads_begin, 1, 2, 0)), number(columns), number(to.row), number(to.first_column)},
                  {static_cast<std::size_t>(ceil_div(columns, panel.panel())),
                   static_cast<std::size_t>(ceil_div(planes.width, tile.rows)), static_cast<std::size_t>(planes.lines)}};
    append(launch.arguments, epilogue.arguments);
    out.launches.push_back(std::move(launch));
    return out;
}

}  // namespace

std::vector<std::string> planar_variants(const Emitter& emitter, graph::GroupRange range) {
    const auto planes = applicable(emitter, range);
    if (!planes) {
        const auto found = graph::planar_convolution_of(emitter.graph(), range);
        return found ? conv_variants(emitter, emitter.graph().ops[found->conv]) : std::vector<std::string>{};
    }
    std::vector<std::string> out;
    for (const PlanarTile& tile : tiles_for(emitter.style(), *planes))
        out.push_back(tile.name());
    out.emplace_back(kParts);
    return out;
}

std::optional<GroupCode> emit_planar(Emitter& emitter, graph::GroupRange range, const std::vector<ValueId>& outputs) {
    const auto planes = applicable(emitter, range);
    if (!planes || outputs.size() != 1 || emitter.variant() == kParts) return std::nullopt;
    const ValueId given = emitter.graph().ops[planes->found.conv].outputs[0];
    const auto epilogue = bind_epilogue(emitter, range, given, outputs[0], emitter.style().dialect.lanes);
    if (!epilogue) return std::nullopt;
    const auto tiles = tiles_for(emitter.style(), *planes);
    const auto named = std::find_if(tiles.begin(), tiles.end(),
                                    [&](const PlanarTile& tile) { return tile.name() == emitter.variant(); });
    return conv_planar(emitter, range, *planes, named == tiles.end() ? tiles.front() : *named, *epilogue);
}

}  // namespace shoal::opencl
