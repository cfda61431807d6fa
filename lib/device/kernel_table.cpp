#include "device/kernel_table.hpp"

namespace shoal::device {

void merge(KernelTable& known, const KernelTable& newer) {
    for (const auto& [signature, cost] : newer.costs) {
        known.costs[signature] = cost;
        known.variants.erase(signature);  // measured anew, and no variant: the usual way is the best one now
    }
    for (const auto& [signature, variant] : newer.variants)
        known.variants[signature] = variant;
}

}  // namespace shoal::device
