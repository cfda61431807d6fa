// A trace as OpenCL C: one kernel whose work-items share the outer digits, vectorised over one digit where all accesses
// allow it. Sizes, strides and scalars are kernel arguments, so that one program serves every shape of a model.
#pragma once

#include <string>
#include <vector>

#include "opencl/codegen/arguments.hpp"
#include "opencl/codegen/trace.hpp"

namespace shoal::opencl {

/// What the text is written for.
struct Dialect {
    int lanes = 1;  ///< f32 lanes of a vector; 1 on devices that work on scalars
    bool one_per_item =
        false;           ///< SIMT: a work-item for each element, instead of a chunk that fills a cache line's stay
    int local_size = 1;  ///< work-items of a group
    int team = 1;        ///< work-items that may share a row of a reduction, a power of two; 1 where none do
};

struct GeneratedKernel {
    std::string name;  ///< entry point; derived from the text, so equal texts have equal names
    std::string text;
    std::vector<Argument> arguments;
    std::int64_t items = 0;  ///< work-items; the kernel ignores those beyond
    int group = 0;           ///< work-items of a group; 0: the dialect's
};

/// Throws Code::unsupported when a tensor is too large for 32-bit indices.
[[nodiscard]] GeneratedKernel print_loops(const Graph& graph, const Trace& trace, const Dialect& dialect);

}  // namespace shoal::opencl
