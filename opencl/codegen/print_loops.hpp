// A trace as OpenCL C: one kernel whose work-items share the outer digits, vectorised over one digit where all accesses
// allow it. Sizes, strides and scalars are kernel arguments, so that one program serves every shape of a model.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "opencl/codegen/trace.hpp"

namespace shoal::opencl {

/// What a kernel argument is bound to.
struct BufferArgument {
    ValueId value;
    bool written;
    bool operator==(const BufferArgument&) const = default;
};
struct NumberArgument {
    std::int64_t value;  ///< passed as int
    bool operator==(const NumberArgument&) const = default;
};
struct ScalarArgument {
    ValueId value;  ///< a constant of one element, passed in its compute type
    ElementType element;
    bool operator==(const ScalarArgument&) const = default;
};
using Argument = std::variant<BufferArgument, NumberArgument, ScalarArgument>;

/// What the text is written for.
struct Dialect {
    int lanes = 1;  ///< f32 lanes of a vector; 1 on devices that work on scalars
    bool one_per_item =
        false;           ///< SIMT: a work-item for each element, instead of a chunk that fills a cache line's stay
    int local_size = 1;  ///< work-items of a group
};

struct GeneratedKernel {
    std::string name;  ///< entry point; derived from the text, so equal texts have equal names
    std::string text;
    std::vector<Argument> arguments;
    std::int64_t items = 0;  ///< work-items; the kernel ignores those beyond
};

/// Throws Code::unsupported when a tensor is too large for 32-bit indices.
[[nodiscard]] GeneratedKernel print_loops(const Graph& graph, const Trace& trace, const Dialect& dialect);

/// The epilogue of a contraction as two functions from what it computed (`given`, at row d0 and columns d1 and
/// following) to what is stored: one for a vector of `lanes` columns, one for a single column.
struct Epilogue {
    std::string functions;             ///< text of epilogue_<digest>_lanes and epilogue_<digest>_one
    std::string lanes_name, one_name;  ///< their names; called as name(given, row, column <names>)
    std::string parameters;  ///< ", __global const float* restrict b0, int n0", for the kernel's own signature
    std::string names;       ///< ", b0, n0", for the calls
    ElementType element = ElementType::f32;  ///< of what is stored
    ValueId value = graph::kNoValue;         ///< what is stored
    std::vector<Argument> arguments;
};
[[nodiscard]] Epilogue print_epilogue(const Graph& graph, const Trace& trace, ElementType given, int lanes);

}  // namespace shoal::opencl
