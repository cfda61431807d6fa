#include "opencl/emit/panels.hpp"

#include <algorithm>

#include "opencl/codegen/text.hpp"

namespace shoal::opencl {

using base::ceil_div;

Tile tile_for(const Style& style, std::int64_t rows, std::int64_t columns) {
    const std::int64_t lanes = style.dialect.lanes;
    return {std::min<std::int64_t>(rows, style.tile_rows), columns <= lanes ? 1 : style.tile_vectors, lanes};
}

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
