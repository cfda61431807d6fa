#include "optimize/optimize.hpp"

namespace shoal::optimize {

Graph optimize(const Graph& graph) {
    Graph out = share_equal(sink_transposes(share_equal(graph)));
    return fuse(share_equal(pad_few_channels(fold_scales(out))));
}

}  // namespace shoal::optimize
