// Convolutions: which kernel, which tile, which packing.
#include "opencl/emit/convolution.hpp"

#include <algorithm>

#include "graph/cards.hpp"
#include "opencl/codegen/text.hpp"
#include "opencl/emit/geometry.hpp"
#include "opencl/emit/gpu.hpp"
#include "opencl/emit/panels.hpp"

namespace shoal::opencl {

using graph::Ints;

bool is_pointwise(const Convolution& c) {
    const auto all = [](const Ints& list, std::int64_t value) {
        return std::all_of(list.begin(), list.end(), [&](auto v) { return v == value; });
    };
    return all(c.window.kernel, 1) && all(c.window.strides, 1) && all(c.window.pads_begin, 0) &&
           all(c.window.pads_end, 0);
}

namespace {

using base::ceil_div;

constexpr const char* kWinograd = "winograd";

Product product_of(const Convolution& c) {
    return {c.out.count() / c.out.back(), c.out.back() / c.groups, c.window.taps() * c.x.back() / c.groups, c.groups};
}

bool contract_applies(const Emitter& emitter, const Convolution& c) {
    if (c.window.rank() > 2 && !is_pointwise(c)) return false;
    return c.groups == 1 || c.out.back() / c.groups * 2 >= emitter.style().dialect.lanes;
}

std::optional<GroupCode> conv_contract(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                                       const BoundEpilogue& epilogue) {
    if (!contract_applies(emitter, c)) return std::nullopt;
    const Product product = product_of(c);
    const std::int64_t rows = product.rows, columns = product.columns, channels = c.x.back();
    const bool pointwise = is_pointwise(c);
    std::int64_t kernel_y = entry(c.window.kernel, 0, 2, 1), kernel_x = entry(c.window.kernel, 1, 2, 1),
                 inner = channels / c.groups;
    // Without padding the taps of a row lie side by side in memory: one longer run of "channels".
    const bool joined = c.groups == 1 && c.window.dilations.back() == 1 && c.window.pads_begin.back() == 0 &&
                        c.window.pads_end.back() == 0;
    if (joined) {
        inner *= kernel_x;
        kernel_x = 1;
    }
    const std::int64_t depth = product.inner;
    const Tile tile = tile_for(emitter, product);
    GroupCode out{range, {}, {}, {epilogue.value}, pointwise ? "conv_f32_simd 1x1" : "conv_f32_simd"};
    const Panels panels{depth, columns, c.groups, 1, depth, columns * depth};
    const LaunchArgument weights = pack(emitter, out, c.op.inputs[1], panels, tile);
    Defines defines = tile.defines();
    const Destination to = emitter.store(epilogue.value);
    if (!pointwise) defines.emplace_back("TAPS", "");
    if (c.groups > 1) defines.emplace_back("GROUPS", "");
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    Launch launch{emitter.instantiate("contract_f32_simd", defines),
                  {BufferArgument{c.op.inputs[0], false}, weights, BufferArgument{to.value, true}},
                  tile.work_items(product)};
    if (!pointwise) {
        emitter.need_zeros(static_cast<std::uint64_t>(inner) * sizeof(float));
        append(launch.arguments,
               {ZerosArgument{}, number(spatial(c.x, 0, 2)), number(spatial(c.x, 1, 2)), number(spatial(c.out, 0, 2)),
                number(spatial(c.out, 1, 2)), number(kernel_y), number(kernel_x)});
        for (const auto* list : {&c.window.strides, &c.window.dilations, &c.window.pads_begin}) {
            const std::int64_t otherwise = list == &c.window.pads_begin ? 0 : 1;
            append(launch.arguments, {number(entry(*list, 0, 2, otherwise)), number(entry(*list, 1, 2, otherwise))});
        }
    }
    append(launch.arguments,
           {number(rows), number(columns), number(inner), number(channels), number(channels / c.groups),
            number(panels.batch_size(tile.panel())), number(to.row), number(columns), number(to.first_column)});
    append(launch.arguments, epilogue.arguments);
    out.launches.push_back(std::move(launch));
    return out;
}

// Outputs that a work-item of depthwise_f32_simd makes, as many as registers allow for the usual windows.
struct Patch {
    std::int64_t x, y;
};
Patch patch_for(const Style& style, const Convolution& c) {
    const std::int64_t width = spatial(c.out, 1, 2), height = spatial(c.out, 0, 2);
    const auto columns = [&](std::int64_t tile) { return ceil_div(width, tile) * tile; };  // computed for a line
    const bool many = style.vector_registers >= 32;
    const std::int64_t x = std::min<std::int64_t>(width, many && columns(7) <= columns(4) ? 7 : 4);
    const bool small = entry(c.window.kernel, 0, 2, 1) <= 7 && entry(c.window.dilations, 0, 2, 1) == 1;
    return {x, std::min<std::int64_t>(height, many && small ? 2 : 1)};
}

bool depthwise_applies(const Emitter& emitter, const Convolution& c) {
    constexpr std::int64_t kWidest = 64;  // input columns of a patch
    const std::int64_t channels = c.x.back();
    if (c.window.rank() > 2 || c.groups != channels || c.out.back() != channels) return false;
    const std::int64_t reach = (entry(c.window.kernel, 1, 2, 1) - 1) * entry(c.window.dilations, 1, 2, 1) + 1;
    const std::int64_t columns = (patch_for(emitter.style(), c).x - 1) * entry(c.window.strides, 1, 2, 1) + reach;
    return channels >= emitter.style().dialect.lanes && columns <= kWidest &&
           emitter.graph().is_constant(c.op.inputs[1]);
}

GroupCode conv_depthwise(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                         const BoundEpilogue& epilogue) {
    const std::int64_t channels = c.x.back(), lanes = emitter.style().dialect.lanes, taps = c.window.taps();
    const Patch patch = patch_for(emitter.style(), c);
    // [channels, taps] becomes [taps, channels]: one panel as wide as all channels.
    const Panels panels{taps, channels, 1, 1, taps, channels * taps};
    GroupCode out{range, {}, {}, {epilogue.value}, "depthwise_f32_simd"};
    const LaunchArgument weights = pack_whole(emitter, out, c.op.inputs[1], panels);
    Defines defines{
        {"LANES", std::to_string(lanes)}, {"TILE_X", std::to_string(patch.x)}, {"TILE_Y", std::to_string(patch.y)}};
    const auto define = [&](const char* name, const Ints& list) {
        defines.emplace_back(base::text(name, "_Y"), std::to_string(entry(list, 0, 2, 1)));
        defines.emplace_back(base::text(name, "_X"), std::to_string(entry(list, 1, 2, 1)));
    };
    define("KERNEL", c.window.kernel);
    define("STRIDE", c.window.strides);
    define("DILATION", c.window.dilations);
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    emitter.need_zeros(static_cast<std::uint64_t>(lanes) * sizeof(float));
    const std::int64_t width = spatial(c.out, 1, 2), height = spatial(c.out, 0, 2);
    Launch launch{
        emitter.instantiate("depthwise_f32_simd", defines),
        {BufferArgument{c.op.inputs[0], false}, weights, BufferArgument{epilogue.value, true}, ZerosArgument{},
         number(spatial(c.x, 0, 2)), number(spatial(c.x, 1, 2)), number(height), number(width), number(channels),
         number(entry(c.window.pads_begin, 0, 2, 0)), number(entry(c.window.pads_begin, 1, 2, 0))},
        {static_cast<std::size_t>(ceil_div(channels, lanes)), static_cast<std::size_t>(ceil_div(width, patch.x)),
         static_cast<std::size_t>(c.out[0] * ceil_div(height, patch.y))}};
    append(launch.arguments, epilogue.arguments);
    out.launches.push_back(std::move(launch));
    return out;
}

std::optional<GroupCode> conv_plain(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                                    const BoundEpilogue& epilogue) {
    if (c.window.rank() > 3) return std::nullopt;
    Defines defines = plain_defines(emitter, emitter.element(c.op.inputs[0]), emitter.element(c.op.inputs[1]),
                                    emitter.element(c.op.outputs[0]), "X", "W");
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    std::vector<LaunchArgument> arguments{BufferArgument{c.op.inputs[0], false},
                                          BufferArgument{c.op.inputs[1], false},
                                          BufferArgument{epilogue.value, true},
                                          number(c.out.count()),
                                          number(c.out.back()),
                                          number(c.out.back() / c.groups),
                                          number(c.w.back()),
                                          number(c.x.back())};
    append(arguments, window_arguments(c.window, c.x, c.out, 3));
    append(arguments, epilogue.arguments);
    GroupCode out{range, {}, {}, {epilogue.value}, "conv_plain"};
    out.launches.push_back(
        flat_launch(emitter.style(), emitter.instantiate("conv_plain", defines), std::move(arguments), c.out.count()));
    return out;
}

std::optional<GroupCode> conv_simd(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                                   const BoundEpilogue& epilogue) {
    if (depthwise_applies(emitter, c)) return conv_depthwise(emitter, range, c, epilogue);
    const std::string& variant = emitter.variant();
    if (winograd_applies(emitter, c) && (variant == kWinograd || (variant.empty() && winograd_pays(c))))
        return conv_winograd(emitter, range, c, epilogue);
    return conv_contract(emitter, range, c, epilogue);
}

Convolution convolution_of(const Emitter& emitter, const Op& op) {
    const Shape& w = emitter.shape(op.inputs[1]);
    return {op,
            graph::window_of(op.attrs, Ints(w.begin() + 1, w.end() - 1), "conv"),
            emitter.shape(op.inputs[0]),
            w,
            emitter.shape(op.outputs[0]),
            op.attrs.integer("groups")};
}

}  // namespace

std::vector<std::string> conv_variants(const Emitter& emitter, const Op& op) {
    const Convolution c = convolution_of(emitter, op);
    if (emitter.style().gpu) return gpu_conv_variants(emitter, c);
    const bool direct = emitter.style().wide_simd && is_f32_product(emitter, op) && !depthwise_applies(emitter, c) &&
                        contract_applies(emitter, c);
    if (!direct) return {};
    std::vector<std::string> out;
    for (const Tile& tile : tiles_for(emitter.style(), product_of(c)))
        out.push_back(tile.name());
    if (winograd_applies(emitter, c)) out.insert(winograd_pays(c) ? out.begin() : out.end(), kWinograd);
    return out;
}

std::optional<GroupCode> emit_conv(Emitter& emitter, graph::GroupRange range, const std::vector<ValueId>& outputs) {
    const Op& op = emitter.graph().ops[range.first];
    if (outputs.size() != 1) return std::nullopt;
    const Convolution c = convolution_of(emitter, op);
    if (emitter.style().wide_simd && is_f32_product(emitter, op)) {
        const auto epilogue = bind_epilogue(emitter, range, op.outputs[0], outputs[0], emitter.style().dialect.lanes);
        if (!epilogue) return std::nullopt;
        if (auto code = conv_simd(emitter, range, c, *epilogue)) return code;
    }
    const auto epilogue = bind_epilogue(emitter, range, op.outputs[0], outputs[0], 1);
    if (!epilogue) return std::nullopt;
    if (emitter.style().gpu) {
        if (auto code = conv_gpu(emitter, range, c, *epilogue)) return code;
    }
    return conv_plain(emitter, range, c, *epilogue);
}

}  // namespace shoal::opencl
