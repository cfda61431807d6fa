// Contractions on GPUs: tiles in local memory, and teams where there are few rows.
#include <algorithm>

#include "opencl/codegen/text.hpp"
#include "opencl/emit/batches.hpp"
#include "opencl/emit/geometry.hpp"
#include "opencl/emit/gpu.hpp"
#include "opencl/emit/gpu_tiles.hpp"

namespace shoal::opencl {
namespace {

using base::ceil_div;
using graph::Ints;

// A contraction as both kernels see it; the sizes of a convolution with taps stand in `window`.
struct Contraction {
    const Op& op;
    Product product;
    std::int64_t x_row, w_k, w_column, out_row;
    BatchAxes axes{};
    const Convolution* window = nullptr;
    const char* name;

    [[nodiscard]] bool along_k() const { return w_k == 1; }
};

constexpr const char* kBlas = "blas";
constexpr const char* kPlain = "plain";  // an element a work-item: where local memory is none of the chip's own

// One product, or several of matrices that lie one behind the other.
bool blas_applies(const Emitter& emitter, const Contraction& c) {
    const auto [rows, columns, inner, batches] = c.product;
    const bool lies_so = batches == 1 || (c.axes.extents[2] == batches && c.axes.left[2] == rows * inner &&
                                          c.axes.right[2] == inner * columns);
    return emitter.style().blas && c.window == nullptr && is_f32_product(emitter, c.op) && lies_so;
}

std::int64_t value_bytes(const Emitter& emitter, const Op& op) {
    switch (compute_of(emitter.element(op.outputs[0]))) {
        case Compute::f64:
        case Compute::i64:
        case Compute::u64: return 8;
        default: return 4;
    }
}

std::optional<Contraction> contraction_of(const Emitter& emitter, const Op& op) {
    const Shape &a = emitter.shape(op.inputs[0]), &b = emitter.shape(op.inputs[1]), &c = emitter.shape(op.outputs[0]);
    const bool transposed = op.attrs.integer("transpose_b") != 0;
    const std::int64_t inner = a.back(), columns = c.back();
    Contraction out{op,
                    {c[c.rank() - 2], columns, inner, 1},
                    inner,
                    transposed ? 1 : columns,
                    transposed ? inner : 1,
                    columns,
                    {},
                    nullptr,
                    "matmul_gpu"};
    const auto linear = linear_batches(a, b);
    if (linear && linear->right_step == 0 && linear->left_step == 1) {
        out.product.rows *= linear->count;  // one matrix for all: their rows are rows of one product
        return out;
    }
    const auto axes = batch_axes(a, b, Shape(Ints(c.begin(), c.end() - 2)));
    if (!axes) return std::nullopt;
    out.axes = *axes;
    out.product.batches = c.count(0, c.rank() - 2);
    return out;
}

std::optional<Contraction> contraction_of(const Convolution& c) {
    constexpr std::int64_t kNarrow = 8;  // columns of a group that would leave most of any tile empty
    if (c.window.rank() > 3 || (c.groups > 1 && c.out.back() / c.groups < kNarrow)) return std::nullopt;
    const std::int64_t channels = c.x.back(), columns = c.out.back() / c.groups,
                       inner = c.window.taps() * channels / c.groups;
    const bool product = is_pointwise(c) && c.groups == 1;
    return Contraction{c.op,
                       {c.out.count() / c.out.back(), columns, inner, c.groups},
                       channels,
                       1,
                       inner,
                       c.out.back(),
                       {},
                       product ? nullptr : &c,
                       product ? "conv_gpu 1x1" : "conv_gpu"};
}

std::vector<Team> teams_for(const Emitter& emitter, const Contraction& c) {
    if (c.window != nullptr) return {};
    return gpu_teams(emitter.style(), c.product, c.along_k(), value_bytes(emitter, c.op));
}
std::vector<GpuTile> tiles_for(const Emitter& emitter, const Contraction& c) {
    return gpu_tiles(emitter.style(), c.product, value_bytes(emitter, c.op));
}

// Until something was measured to be faster; with few rows teams read the matrix as fast as it can be read.
bool is_blas_usual(const Emitter& emitter, const Contraction& c) {
    return emitter.style().blas_first && teams_for(emitter, c).empty();
}

std::vector<std::string> names_of(const Emitter& emitter, const Contraction& c) {
    std::vector<std::string> out;
    for (const Team& team : teams_for(emitter, c))
        out.push_back(team.name());
    for (const GpuTile& tile : tiles_for(emitter, c))
        out.push_back(tile.name());
    if (blas_applies(emitter, c)) out.insert(is_blas_usual(emitter, c) ? out.begin() : out.end(), kBlas);
    if (!out.empty()) out.emplace_back(kPlain);
    return out;
}

Defines common_defines(const Emitter& emitter, const Contraction& c, const BoundEpilogue& epilogue) {
    Defines out = plain_defines(emitter, emitter.element(c.op.inputs[0]), emitter.element(c.op.inputs[1]),
                                emitter.element(c.op.outputs[0]), "X", "W");
    if (c.along_k()) out.emplace_back("W_ALONG_K", "");
    out.insert(out.end(), epilogue.defines.begin(), epilogue.defines.end());
    return out;
}

GroupCode emit_team(Emitter& emitter, graph::GroupRange range, const Contraction& c, const BoundEpilogue& epilogue,
                    const Team& team) {
    Defines defines = team.defines(c.product.rows);
    const Defines common = common_defines(emitter, c, epilogue);
    defines.insert(defines.end(), common.begin(), common.end());
    const auto items = static_cast<std::size_t>(team.items());
    Launch launch{emitter.instantiate("team_gpu", defines),
                  {BufferArgument{c.op.inputs[0], false}, BufferArgument{c.op.inputs[1], false},
                   BufferArgument{epilogue.value, true}, number(c.product.columns), number(c.product.inner),
                   number(c.w_k), number(c.w_column)},
                  {static_cast<std::size_t>(ceil_div(c.product.columns, team.columns)) * items, 1,
                   static_cast<std::size_t>(c.product.batches)},
                  {items, 1, 1}};
    append(launch.arguments, c.axes.arguments());
    append(launch.arguments, epilogue.arguments);
    return {range, {std::move(launch)}, {}, {epilogue.value}, "team_gpu"};
}

GroupCode emit_tile(Emitter& emitter, graph::GroupRange range, const Contraction& c, const BoundEpilogue& epilogue,
                    const GpuTile& tile) {
    Defines defines = tile.defines();
    if (c.window != nullptr) defines.emplace_back("TAPS", "");
    if (c.window != nullptr && c.window->window.rank() > 2) defines.emplace_back("VOLUME", "");
    const Defines common = common_defines(emitter, c, epilogue);
    defines.insert(defines.end(), common.begin(), common.end());
    const auto items = static_cast<std::size_t>(tile.items());
    Launch launch{
        emitter.instantiate("contract_gpu", defines),
        {BufferArgument{c.op.inputs[0], false}, BufferArgument{c.op.inputs[1], false},
         BufferArgument{epilogue.value, true}, number(c.product.rows), number(c.product.columns),
         number(c.product.inner), number(c.x_row), number(c.w_k), number(c.w_column), number(c.out_row)},
        {static_cast<std::size_t>(ceil_div(c.product.columns, tile.columns)) * items,
         static_cast<std::size_t>(ceil_div(c.product.rows, tile.rows)), static_cast<std::size_t>(c.product.batches)},
        {items, 1, 1}};
    if (c.window != nullptr) {
        launch.arguments.push_back(number(c.window->x.back() / c.window->groups));
        append(launch.arguments, window_arguments(c.window->window, c.window->x, c.window->out, 3));
    } else {
        append(launch.arguments, c.axes.arguments());
    }
    append(launch.arguments, epilogue.arguments);
    return {range, {std::move(launch)}, {}, {epilogue.value}, c.name};
}

// The library's product, then what follows it.
GroupCode emit_blas(Emitter& emitter, graph::GroupRange range, const Contraction& c, const BoundEpilogue& epilogue) {
    const auto [rows, columns, inner, batches] = c.product;
    const bool alone = range.last - range.first == 1;
    GroupCode out{range, {}, {}, {epilogue.value}, "clblast"};
    LaunchArgument result = BufferArgument{epilogue.value, true};
    const std::int64_t count = batches * rows * columns;
    if (!alone) {
        result = WorkspaceArgument{0};
        out.workspaces.push_back(static_cast<std::uint64_t>(count) * sizeof(float));
    }
    Launch product{kBlas, {BufferArgument{c.op.inputs[0], false}, BufferArgument{c.op.inputs[1], false}, result}};
    product.blas = BlasProduct{c.along_k(), rows, columns, inner, batches};
    out.launches.push_back(std::move(product));
    if (alone) return out;
    Defines defines = epilogue.defines;
    defines.emplace_back("LOCAL", std::to_string(emitter.style().dialect.local_size));
    std::vector<LaunchArgument> arguments{result, BufferArgument{epilogue.value, true}, number(count), number(columns)};
    append(arguments, epilogue.arguments);
    out.launches.push_back(
        flat_launch(emitter.style(), emitter.instantiate("epilogue_plain", defines), std::move(arguments), count));
    return out;
}

// The way that the emitter's variant names, the usual one where it names none; nothing when that is the plain kernel,
// or none fits the device.
std::optional<GroupCode> emit_contraction(Emitter& emitter, graph::GroupRange range, const Contraction& c,
                                          const BoundEpilogue& epilogue) {
    if (emitter.variant() == kPlain) return std::nullopt;
    const auto teams = teams_for(emitter, c);
    const auto tiles = tiles_for(emitter, c);
    const auto wanted = [&](const auto& way) { return way.name() == emitter.variant(); };
    if (const auto at = std::find_if(teams.begin(), teams.end(), wanted); at != teams.end())
        return emit_team(emitter, range, c, epilogue, *at);
    if (const auto at = std::find_if(tiles.begin(), tiles.end(), wanted); at != tiles.end())
        return emit_tile(emitter, range, c, epilogue, *at);
    if (blas_applies(emitter, c) && (emitter.variant() == kBlas || is_blas_usual(emitter, c)))
        return emit_blas(emitter, range, c, epilogue);
    if (!teams.empty()) return emit_team(emitter, range, c, epilogue, teams.front());
    if (!tiles.empty()) return emit_tile(emitter, range, c, epilogue, tiles.front());
    return std::nullopt;
}

}  // namespace

std::vector<std::string> gpu_matmul_variants(const Emitter& emitter, const Op& op) {
    const auto c = contraction_of(emitter, op);
    return c ? names_of(emitter, *c) : std::vector<std::string>{};
}

std::optional<GroupCode> matmul_gpu(Emitter& emitter, graph::GroupRange range, const Op& op,
                                    const BoundEpilogue& epilogue) {
    const auto c = contraction_of(emitter, op);
    return c ? emit_contraction(emitter, range, *c, epilogue) : std::nullopt;
}

std::vector<std::string> gpu_conv_variants(const Emitter& emitter, const Convolution& c) {
    if (is_depthwise_gpu(emitter, c)) return gpu_depthwise_variants(c);
    const auto own = contraction_of(c);
    return own ? names_of(emitter, *own) : std::vector<std::string>{};
}

std::optional<GroupCode> conv_gpu(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                                  const BoundEpilogue& epilogue) {
    if (is_depthwise_gpu(emitter, c)) return depthwise_gpu(emitter, range, c, epilogue);
    const auto own = contraction_of(c);
    return own ? emit_contraction(emitter, range, *own, epilogue) : std::nullopt;
}

}  // namespace shoal::opencl
