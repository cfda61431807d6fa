#include <algorithm>

#include "base/checked.hpp"
#include "graph/cards.hpp"
#include "opencl/codegen/text.hpp"
#include "opencl/emit/emitter.hpp"
#include "opencl/emit/geometry.hpp"

namespace shoal::opencl {
namespace {

struct Pool {
    const Op& op;
    const std::string& fn;
    graph::Window window;
    const Shape &x, &out;
};

// All channels of a position, which lie together; where there are few positions, a part of them, so that all cores have
// some: a pool of all positions has a single one.
std::int64_t item_channels(const Style& style, std::int64_t positions, std::int64_t channels) {
    constexpr std::int64_t kItemsOfUnit = 4;
    const std::int64_t lanes = style.dialect.lanes, vectors = base::ceil_div(channels, lanes);
    const std::int64_t parts = base::ceil_div(kItemsOfUnit * std::max(style.compute_units, 1), positions);
    return lanes * base::ceil_div(vectors, std::min(parts, vectors));
}

std::optional<GroupCode> pool_simd(Emitter& emitter, graph::GroupRange range, const Pool& p, ValueId output) {
    const std::int64_t lanes = emitter.style().dialect.lanes, channels = p.x.back();
    const bool fits = emitter.style().wide_simd && emitter.element(p.op.inputs[0]) == ElementType::f32 &&
                      p.window.rank() <= 2 && channels >= lanes && p.fn != "argmax";
    if (!fits) return std::nullopt;
    const auto epilogue = bind_epilogue(emitter, range, p.op.outputs[0], output, static_cast<int>(lanes));
    if (!epilogue) return std::nullopt;
    Defines defines{{"LANES", std::to_string(lanes)}};
    if (p.fn == "sum") defines.emplace_back("SUM", "");
    defines.insert(defines.end(), epilogue->defines.begin(), epilogue->defines.end());
    auto geometry = window_arguments(p.window, p.x, p.out, 2);
    const std::int64_t width = spatial(p.out, 1, 2), lines = p.out[0] * spatial(p.out, 0, 2);
    const std::int64_t own = item_channels(emitter.style(), std::max<std::int64_t>(width * lines, 1), channels);
    geometry.insert(geometry.begin() + 4, {NumberArgument{channels}, NumberArgument{own}});
    const Destination to = emitter.store(output);
    Launch launch{emitter.instantiate("pool_f32_simd", defines),
                  {BufferArgument{p.op.inputs[0], false}, BufferArgument{to.value, true}},
                  {static_cast<std::size_t>(width), static_cast<std::size_t>(lines),
                   static_cast<std::size_t>(base::ceil_div(channels, own))}};
    launch.arguments.insert(launch.arguments.end(), geometry.begin(), geometry.end());
    launch.arguments.insert(launch.arguments.end(), {NumberArgument{to.row}, NumberArgument{to.first_column}});
    launch.arguments.insert(launch.arguments.end(), epilogue->arguments.begin(), epilogue->arguments.end());
    return GroupCode{range, {std::move(launch)}, {}, {output}, "pool_f32_simd"};
}

std::optional<GroupCode> pool_plain(Emitter& emitter, graph::GroupRange range, const Pool& p, ValueId output) {
    const auto epilogue = bind_epilogue(emitter, range, p.op.outputs[0], output, 1);
    if (!epilogue || p.window.rank() > 3) return std::nullopt;
    const ElementType element = emitter.element(p.op.inputs[0]);
    Defines defines{{"X", storage_name(element)},
                    {"VALUE", type_name(compute_of(element), 1)},
                    {"LOAD_X(p, i)", load_macro(element)},
                    {"LOWEST", fold_start("max", element)},
                    {"LOCAL", std::to_string(emitter.style().dialect.local_size)}};
    if (p.fn == "sum") defines.emplace_back("SUM", "");
    if (p.fn == "argmax") defines.emplace_back("POSITION", "");
    defines.insert(defines.end(), epilogue->defines.begin(), epilogue->defines.end());
    std::vector<LaunchArgument> arguments{BufferArgument{p.op.inputs[0], false}, BufferArgument{output, true},
                                          NumberArgument{p.out.count()}, NumberArgument{p.x.back()}};
    const auto geometry = window_arguments(p.window, p.x, p.out, 3);
    arguments.insert(arguments.end(), geometry.begin(), geometry.end());
    arguments.insert(arguments.end(), epilogue->arguments.begin(), epilogue->arguments.end());
    GroupCode out{range, {}, {}, {output}, "pool_plain"};
    out.launches.push_back(
        flat_launch(emitter.style(), emitter.instantiate("pool_plain", defines), std::move(arguments), p.out.count()));
    return out;
}

}  // namespace

std::optional<GroupCode> emit_pool(Emitter& emitter, graph::GroupRange range, const std::vector<ValueId>& outputs) {
    const Op& op = emitter.graph().ops[range.first];
    if (outputs.size() != 1) return std::nullopt;
    const Pool pool{op, op.attrs.text("fn"), graph::window_of(op.attrs, op.attrs.ints("kernel"), "pool"),
                    emitter.shape(op.inputs[0]), emitter.shape(op.outputs[0])};
    if (auto code = pool_simd(emitter, range, pool, outputs[0])) return code;
    return pool_plain(emitter, range, pool, outputs[0]);
}

}  // namespace shoal::opencl
