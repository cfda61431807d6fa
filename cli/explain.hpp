// Which kernels a model became: what each fused, what it took, and how near that is to what the device can do.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runtime/backend.hpp"

namespace shoal::cli {

struct ExplainedKernel {
    runtime::KernelReport report;
    std::vector<std::string> operators;  ///< the model's own names, each once
};

/// Profiles the executables of a run, in order.
[[nodiscard]] std::vector<ExplainedKernel> explain(const std::vector<std::shared_ptr<runtime::Executable>>& executables,
                                                   int repeat);

/// Seconds in which the device would do all of it at its measured best, each kernel by whichever limit binds it.
[[nodiscard]] double seconds_at_limit(const std::vector<ExplainedKernel>& kernels, const device::Rates& rates);

/// `rates` of the device as measured; without them shares of the device's limit are left out.
[[nodiscard]] std::string explain_text(const std::vector<ExplainedKernel>& kernels, const device::Rates& rates);
[[nodiscard]] nlohmann::ordered_json explain_json(const std::vector<ExplainedKernel>& kernels,
                                                  const device::Rates& rates);

}  // namespace shoal::cli
