// A fused group of element-wise, movement, gather and reduction operators as one loop nest over expressions.
//
// The trace walks the group backwards from what leaves it, turning movement into index arithmetic; what remains is
// loads, arithmetic and, for reductions, passes over a row. It is the form between the graph and OpenCL C, with no text
// in it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "graph/graph.hpp"
#include "graph/scalar_function.hpp"
#include "opencl/codegen/index.hpp"
#include "opencl/codegen/nest.hpp"

namespace shoal::opencl {

using graph::ElementType;
using graph::Graph;
using graph::ValueId;

/// index must lie in [0, extent), or the element is padding.
struct Bound {
    Index index;
    std::int64_t extent;
    auto operator<=>(const Bound&) const = default;
};

/// One expression of the loop body; arguments are numbers of earlier nodes.
struct Node {
    enum class Kind : std::uint8_t {
        load,         ///< element `at` of `value`
        scalar,       ///< the only element of constant `value`; becomes a kernel argument
        number,       ///< the whole number p, the same for every shape
        extent,       ///< `extent` as i64, a kernel argument since it changes with the shape
        iota,         ///< start + step * at
        apply,        ///< fn(args; p, q)
        cast,         ///< args[0] as `element`
        padded,       ///< args[0] where all bounds hold, else p
        index,        ///< args[0] clamped into [0, extent) after wrapping negatives: symbol Symbol::loaded number
        accumulated,  ///< the result of reduction pass number `pass`
        given,        ///< what a contraction hands to its epilogue
    };
    Kind kind = Kind::load;
    ElementType element = ElementType::f32;  ///< of the result
    ValueId value = graph::kNoValue;
    Index at{};
    const graph::ScalarFunction* fn = nullptr;
    std::vector<int> args{};
    double p = 0, q = 0;
    std::vector<Bound> bounds{};  ///< of padded; of a load: where it may be done at all, else it counts as 0
    std::int64_t extent = 0;
    int pass = -1;
    int symbol = -1;
    auto operator<=>(const Node&) const = default;
};

/// A reduction over the folded digits: one pass over the row.
struct Pass {
    std::string fn;  ///< sum, product, max, min
    int node;        ///< what is folded
};

struct Store {
    ValueId value;
    int node;
    Index at;
    bool per_row;  ///< once for each outer position, behind the passes; else in the last loop
};

struct Trace {
    Nest nest;
    std::vector<Node> nodes;
    std::vector<Pass> passes;
    std::vector<Store> stores;
};

/// What operators [range) compute of `outputs`, which are among their results, as one or (for a concat) several loop
/// nests. Nothing when they are no loop nest: an operator it cannot express, or indices that no cut makes linear.
/// Parts of a concat for which `is_stored` holds lie in it already.
[[nodiscard]] std::optional<std::vector<Trace>> trace_loops(
    const Graph& graph, graph::GroupRange range, const std::vector<ValueId>& outputs,
    const std::function<bool(ValueId)>& is_stored = [](ValueId) { return false; });

/// The element-wise chain from a contraction's result `given` (seen as [rows, columns]; the node `given`) to `output`,
/// both made by operators of [range). Nothing when it is no such chain.
[[nodiscard]] std::optional<Trace> trace_epilogue(const Graph& graph, graph::GroupRange range, ValueId given,
                                                  ValueId output);

}  // namespace shoal::opencl
