// Winograd's minimal filtering F(4x4, 3x3): a quarter of a direct convolution's multiplications for some transforms.
#include <algorithm>

#include "opencl/emit/convolution.hpp"
#include "opencl/emit/geometry.hpp"
#include "opencl/emit/panels.hpp"

namespace shoal::opencl {
namespace {

using base::ceil_div;

constexpr std::int64_t kPoints = 36;  // of a 6x6 tile

// Transformed input and products of a stripe of tiles should stay in the last-level cache between the three steps.
constexpr std::int64_t kStripeBytes = 6 << 20;

bool is_3x3(const graph::Window& window) {
    const auto all = [](const graph::Ints& list, std::int64_t value) {
        return std::all_of(list.begin(), list.end(), [&](auto v) { return v == value; });
    };
    return window.rank() == 2 && all(window.kernel, 3) && all(window.strides, 1) && all(window.dilations, 1);
}

// Estimated work of both ways in multiply-adds; what memory traffic costs is counted as so many of them (measured on
// two AVX-512 cores: a float written and read again through the cache takes about as long as 36 multiply-adds, 12 where
// the cores have it to themselves; one read from memory, which goes on beside them, as 40).
bool pays(const Convolution& c, std::int64_t tiles) {
    constexpr double kCached = 36, kStreamed = 40;
    const auto in = static_cast<double>(c.x.back()), out = static_cast<double>(c.out.back());
    const double positions = static_cast<double>(c.out.count()) / out, points = static_cast<double>(kPoints * tiles);
    const double direct = std::max(positions, kStreamed) * 9 * in * out;
    const double winograd = std::max(points, kPoints * kStreamed) * in * out + points * (in + out) * kCached;
    return winograd < 0.9 * direct;
}

}  // namespace

bool winograd_applies(const Emitter& emitter, const Convolution& c) {
    const std::int64_t lanes = emitter.style().dialect.lanes;
    return !emitter.style().compact_weights && c.groups == 1 && is_3x3(c.window) && c.x.back() >= lanes &&
           c.out.back() >= lanes && emitter.graph().is_constant(c.op.inputs[1]);
}

bool winograd_pays(const Convolution& c) {
    return pays(c, c.out[0] * ceil_div<std::int64_t>(c.out[1], 4) * ceil_div<std::int64_t>(c.out[2], 4));
}

GroupCode conv_winograd(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                        const BoundEpilogue& epilogue) {
    const std::int64_t lanes = emitter.style().dialect.lanes, in = c.x.back(), columns = c.out.back();
    const std::int64_t tile_rows = ceil_div<std::int64_t>(c.out[1], 4),
                       tile_columns = ceil_div<std::int64_t>(c.out[2], 4);
    const std::int64_t tiles = c.out[0] * tile_rows * tile_columns;
    const std::int64_t per_tile = kPoints * (in + columns) * static_cast<std::int64_t>(sizeof(float));
    const std::int64_t stripes = ceil_div(tiles * per_tile, kStripeBytes),
                       stripe = base::round_up<std::int64_t>(ceil_div(tiles, stripes), 8);
    const Tile tile = tile_for(emitter, {std::min(stripe, tiles), columns, in, kPoints});
    GroupCode out{range, {}, {}, {epilogue.value}, "conv_f32_simd winograd"};
    const std::int64_t panels = ceil_div(columns, tile.panel());
    const auto bytes = [](std::int64_t floats) { return static_cast<std::uint64_t>(floats) * sizeof(float); };
    Launch setup{emitter.instantiate_setup("winograd_weights_f32"),
                 {number(in), number(columns), number(tile.panel()), number(lanes)},
                 {static_cast<std::size_t>(in), static_cast<std::size_t>(panels), 1}};
    const WeightArgument weights{emitter.add_weight(c.op.inputs[1], bytes(kPoints * panels * in * tile.panel()),
                                                    base::text("winograd ", tile.panel()), std::move(setup))};
    out.workspaces = {bytes(kPoints * std::min(stripe, tiles) * in),
                      bytes(kPoints * std::min(stripe, tiles) * columns)};

    const std::string lane_define = std::to_string(lanes);
    const std::string input = emitter.instantiate("winograd_input_f32_simd", {{"LANES", lane_define}});
    Defines product_defines = tile.defines();
    for (const char* name : {"EPILOGUE_LANES(given, row, column)", "EPILOGUE_ONE(given, row, column)"})
        product_defines.emplace_back(name, "(given)");
    product_defines.insert(product_defines.end(),
                           {{"EPILOGUE_PARAMETERS", ""},
                            {"OUT", "float"},
                            {"STORE_ONE(at, value)", store_macro(ElementType::f32, 1)},
                            {"STORE_LANES(at, value)", store_macro(ElementType::f32, static_cast<int>(lanes))}});
    const std::string product = emitter.instantiate("contract_f32_simd", product_defines);
    Defines output_defines{{"LANES", lane_define}};
    output_defines.insert(output_defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    const std::string output = emitter.instantiate("winograd_output_f32_simd", output_defines);

    const Destination to = emitter.store(epilogue.value);
    const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
    for (std::int64_t first = 0; first < tiles; first += stripe) {
        // The last stripe moves up rather than being narrower than a register tile.
        const std::int64_t here = std::min(stripe, tiles), start = std::min(first, tiles - here);
        out.launches.push_back({input,
                                {BufferArgument{c.op.inputs[0], false}, WorkspaceArgument{0}, number(c.x[1]),
                                 number(c.x[2]), number(in), number(tile_rows), number(tile_columns), number(start),
                                 number(here), number(c.window.pads_begin[0]), number(c.window.pads_begin[1])},
                                {size(here), size(ceil_div(in, lanes)), 1}});
        out.launches.push_back({product,
                                {WorkspaceArgument{0}, weights, WorkspaceArgument{1}, number(here), number(columns),
                                 number(in), number(in), number(here * in), number(panels * in * tile.panel()),
                                 number(columns), number(here * columns), number(0)},
                                tile.work_items({here, columns, in, kPoints})});
        Launch last{output,
                    {WorkspaceArgument{1}, BufferArgument{to.value, true}, number(c.out[1]), number(c.out[2]),
                     number(columns), number(tile_rows), number(tile_columns), number(start), number(here),
                     number(to.row), number(to.first_column)},
                    {size(here), size(ceil_div(columns, lanes)), 1}};
        append(last.arguments, epilogue.arguments);
        out.launches.push_back(std::move(last));
    }
    return out;
}

}  // namespace shoal::opencl
