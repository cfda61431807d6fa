// The kernels of the GPU class: work-groups that share what they read in local memory. Each returns nothing where the
// device is too small for it, and the plain kernel serves.
#pragma once

#include "opencl/emit/convolution.hpp"

namespace shoal::opencl {

[[nodiscard]] std::vector<std::string> gpu_matmul_variants(const Emitter& emitter, const Op& op);
[[nodiscard]] std::optional<GroupCode> matmul_gpu(Emitter& emitter, graph::GroupRange range, const Op& op,
                                                  const BoundEpilogue& epilogue);

[[nodiscard]] std::vector<std::string> gpu_conv_variants(const Emitter& emitter, const Convolution& c);
[[nodiscard]] std::optional<GroupCode> conv_gpu(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                                                const BoundEpilogue& epilogue);

/// Each channel by itself, which has a kernel of its own.
[[nodiscard]] bool is_depthwise_gpu(const Emitter& emitter, const Convolution& c);
[[nodiscard]] std::vector<std::string> gpu_depthwise_variants(const Convolution& c);
[[nodiscard]] GroupCode depthwise_gpu(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                                      const BoundEpilogue& epilogue);

}  // namespace shoal::opencl
