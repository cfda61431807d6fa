// Fewer loops for the same accesses.
#pragma once

#include "opencl/codegen/trace.hpp"

namespace shoal::opencl {

/// Joins neighbouring digits that every access steps through as one.
void collapse(Trace& trace);

}  // namespace shoal::opencl
