// Attention as one kernel on wide-SIMD CPUs, where its operands are such that this is possible.
#include "graph/attention.hpp"

#include "opencl/emit/panels.hpp"

namespace shoal::opencl {
namespace {

using base::ceil_div;

constexpr const char* kWhole = "whole";
constexpr const char* kParts = "parts";
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
    const bool fits = matrices(s) == z.batches && s[s.rank() - 2] == z.rows && step(q, z.q_step) &&
                      step(k, z.k_step) && step(v, z.v_step) && z.columns >= lanes && z.keys >= lanes;
    return fits ? std::optional(z) : std::nullopt;
}

}  // namespace

std::vector<std::string> attention_variants(const Emitter& emitter, graph::GroupRange range) {
    const auto attention = graph::attention_of(emitter.graph(), range);
    if (!emitter.style().wide_simd || !attention || !sizes_of(emitter, *attention)) return {};
    return {kWhole, kParts};
}

std::optional<GroupCode> emit_attention(Emitter& emitter, graph::GroupRange range,
                                        const std::vector<ValueId>& outputs) {
    const Graph& graph = emitter.graph();
    const auto attention = graph::attention_of(graph, range);
    if (!emitter.style().wide_simd || !attention || emitter.variant() == kParts || outputs.size() != 1)
        return std::nullopt;
    const auto z = sizes_of(emitter, *attention);
    if (!z) return std::nullopt;
    const Op &scores = graph.ops[attention->scores], &product = graph.ops[attention->product];
    const std::int64_t lanes = emitter.style().dialect.lanes;
    const auto epilogue =
        bind_epilogue(emitter, range, scores.outputs[0], attention->biased, static_cast<int>(lanes));
    if (!epilogue) return std::nullopt;

    const Tile tile{std::min<std::int64_t>(emitter.style().tile_rows, z->rows), z->keys < 2 * lanes ? 1 : 2, lanes};
    const std::int64_t piece = z->columns < 2 * lanes ? 1 : 2;
    GroupCode out{range, {}, {}, {outputs[0]}, "attention_f32_simd"};
    const bool transposed = scores.attrs.integer("transpose_b") != 0;
    const Panels panels{z->inner,
                        z->keys,
                        z->k_step == 0 ? 1 : z->batches,
                        transposed ? 1 : z->keys,
                        transposed ? z->inner : 1,
                        z->inner * z->keys};
    const LaunchArgument keys = pack(emitter, out, scores.inputs[1], panels, tile);
    Defines defines{{"LANES", std::to_string(lanes)},
                    {"TILE_ROWS", std::to_string(tile.rows)},
                    {"KEY_VECTORS", std::to_string(tile.vectors)},
                    {"BLOCK", std::to_string(base::round_up(kKeysTogether, tile.panel()))},
                    {"PIECE_VECTORS", std::to_string(piece)},
                    {"PIECES", std::to_string(ceil_div(z->columns, piece * lanes))}};
    std::vector<LaunchArgument> bounds;
    const auto bound = [&](ValueId value, const char* macro) {
        if (value == graph::kNoValue) return;
        defines.emplace_back(macro, "");
        bounds.push_back(ScalarArgument{value, emitter.element(value)});
    };
    bound(attention->least_top, "LEAST_TOP");
    bound(attention->least_total, "LEAST_TOTAL");
    defines.insert(defines.end(), epilogue->defines.begin(), epilogue->defines.end());
    Launch launch{emitter.instantiate("attention_f32_simd", defines),
                  {BufferArgument{scores.inputs[0], false}, keys, BufferArgument{product.inputs[1], false},
                   BufferArgument{outputs[0], true}, number(z->rows), number(z->keys), number(z->inner),
                   number(z->columns), number(z->q_step * z->rows * z->inner),
                   number(z->k_step * panels.batch_size(tile.panel())), number(z->v_step * z->keys * z->columns)},
                  {static_cast<std::size_t>(ceil_div(z->rows, tile.rows)), static_cast<std::size_t>(z->batches), 1}};
    append(launch.arguments, bounds);
    append(launch.arguments, epilogue->arguments);
    out.launches.push_back(std::move(launch));
    return out;
}

}  // namespace shoal::opencl
