// Non-maximum suppression by plain loops, for boxes that are known on the host.
#pragma once

#include <cstdint>
#include <limits>

#include "tensor/tensor.hpp"

namespace shoal::importer {

struct Suppression {
    bool centred = false;   ///< boxes are (x, y, width, height) of their centre, else two corners (y, x, y, x)
    std::int64_t most = 0;  ///< boxes kept of one image and class
    double overlap = 0;     ///< a box that overlaps a better one by more than this (area of both / of either) falls out
    double least_score = -std::numeric_limits<double>::infinity();  ///< only boxes above count
};

/// boxes [N, B, 4], scores [N, classes, B] -> i64 [kept, 3]: image, class and box, best first within a class.
[[nodiscard]] tensor::Tensor suppress(const Suppression& how, const tensor::Tensor& boxes,
                                      const tensor::Tensor& scores);

}  // namespace shoal::importer
