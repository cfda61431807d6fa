// Reductions on devices whose work-groups share memory: a row's elements are dealt to several work-items, which fold
// what each of them got in local memory.
#pragma once

#include "opencl/codegen/print_loops.hpp"

namespace shoal::opencl {

/// Nothing where a row is better left to one work-item: too short, or enough others beside it in memory.
[[nodiscard]] std::optional<GeneratedKernel> print_row_groups(const Graph& graph, const Trace& trace,
                                                              const Dialect& dialect);

}  // namespace shoal::opencl
