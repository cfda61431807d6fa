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

/// By Winograd's algorithm F(4x4, 3x3); nothing when it does not apply or a direct convolution is expected to be
/// faster.
[[nodiscard]] std::optional<GroupCode> conv_winograd(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                                                     const BoundEpilogue& epilogue);

}  // namespace shoal::opencl
