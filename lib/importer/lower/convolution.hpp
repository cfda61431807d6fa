// What the quantised and fused convolutions share with the plain one.
#pragma once

#include "importer/lower/window.hpp"

namespace shoal::importer {

struct Convolution {
    SpatialWindow window;
    std::int64_t groups = 1;
};

/// Reads window and groups of a convolution: input x is [N, C, D..] or, channels last, [N, D.., C]; w is [O, I, k..].
[[nodiscard]] Convolution convolution_of(Context& c, int x, int w, bool last = false);

/// x [N, D.., C] and w [O, k.., C / groups] -> [N, P.., O]
[[nodiscard]] ValueId convolved(Builder& b, const Convolution& conv, ValueId x, ValueId w);

}  // namespace shoal::importer
