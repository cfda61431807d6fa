#include "optimize/optimize.hpp"

namespace shoal::optimize {

Graph optimize(Graph graph) {
    // What a pass has read goes as soon as it is done: weights that it made anew lie in memory twice only meanwhile.
    for (const auto pass :
         {share_equal, sink_transposes, share_equal, fold_scales, pad_few_channels, share_equal, fuse})
        graph = pass(graph);
    return graph;
}

}  // namespace shoal::optimize
