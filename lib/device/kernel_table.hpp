// What is known of kernels on one device: what they take, and which of several ways of computing them was measured to
// be the fastest. Keys are signatures (graph/kernel_signature.hpp). The planner reads the times, code generation the
// ways.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace shoal::device {

/// What one kernel (group of operators) takes.
struct KernelCost {
    double seconds = 0;
    std::uint64_t weight_bytes = 0;     ///< constants as that device stores them
    std::uint64_t workspace_bytes = 0;  ///< scratch beyond inputs and outputs
    bool measured = false;              ///< false: estimated from the device's rates
    bool operator==(const KernelCost&) const = default;
};

struct KernelTable {
    std::map<std::string, KernelCost> costs{};
    std::map<std::string, std::string>
        variants{};  ///< names without blanks; kernels that are not here go the usual way

    bool operator==(const KernelTable&) const = default;
};

/// Takes `newer` into `known`; kernels that both have are as `newer` has them, the usual way included.
void merge(KernelTable& known, const KernelTable& newer);

}  // namespace shoal::device
