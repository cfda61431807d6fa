// Attention as one kernel, where its operands are such that this is possible.
#include "graph/attention.hpp"

#include <algorithm>

#include "opencl/emit/panels.hpp"

namespace shoal::opencl {
namespace {

using base::ceil_div;

constexpr const char* kWhole = "whole";
constexpr std::int64_t kKeysTogether = 128;  // of which softmax takes maxima and sums at a time

// The sizes of an attention: `batches` times queries [rows, inner] by keys [keys, inner] by values [keys, columns].
struct Sizes {
    std::int64_t batches, rows, keys, inner, columns;
    std::int64_t q_step, k_step, v_step;  // in matrices from batch to batch: 1, or 0 where all share one
};

std::int64_t matrices(const Shape& shape) {
    return shape.count(0, shape.rank() - 2);
}

std::optional<Sizes> sizes_of(const Emitter& emitter, const graph::Attention& attention) {
    const auto& ops = emitter.graph().ops;
    const Op &scores = ops[attention.scores], &product = ops[attention.product];
    if (!is_f32_product(emitter, scores) || !is_f32_product(emitter, product)) return std::nullopt;
    const Shape &q = emitter.shape(scores.inputs[0]), &k = emitter.shape(scores.inputs[1]),
                &v = emitter.shape(product.inputs[1]), &s = emitter.shape(scores.outputs[0]),
                &out = emitter.shape(product.outputs[0]);
    Sizes z{matrices(out), out[out.rank() - 2], s.back(), q.back(), out.back(), 0, 0, 0};
    const auto step = [&](const Shape& own, std::int64_t& to) {
        to = matrices(own) == z.batches ? 1 : 0;
        return to == 1 || matrices(own) == 1;
    };
    const std::int64_t lanes = emitter.style().dialect.lanes;
    const bool fits = matrices(s) == z.batches && s[s.rank() - 2] == z.rows && step(q, z.q_step) && step(k, z.k_step) &&
                      step(v, z.v_step) && z.columns >= lanes && z.keys >= lanes;
    return fits ? std::optional(z) : std::nullopt;
}

// What the operators of an attention become a kernel of, beside their sizes.
struct Whole {
    const graph::Attention& attention;
    const Op &scores, &product;
    const Sizes& z;

