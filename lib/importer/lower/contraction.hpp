// What the fused and quantised forms share with the plain products.
#pragma once

#include "graph/builder.hpp"

namespace shoal::importer {

/// NumPy's matmul, operands of rank 1 included.
[[nodiscard]] graph::ValueId matrix_product(graph::Builder& b, graph::ValueId x, graph::ValueId y);

}  // namespace shoal::importer
