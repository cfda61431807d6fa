// Convolutions and matrix products: which kernel, which tile, which packing.
#include <algorithm>

#include "base/checked.hpp"
#include "graph/cards.hpp"
#include "graph/window.hpp"
#include "opencl/codegen/text.hpp"
#include "opencl/emit/emitter.hpp"
#include "opencl/emit/geometry.hpp"

namespace shoal::opencl {
namespace {

namespace cards = graph::cards;
using base::ceil_div;
using graph::Ints;

NumberArgument number(std::int64_t value) {
    return {value};
}

void append(std::vector<LaunchArgument>& to, const std::vector<LaunchArgument>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

Defines plain_defines(Emitter& emitter, ElementType left, ElementType right, ElementType sum, const char* left_name,
                      const char* right_name) {
    return {{left_name, storage_name(left)},
            {right_name, storage_name(right)},
            {base::text("LOAD_", left_name, "(p, i)"), load_macro(left)},
            {base::text("LOAD_", right_name, "(p, i)"), load_macro(right)},
            {"SUM", type_name(compute_of(sum), 1)},
            {"LOCAL", std::to_string(emitter.style().dialect.local_size)}};
}

// The right-hand side of a contraction in panels: where element (k, n) of a batch lies in the tensor as it is.
struct Panels {
    std::int64_t inner, columns, batches;
    std::int64_t k_step, n_step, batch_step;

    [[nodiscard]] std::int64_t count(std::int64_t panel) const { return ceil_div(columns, panel); }
    [[nodiscard]] std::int64_t batch_size(std::int64_t panel) const { return count(panel) * inner * panel; }
};

// The packed right-hand side as a kernel argument: made once for a constant, before every run for anything else.
LaunchArgument pack(Emitter& emitter, GroupCode& code, ValueId right, const Panels& panels, std::int64_t panel) {
    const bool constant = emitter.graph().is_constant(right);
    const std::string kernel = constant ? emitter.instantiate_setup("pack_f32") : emitter.instantiate("pack_f32", {});
    const std::uint64_t bytes = static_cast<std::uint64_t>(panels.batches * panels.batch_size(panel)) * sizeof(float);
    Launch launch{kernel,
                  {number(panels.inner), number(panels.columns), number(panels.k_step), number(panels.n_step),
                   number(panels.batch_step), number(panels.batch_size(panel)), number(panel)},
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

struct Tile {
    std::int64_t rows, vectors, lanes;
    [[nodiscard]] std::int64_t panel() const { return vectors * lanes; }
    [[nodiscard]] Defines defines() const {
        return {{"TILE_ROWS", std::to_string(rows)},
                {"TILE_VECTORS", std::to_string(vectors)},
                {"LANES", std::to_string(lanes)}};
    }
};

Tile tile_for(const Style& style, std::int64_t rows, std::int64_t columns) {
    const std::int64_t lanes = style.dialect.lanes;
    return {std::min<std::int64_t>(rows, style.tile_rows), columns <= lanes ? 1 : style.tile_vectors, lanes};
}

// --- matrix products ---

// Leading axes of both operands, as far as one stride each can step through them.
struct Batches {
    std::int64_t count, left_step, right_step;  // steps in matrices: 1, or 0 where the operand is the same for all
};

std::optional<Batches> linear_batches(const Shape& a, const Shape& b) {
    const std::int64_t left = a.count(0, a.rank() - 2), right = b.count(0, b.rank() - 2);
    const Shape batch = tensor::broadcast(Shape(Ints(a.begin(), a.end() - 2)), Shape(Ints(b.begin(), b.end() - 2)));
    const auto step = [&](std::int64_t own) { return own == batch.count() ? 1 : own == 1 ? 0 : -1; };
    if (step(left) < 0 || step(right) < 0) return std::nullopt;
    return Batches{batch.count(), step(left), step(right)};
}

std::optional<GroupCode> matmul_simd(Emitter& emitter, graph::GroupRange range, const Op& op,
                                     const BoundEpilogue& epilogue) {
    const Shape &a = emitter.shape(op.inputs[0]), &b = emitter.shape(op.inputs[1]);
    auto batches = linear_batches(a, b);
    if (!batches) return std::nullopt;
    const bool transposed = op.attrs.integer("transpose_b") != 0;
    std::int64_t rows = a[a.rank() - 2];
    const std::int64_t inner = a.back(), columns = b[b.rank() - (transposed ? 2 : 1)];
    if (batches->right_step == 0 &&
        batches->left_step == 1) {  // one matrix for all: their rows are rows of one product
        rows *= batches->count;
        batches->count = 1;
    }
    const Tile tile = tile_for(emitter.style(), rows, columns);
    GroupCode out{range, {}, {}, {epilogue.value}, "matmul_f32_simd"};
    const Panels panels{inner,
                        columns,
                        batches->right_step == 0 ? 1 : batches->count,
                        transposed ? 1 : columns,
                        transposed ? inner : 1,
                        inner * columns};
    const LaunchArgument right = pack(emitter, out, op.inputs[1], panels, tile.panel());
    Defines defines = tile.defines();
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    Launch launch{
        emitter.instantiate("contract_f32_simd", defines),
        {BufferArgument{op.inputs[0], false}, right, BufferArgument{epilogue.value, true}, number(rows),
         number(columns), number(inner), number(inner), number(batches->left_step * rows * inner),
         number(batches->right_step * panels.batch_size(tile.panel())), number(columns), number(rows * columns)},
        {static_cast<std::size_t>(ceil_div(rows, tile.rows)), static_cast<std::size_t>(panels.count(tile.panel())),
         static_cast<std::size_t>(batches->count)}};
    append(launch.arguments, epilogue.arguments);
    out.launches.push_back(std::move(launch));
    return out;
}

// Strides of an operand's last three leading axes inside the batch, in elements; nothing when it has more.
std::optional<std::array<std::int64_t, 3>> batch_strides(const Shape& operand, const Shape& batch) {
    const Shape own(Ints(operand.begin(), operand.end() - 2));
    const auto steps = tensor::broadcast_strides(own, batch);
    const std::int64_t matrix = operand.count(operand.rank() - 2, operand.rank());
    std::array<std::int64_t, 3> out{0, 0, 0};
    for (std::size_t k = 0; k < 3 && k < steps.size(); ++k)
        out[2 - k] = steps[steps.size() - 1 - k] * matrix;
    for (int k = 0; k + 3 < batch.rank(); ++k) {
        if (batch[k] != 1) return std::nullopt;
    }
    return out;
}

std::optional<GroupCode> matmul_plain(Emitter& emitter, graph::GroupRange range, const Op& op,
                                      const BoundEpilogue& epilogue) {
    const Shape &a = emitter.shape(op.inputs[0]), &b = emitter.shape(op.inputs[1]), &c = emitter.shape(op.outputs[0]);
    const Shape batch(Ints(c.begin(), c.end() - 2));
    const auto left = batch_strides(a, batch), right = batch_strides(b, batch);
    if (!left || !right) return std::nullopt;
    const bool transposed = op.attrs.integer("transpose_b") != 0;
    const std::int64_t inner = a.back(), columns = c.back(), y = batch.rank() > 1 ? batch[batch.rank() - 2] : 1,
                       x = batch.rank() > 0 ? batch.back() : 1;
    Defines defines = plain_defines(emitter, emitter.element(op.inputs[0]), emitter.element(op.inputs[1]),
                                    emitter.element(op.outputs[0]), "A", "B");
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    std::vector<LaunchArgument> arguments{BufferArgument{op.inputs[0], false},
                                          BufferArgument{op.inputs[1], false},
                                          BufferArgument{epilogue.value, true},
                                          number(c.count()),
                                          number(c[c.rank() - 2]),
                                          number(columns),
                                          number(inner),
                                          number(transposed ? 1 : columns),
                                          number(transposed ? inner : 1),
                                          number(y),
                                          number(x)};
    for (const auto& strides : {*left, *right}) {
        for (const auto stride : strides)
            arguments.push_back(number(stride));
    }
    append(arguments, epilogue.arguments);
    GroupCode out{range, {}, {}, {epilogue.value}, "matmul_plain"};
    out.launches.push_back(
        flat_launch(emitter.style(), emitter.instantiate("matmul_plain", defines), std::move(arguments), c.count()));
    return out;
}

// --- convolutions ---

struct Convolution {
    const Op& op;
    graph::Window window;
    Shape x, w, out;
    std::int64_t groups;
};

bool is_pointwise(const Convolution& c) {
    const auto all = [](const Ints& list, std::int64_t value) {
        return std::all_of(list.begin(), list.end(), [&](auto v) { return v == value; });
    };
    return all(c.window.kernel, 1) && all(c.window.strides, 1) && all(c.window.pads_begin, 0) &&
           all(c.window.pads_end, 0);
}

std::optional<GroupCode> conv_contract(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                                       const BoundEpilogue& epilogue) {
    const std::int64_t columns = c.out.back() / c.groups, channels = c.x.back(), rows = c.out.count() / c.out.back();
    if (c.groups > 1 && columns * 2 < emitter.style().dialect.lanes) return std::nullopt;
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
    const std::int64_t depth = kernel_y * kernel_x * inner;
    const Tile tile = tile_for(emitter.style(), rows, columns);
    GroupCode out{range, {}, {}, {epilogue.value}, pointwise ? "conv_f32_simd 1x1" : "conv_f32_simd"};
    const Panels panels{depth, columns, c.groups, 1, depth, columns * depth};
    const LaunchArgument weights = pack(emitter, out, c.op.inputs[1], panels, tile.panel());
    Defines defines = tile.defines();
    if (!pointwise) defines.emplace_back("TAPS", "");
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    Launch launch{emitter.instantiate("contract_f32_simd", defines),
                  {BufferArgument{c.op.inputs[0], false}, weights, BufferArgument{epilogue.value, true}},
                  {static_cast<std::size_t>(ceil_div(rows, tile.rows)),
                   static_cast<std::size_t>(panels.count(tile.panel())), static_cast<std::size_t>(c.groups)}};
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
            number(panels.batch_size(tile.panel())), number(c.out.back()), number(columns)});
    append(launch.arguments, epilogue.arguments);
    out.launches.push_back(std::move(launch));
    return out;
}

std::optional<GroupCode> conv_depthwise(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                                        const BoundEpilogue& epilogue) {
    const std::int64_t channels = c.x.back(), lanes = emitter.style().dialect.lanes, taps = c.window.taps();
    if (c.groups != channels || c.out.back() != channels || channels < lanes ||
        !emitter.graph().is_constant(c.op.inputs[1]))
        return std::nullopt;
    constexpr std::int64_t kTile = 4;
    // [channels, taps] becomes [taps, channels]: one panel as wide as all channels.
    const Panels panels{taps, channels, 1, 1, taps, channels * taps};
    GroupCode out{range, {}, {}, {epilogue.value}, "depthwise_f32_simd"};
    const LaunchArgument weights = pack(emitter, out, c.op.inputs[1], panels, channels);
    Defines defines{{"LANES", std::to_string(lanes)},
                    {"TILE", std::to_string(std::min(kTile, c.out[c.out.rank() - 2]))}};
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    emitter.need_zeros(static_cast<std::uint64_t>(lanes) * sizeof(float));
    auto geometry = window_arguments(c.window, c.x, c.out, 2);
    geometry.insert(geometry.begin() + 4, number(channels));
    const std::int64_t width = spatial(c.out, 1, 2), lines = c.out[0] * spatial(c.out, 0, 2);
    Launch launch{
        emitter.instantiate("depthwise_f32_simd", defines),
        {BufferArgument{c.op.inputs[0], false}, weights, BufferArgument{epilogue.value, true}, ZerosArgument{}},
        {static_cast<std::size_t>(ceil_div(width, std::min(kTile, width))), static_cast<std::size_t>(lines),
         static_cast<std::size_t>(ceil_div(channels, lanes))}};
    append(launch.arguments, geometry);
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

std::optional<GroupCode> convolve(Emitter& emitter, graph::GroupRange range, const Op& op,
                                  const BoundEpilogue& epilogue, bool simd) {
    const Shape& w = emitter.shape(op.inputs[1]);
    const Convolution c{op,
                        graph::window_of(op.attrs, Ints(w.begin() + 1, w.end() - 1), "conv"),
                        emitter.shape(op.inputs[0]),
                        w,
                        emitter.shape(op.outputs[0]),
                        op.attrs.integer("groups")};
    if (!simd) return conv_plain(emitter, range, c, epilogue);
    if (c.window.rank() > 2 && !is_pointwise(c)) return std::nullopt;
    if (auto depthwise = conv_depthwise(emitter, range, c, epilogue)) return depthwise;
    return conv_contract(emitter, range, c, epilogue);
}

}  // namespace

std::optional<GroupCode> emit_contraction(Emitter& emitter, graph::GroupRange range,
                                          const std::vector<ValueId>& outputs) {
    const Op& op = emitter.graph().ops[range.first];
    if (outputs.size() != 1) return std::nullopt;
    const bool f32 =
        emitter.element(op.inputs[0]) == ElementType::f32 && emitter.element(op.inputs[1]) == ElementType::f32;
    const bool inner = emitter.shape(op.inputs[0]).count() > 0 && emitter.shape(op.inputs[1]).count() > 0;
    if (emitter.style().wide_simd && f32 && inner) {
        const auto epilogue = bind_epilogue(emitter, range, op.outputs[0], outputs[0], emitter.style().dialect.lanes);
        if (!epilogue) return std::nullopt;
        auto code = op.is(cards::conv) ? convolve(emitter, range, op, *epilogue, true)
                                       : matmul_simd(emitter, range, op, *epilogue);
        if (code) return code;
    }
    const auto epilogue = bind_epilogue(emitter, range, op.outputs[0], outputs[0], 1);
    if (!epilogue) return std::nullopt;
    return op.is(cards::conv) ? convolve(emitter, range, op, *epilogue, false)
                              : matmul_plain(emitter, range, op, *epilogue);
}

}  // namespace shoal::opencl
