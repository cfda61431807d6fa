// A convolution as its emitters see it.
#pragma once

#include "graph/window.hpp"
#include "opencl/emit/emitter.hpp"

namespace shoal::opencl {

struct Convolution {
    const Op& op;
    graph::Window window;
    Shape x, w, out;
    std::int64_t groups;
};

/// One tap, no step, no padding: a matrix product.
[[nodiscard]] bool is_pointwise(const Convolution& c);

/// Winograd's algorithm F(4x4, 3x3): where it can be used, and where it is expected to be faster than a direct
/// convolution.
[[nodiscard]] bool winograd_applies(const Emitter& emitter, const Convolution& c);
[[nodiscard]] bool winograd_pays(const Convolution& c);
[[nodiscard]] GroupCode conv_winograd(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                                      const BoundEpilogue& epilogue);

}  // namespace shoal::opencl
