// What a contraction does to each element that it computed before it stores it, as functions that its kernel calls.
#pragma once

#include <string>
#include <vector>

#include "opencl/codegen/arguments.hpp"

namespace shoal::opencl {

/// The epilogue of a contraction as two functions from what it computed (`given`, at a row and a column and
/// those that follow) to what is stored: one for a vector of `lanes` columns, one for a single column.
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
