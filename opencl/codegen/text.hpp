// The small vocabulary of generated OpenCL C: types, literals, loads, stores, casts and scalar functions as text.
//
// f16 and bf16 are computed in float, integers of up to 32 bits in int or uint, booleans as masks: 0 or 1 for one lane,
// 0 or -1 in vectors, as OpenCL's comparisons make them.
#pragma once

#include <string>
#include <vector>

#include "graph/scalar_function.hpp"
#include "tensor/element_type.hpp"

namespace shoal::opencl {

using tensor::ElementType;

/// The type in which a value of some element type is computed.
enum class Compute { f32, f64, i32, u32, i64, u64, mask };
[[nodiscard]] Compute compute_of(ElementType element);

/// "float", "float16", "int8", ...
[[nodiscard]] std::string type_name(Compute compute, int lanes);
/// The type of a buffer's elements as a kernel argument declares it, e.g. "half" or "uchar".
[[nodiscard]] std::string storage_name(ElementType element);

/// A number as a literal of that compute type; infinities and NaN included.
[[nodiscard]] std::string literal(double value, Compute compute);

/// Reads `lanes` neighbouring elements at `pointer` + `offset`.
[[nodiscard]] std::string load(ElementType element, const std::string& pointer, const std::string& offset, int lanes);
/// A statement that writes them.
[[nodiscard]] std::string store(ElementType element, const std::string& pointer, const std::string& offset,
                                const std::string& value, int lanes);

/// `value`, computed for `from`, as a value for `to`.
[[nodiscard]] std::string cast(const std::string& value, ElementType from, ElementType to, int lanes);

/// fn applied to operands given as expressions; `operand` is the element type of the operands that agree.
[[nodiscard]] std::string apply(const graph::ScalarFunction& fn, const std::vector<std::string>& operands, double p,
                                double q, ElementType operand, int lanes);

/// True when the text of fn may be used on several lanes of that type at once.
[[nodiscard]] bool has_lanes(const graph::ScalarFunction& fn, ElementType operand);

/// One lane out of several folded by a reduction's fn: halves until one is left.
[[nodiscard]] std::string fold_lanes(const std::string& fn, const std::string& value, Compute compute, int lanes);
/// a folded with b.
[[nodiscard]] std::string fold(const std::string& fn, const std::string& a, const std::string& b, Compute compute,
                               int lanes);
/// What folding starts from.
[[nodiscard]] std::string fold_start(const std::string& fn, ElementType element);

}  // namespace shoal::opencl
