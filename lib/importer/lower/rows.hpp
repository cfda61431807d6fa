// Rows of a flattened tensor, which indexing and caches share.
#pragma once

#include <string>

#include "graph/builder.hpp"

namespace shoal::importer {

/// Indices below 0 counted from the end of an axis of this extent.
[[nodiscard]] graph::ValueId wrapped(graph::Builder& b, graph::ValueId index, std::int64_t extent);

/// data [A, ..] with updates [M, ..] put (or added, ...) at rows [M]; see the scatter card.
[[nodiscard]] graph::ValueId scattered(graph::Builder& b, const std::string& fn, graph::ValueId data,
                                       graph::ValueId rows, graph::ValueId updates);

/// cache [N, .., S, ..] with `update` [N, .., T, ..] written along `axis` from start[n] on; circular: round the end,
/// else what would come before the first or behind the last place is left out.
[[nodiscard]] graph::ValueId written(graph::Builder& b, graph::ValueId cache, graph::ValueId update,
                                     graph::ValueId start, int axis, bool circular);

}  // namespace shoal::importer
