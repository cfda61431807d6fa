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
    int lanes = 1;             ///< f32 lanes of a vector; 1 on devices that work on scalars
    bool one_per_item = false; ///< SIMT: a work-item for each element, instead of a chunk that fills a cache line's stay
    int local_size = 1;        ///< work-items of a group
};

struct KernelText {
    std::string name;  ///< entry point; derived from the text, so equal texts have equal names
    std::string text;
    std::vector<Argument> arguments;
    std::int64_t items = 0;  ///< work-items; the kernel ignores those beyond
};

/// Throws Code::unsupported when a tensor is too large for 32-bit indices.
[[nodiscard]] KernelText print_loops(const Graph& graph, const Trace& trace, const Dialect& dialect);

/// The epilogue of a contraction, as parameters and as the body of a function from the accumulated lanes to what is
/// stored: given (type [lanes]), row and column, all `lanes` columns inside.
struct EpilogueText {
    std::string parameters;  ///< ", __global const float* e0, float e1"; empty when there is nothing to add
    std::string names;       ///< ", e0, e1"
    std::string body;        ///< statements; `given`, `row`, `column`, `columns` are in scope; ends with return
    ElementType element = ElementType::f32;  ///< of what is stored
    ValueId value = graph::kNoValue;         ///< what is stored
    std::vector<Argument> arguments;
};
[[nodiscard]] EpilogueText print_epilogue(const Graph& graph, const Trace& trace, int lanes);

}  // namespace shoal::opencl
