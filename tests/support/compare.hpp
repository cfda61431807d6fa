// Comparing tensors: the first mismatch is shown with its index and both values.
#pragma once

#include <string>

#include "tensor/tensor.hpp"

namespace shoal::test {

/// |got - want| <= relative * |want| + absolute * max(1, max|want|); NaN equals NaN, infinities by sign.
struct Tolerance {
    double relative = 0, absolute = 0;
};

/// "" when types agree and every element is within the tolerance, else one line that says where and what.
[[nodiscard]] std::string difference(const tensor::Tensor& got, const tensor::Tensor& want, Tolerance tolerance = {});

}  // namespace shoal::test
