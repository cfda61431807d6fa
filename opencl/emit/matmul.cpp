// Matrix products: which kernel, which tile, which packing.
#include <algorithm>

#include "graph/cards.hpp"
#include "opencl/codegen/text.hpp"
#include "opencl/emit/batches.hpp"
#include "opencl/emit/gpu.hpp"
#include "opencl/emit/panels.hpp"

namespace shoal::opencl {
namespace {

using base::ceil_div;
using graph::Ints;

struct SimdProduct {
    Product product;
    Batches batches;
    bool transposed;
};

std::optional<SimdProduct> simd_product(const Emitter& emitter, const Op& op) {
    const Shape &a = emitter.shape(op.inputs[0]), &b = emitter.shape(op.inputs[1]);
    auto batches = linear_batches(a, b);
    if (!batches) return std::nullopt;
    const bool transposed = op.attrs.integer("transpose_b") != 0;
    SimdProduct out{{a[a.rank() - 2], b[b.rank() - (transposed ? 2 : 1)], a.back()}, *batches, transposed};
    if (batches->right_step == 0 &&
        batches->left_step == 1) {  // one matrix for all: their rows are rows of one product
        out.product.rows *= batches->count;
        out.batches.count = 1;
    }
    out.product.batches = out.batches.count;
    return out;
}

constexpr std::int64_t kDotRows = 2,
                       kDotColumns = 4;  // columns side by side: more are more streams than cores prefetch
constexpr const char* kDot = "dot";

bool dot_applies(const Emitter& emitter, const Op& op) {
    const Shape &a = emitter.shape(op.inputs[0]), &b = emitter.shape(op.inputs[1]);
    const std::int64_t inner = a.back(), columns = b[b.rank() - 2];
    return op.attrs.integer("transpose_b") != 0 && emitter.graph().is_constant(op.inputs[1]) &&
           b.count() == columns * inner && a.count() <= kDotRows * inner && columns >= kDotColumns &&
           inner >= emitter.style().dialect.lanes;
}

// Few rows by a constant that lies transposed: its rows are read as they are, so that it need not be kept a second
// time.
GroupCode matmul_dot(Emitter& emitter, graph::GroupRange range, const Op& op, const BoundEpilogue& epilogue) {
    const Shape &a = emitter.shape(op.inputs[0]), &b = emitter.shape(op.inputs[1]);
    const std::int64_t inner = a.back(), rows = a.count() / inner, columns = b[b.rank() - 2];
    Defines defines{{"LANES", std::to_string(emitter.style().dialect.lanes)},
                    {"ROWS", std::to_string(rows)},
                    {"COLUMNS", std::to_string(kDotColumns)}};
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    Launch launch{emitter.instantiate("dot_f32_simd", defines),
                  {BufferArgument{op.inputs[0], false}, BufferArgument{op.inputs[1], false},
                   BufferArgument{epilogue.value, true}, number(columns), number(inner)},
                  {static_cast<std::size_t>(ceil_div(columns, kDotColumns)), 1, 1}};
    append(launch.arguments, epilogue.arguments);
    GroupCode out{range, {}, {}, {epilogue.value}, "dot_f32_simd"};
    out.launches.push_back(std::move(launch));
    return out;
}

std::optional<GroupCode> matmul_simd(Emitter& emitter, graph::GroupRange range, const Op& op,
                                     const BoundEpilogue& epilogue) {
    const auto simd = simd_product(emitter, op);
    if (!simd) return std::nullopt;
    const auto& [product, batches, transposed] = *simd;
    const auto [rows, columns, inner, count] = product;
    const Tile tile = tile_for(emitter, product);
    GroupCode out{range, {}, {}, {epilogue.value}, "matmul_f32_simd"};
    const Panels panels{
        inner,          columns, batches.right_step == 0 ? 1 : count, transposed ? 1 : columns, transposed ? inner : 1,
        inner * columns};
    const LaunchArgument right = pack(emitter, out, op.inputs[1], panels, tile);
    Defines defines = tile.defines();
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    Launch launch{
        emitter.instantiate("contract_f32_simd", defines),
        {BufferArgument{op.inputs[0], false}, right, BufferArgument{epilogue.value, true}, number(rows),
         number(columns), number(inner), number(inner), number(batches.left_step * rows * inner),
         number(batches.right_step * panels.batch_size(tile.panel())), number(columns), number(rows * columns), number(0)},
        tile.work_items(product)};
    append(launch.arguments, epilogue.arguments);
    out.launches.push_back(std::move(launch));
    return out;
}

std::optional<GroupCode> matmul_plain(Emitter& emitter, graph::GroupRange range, const Op& op,
                                      const BoundEpilogue& epilogue) {
    const Shape &a = emitter.shape(op.inputs[0]), &b = emitter.shape(op.inputs[1]), &c = emitter.shape(op.outputs[0]);
    const Shape batch(Ints(c.begin(), c.end() - 2));
    const auto axes = batch_axes(a, b, batch);
    if (!axes) return std::nullopt;
    const bool transposed = op.attrs.integer("transpose_b") != 0;
    const std::int64_t inner = a.back(), columns = c.back();
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
                                          number(transposed ? inner : 1)};
    append(arguments, axes->arguments());
    append(arguments, epilogue.arguments);
    GroupCode out{range, {}, {}, {epilogue.value}, "matmul_plain"};
    out.launches.push_back(
        flat_launch(emitter.style(), emitter.instantiate("matmul_plain", defines), std::move(arguments), c.count()));
    return out;
}

}  // namespace

std::vector<std::string> matmul_variants(const Emitter& emitter, const Op& op) {
    if (emitter.style().gpu) return gpu_matmul_variants(emitter, op);
    if (!emitter.style().wide_simd || !is_f32_product(emitter, op)) return {};
    std::vector<std::string> out;
    if (dot_applies(emitter, op)) out.emplace_back(kDot);
    if (const auto simd = simd_product(emitter, op)) {
        for (const Tile& tile : tiles_for(emitter.style(), simd->product))
            out.push_back(tile.name());
    }
    return out;
}

std::optional<GroupCode> emit_matmul(Emitter& emitter, graph::GroupRange range, const std::vector<ValueId>& outputs) {
    const Op& op = emitter.graph().ops[range.first];
    if (outputs.size() != 1) return std::nullopt;
    if (emitter.style().wide_simd && is_f32_product(emitter, op)) {
        const auto epilogue = bind_epilogue(emitter, range, op.outputs[0], outputs[0], emitter.style().dialect.lanes);
        if (!epilogue) return std::nullopt;
        const bool dot = emitter.variant().empty() || emitter.variant() == kDot;
        if (dot && dot_applies(emitter, op)) return matmul_dot(emitter, range, op, *epilogue);
        if (auto code = matmul_simd(emitter, range, op, *epilogue)) return code;
    }
    const auto epilogue = bind_epilogue(emitter, range, op.outputs[0], outputs[0], 1);
    if (!epilogue) return std::nullopt;
    if (emitter.style().gpu) {
        if (auto code = matmul_gpu(emitter, range, op, *epilogue)) return code;
    }
    return matmul_plain(emitter, range, op, *epilogue);
}

}  // namespace shoal::opencl
