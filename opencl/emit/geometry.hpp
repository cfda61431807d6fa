// Window geometry as kernel arguments, for kernels that work in a fixed number of spatial axes: missing ones count 1.
#pragma once

#include "graph/window.hpp"
#include "opencl/emit/launch.hpp"

namespace shoal::opencl {

/// Spatial extent of `shape` [N, D1..Dr, C] along axis `axis` of `axes`, the last ones being those that there are.
[[nodiscard]] inline std::int64_t spatial(const Shape& shape, int axis, int axes) {
    const int at = axis - (axes - (shape.rank() - 2));
    return at < 0 ? 1 : shape[at + 1];
}

/// Entry of a window's list for axis `axis` of `axes`.
[[nodiscard]] inline std::int64_t entry(const graph::Ints& list, int axis, int axes, std::int64_t otherwise) {
    const int at = axis - (axes - static_cast<int>(list.size()));
    return at < 0 ? otherwise : list[static_cast<std::size_t>(at)];
}

/// Extents of x, extents of out, then kernel, strides, dilations and leading pads, `axes` numbers each.
[[nodiscard]] inline std::vector<LaunchArgument> window_arguments(const graph::Window& window, const Shape& x,
                                                                  const Shape& out, int axes) {
    std::vector<LaunchArgument> arguments;
    for (const Shape* shape : {&x, &out}) {
        for (int k = 0; k < axes; ++k)
            arguments.emplace_back(NumberArgument{spatial(*shape, k, axes)});
    }
    for (const auto* list : {&window.kernel, &window.strides, &window.dilations, &window.pads_begin}) {
        for (int k = 0; k < axes; ++k)
            arguments.emplace_back(NumberArgument{entry(*list, k, axes, list == &window.pads_begin ? 0 : 1)});
    }
    return arguments;
}

}  // namespace shoal::opencl