    [[nodiscard]] bool is_transposed() const { return scores.attrs.integer("transpose_b") != 0; }
};

// The bounds of maxima and sums, as macros and arguments.
void add_bounds(const Emitter& emitter, const graph::Attention& attention, Defines& defines,
                std::vector<LaunchArgument>& arguments) {
    const auto bound = [&](ValueId value, const char* macro) {
        if (value == graph::kNoValue) return;
        defines.emplace_back(macro, "");
        arguments.push_back(ScalarArgument{value, emitter.element(value)});
    };
    bound(attention.least_top, "LEAST_TOP");
    bound(attention.least_total, "LEAST_TOTAL");
}

GroupCode attend_simd(Emitter& emitter, graph::GroupRange range, const Whole& whole, const BoundEpilogue& epilogue,
                      ValueId output) {
    const Sizes& z = whole.z;
    const std::int64_t lanes = emitter.style().dialect.lanes;
    const Tile tile{std::min<std::int64_t>(emitter.style().tile_rows, z.rows), z.keys < 2 * lanes ? 1 : 2, lanes};
    const std::int64_t piece = z.columns < 2 * lanes ? 1 : 2;
    GroupCode out{range, {}, {}, {output}, "attention_f32_simd"};
    const Panels panels{z.inner,
                        z.keys,
                        z.k_step == 0 ? 1 : z.batches,
                        whole.is_transposed() ? 1 : z.keys,
                        whole.is_transposed() ? z.inner : 1,
                        z.inner * z.keys};
    const LaunchArgument keys = pack(emitter, out, whole.scores.inputs[1], panels, tile);
    Defines defines{{"LANES", std::to_string(lanes)},
                    {"TILE_ROWS", std::to_string(tile.rows)},
                    {"KEY_VECTORS", std::to_string(tile.vectors)},
                    {"BLOCK", std::to_string(base::round_up(kKeysTogether, tile.panel()))},
                    {"PIECE_VECTORS", std::to_string(piece)},
                    {"PIECES", std::to_string(ceil_div(z.columns, piece * lanes))}};
    std::vector<LaunchArgument> bounds;
    add_bounds(emitter, whole.attention, defines, bounds);
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    Launch launch{emitter.instantiate("attention_f32_simd", defines),
                  {BufferArgument{whole.scores.inputs[0], false}, keys, BufferArgument{whole.product.inputs[1], false},
                   BufferArgument{output, true}, number(z.rows), number(z.keys), number(z.inner), number(z.columns),
                   number(z.q_step * z.rows * z.inner), number(z.k_step * panels.batch_size(tile.panel())),
                   number(z.v_step * z.keys * z.columns)},
                  {static_cast<std::size_t>(ceil_div(z.rows, tile.rows)), static_cast<std::size_t>(z.batches), 1}};
    append(launch.arguments, bounds);
    append(launch.arguments, epilogue.arguments);
    out.launches.push_back(std::move(launch));
    return out;
}

constexpr std::int64_t kGpuRows = 8, kGpuBlock = 64;

bool fits_gpu(const Style& style, const Sizes& z) {
    constexpr std::int64_t kWidest = 256;
    const std::int64_t local =
        kGpuRows * (z.inner + kGpuBlock + 1 + 2 * kGpuBlock / kGpuRows + 2) * static_cast<std::int64_t>(sizeof(float));
    return z.inner <= kWidest && z.columns <= kWidest && static_cast<std::uint64_t>(local) <= style.local_bytes &&
           static_cast<std::int64_t>(style.largest_group) >= kGpuBlock;
}

GroupCode attend_gpu(Emitter& emitter, graph::GroupRange range, const Whole& whole, const BoundEpilogue& epilogue,
                     ValueId output) {
    const Sizes& z = whole.z;
    Defines defines{{"INNER", std::to_string(z.inner)},
                    {"TILE_ROWS", std::to_string(kGpuRows)},
                    {"BLOCK", std::to_string(kGpuBlock)},
                    {"EACH", std::to_string(ceil_div(z.columns, kGpuBlock))}};
    std::vector<LaunchArgument> bounds;
    add_bounds(emitter, whole.attention, defines, bounds);
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    const auto items = static_cast<std::size_t>(kGpuBlock);
    Launch launch{
        emitter.instantiate("attention_gpu", defines),
        {BufferArgument{whole.scores.inputs[0], false}, BufferArgument{whole.scores.inputs[1], false},
         BufferArgument{whole.product.inputs[1], false}, BufferArgument{output, true}, number(z.rows), number(z.keys),
         number(z.columns), number(whole.is_transposed() ? z.inner : 1), number(whole.is_transposed() ? 1 : z.keys),
         number(z.q_step * z.rows * z.inner), number(z.k_step * z.inner * z.keys),
         number(z.v_step * z.keys * z.columns)},
        {static_cast<std::size_t>(ceil_div(z.rows, kGpuRows)) * items, static_cast<std::size_t>(z.batches), 1},
        {items, 1, 1}};
    append(launch.arguments, bounds);
    append(launch.arguments, epilogue.arguments);
    return {range, {std::move(launch)}, {}, {output}, "attention_gpu"};
}

}  // namespace

std::vector<std::string> attention_variants(const Emitter& emitter, graph::GroupRange range) {
    const Style& style = emitter.style();
    const auto attention = graph::attention_of(emitter.graph(), range);
    if (!attention) return {};
    const auto z = sizes_of(emitter, *attention);
    if (!z) return {};
    // A tile's part of the results lies on the stack, and should lie in the core's own cache.
    constexpr std::int64_t kWidest = 1024;
    if (style.wide_simd && z->columns > kWidest) return {};
    if (style.wide_simd) return {kWhole, kParts};
    // On GPUs tiles of products share more; what that is worth against the way through memory is for a measurement.
    if (style.gpu && fits_gpu(style, *z)) return {kParts, kWhole};
    return {};
}

std::optional<GroupCode> emit_attention(Emitter& emitter, graph::GroupRange range,
                                        const std::vector<ValueId>& outputs) {
    const Graph& graph = emitter.graph();
    const auto names = attention_variants(emitter, range);
    if (names.empty() || outputs.size() != 1) return std::nullopt;
    const bool known = std::find(names.begin(), names.end(), emitter.variant()) != names.end();
    if ((known ? emitter.variant() : names.front()) == kParts) return std::nullopt;
    const auto attention = graph::attention_of(graph, range);
    const auto z = sizes_of(emitter, *attention);
    const Whole whole{*attention, graph.ops[attention->scores], graph.ops[attention->product], *z};
    const bool simd = emitter.style().wide_simd;
    const auto epilogue = bind_epilogue(emitter, range, whole.scores.outputs[0], attention->biased,
                                        simd ? static_cast<int>(emitter.style().dialect.lanes) : 1);
    if (!epilogue) return std::nullopt;
    return simd ? attend_simd(emitter, range, whole, *epilogue, outputs[0])
                : attend_gpu(emitter, range, whole, *epilogue, outputs[0]);
}

}  // namespace shoal::opencl
