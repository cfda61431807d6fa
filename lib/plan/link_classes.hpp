// Measured links are never quite equal. Where a search would rather have a few kinds of links than hundreds, those that
// are nearly equal are taken for the worst of them.
#pragma once

#include "plan/cluster.hpp"

namespace shoal::plan {

/// The cluster with every link's latency rounded up and rate rounded down to a few values: from the best to the worst
/// link of a class is at most `spread` (above 1). No link gets better, so plans for the result hold on the cluster.
[[nodiscard]] Cluster with_link_classes(const Cluster& cluster, double spread);

}  // namespace shoal::plan
