// The scalar functions that `map` applies to elements: one row each, serving the host, the code generator and the cost.
//
// A row's expression is written once, in the common subset of C++ and OpenCL C: `a`, `b`, `c` are the operands, `p` and
// `q` the operator's parameters, and K(x) is the constant x in the operands' own type. OpenCL evaluates it on vectors
// too, where `?:` selects element by element, so both of its arms are always evaluated.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "tensor/element_type.hpp"

namespace shoal::graph {

struct ScalarFunction {
    /// How the result's element type follows from the operands'.
    enum class Result : std::uint8_t {
        same,     ///< that of the operands, which all agree
        boolean,  ///< a boolean; the operands agree
        chosen,   ///< operand a is a boolean, b and c agree, the result is of their type
    };
    /// Which operands it is defined for.
    enum class Domain : std::uint8_t { floating, integer, number, boolean, any };

    std::string_view name;
    int arity;
    Domain domain;
    Result result;
    double flops;           ///< per element; transcendental functions count what a polynomial takes
    std::string_view code;  ///< the expression as text, for the code generator
    double (*real)(double a, double b, double c, double p, double q);
    std::int64_t (*whole)(std::int64_t a, std::int64_t b, std::int64_t c, double p, double q);
    std::uint64_t (*natural)(std::uint64_t a, std::uint64_t b, std::uint64_t c, double p, double q);
};

[[nodiscard]] std::span<const ScalarFunction> scalar_functions() noexcept;

/// The row of that name, or nullptr.
[[nodiscard]] const ScalarFunction* find_scalar_function(std::string_view name) noexcept;

/// True when operands of that type are in the function's domain.
[[nodiscard]] bool accepts(ScalarFunction::Domain domain, tensor::ElementType type) noexcept;

}  // namespace shoal::graph
