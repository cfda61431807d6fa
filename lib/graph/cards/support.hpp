// What several cards' rules share: refusing, split tables for operators that work element by element, strided walks.
#pragma once

#include <cstddef>
#include <functional>

#include "base/checked.hpp"
#include "graph/card.hpp"
#include "graph/wrapping.hpp"

namespace shoal::graph {

/// Throws Code::invalid_model with the parts joined.
template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
    base::fail(base::Code::invalid_model, parts...);
}

/// Throws unless every input that is there has the element type of input 0.
void expect_same_element(const Signature& signature, std::string_view who);

/// A concat split for each axis of output 0 with more than one unit, for which `allowed` holds.
std::vector<SplitAxis> axis_splits(const Shape& output, const std::function<bool(int axis)>& allowed);
std::vector<SplitAxis> axis_splits(const Shape& output);

/// The part of an input of shape `from`, read by broadcasting to `to`, that the range of axis `axis` of `to` needs.
InputSlice broadcast_slice(const Shape& from, const Shape& to, int axis, std::int64_t begin, std::int64_t end);

/// Copies elements of `element_size` bytes: dst[dst_strides . i] = src[src_strides . i] for every i inside `shape`.
/// Strides count elements and may be 0 or negative; the pointers are those of element i = 0.
void copy_strided(std::byte* dst, const Ints& dst_strides, const std::byte* src, const Ints& src_strides,
                  const Shape& shape, std::size_t element_size);

/// Calls `visit(coordinates)` for every index of `shape`, last axis fastest.
template <class Visit>
void for_each_index(const Shape& shape, Visit&& visit) {
    Ints at(shape.extents().size(), 0);
    for (std::int64_t n = shape.count(); n > 0; --n) {
        visit(static_cast<const Ints&>(at));
        for (int axis = shape.rank() - 1; axis >= 0; --axis) {
            auto& coordinate = at[static_cast<std::size_t>(axis)];
            if (++coordinate < shape[axis]) break;
            coordinate = 0;
        }
    }
}

/// Sum of coordinates times strides.
inline std::int64_t dot(const Ints& coordinates, const Ints& strides) {
    std::int64_t out = 0;
    for (std::size_t i = 0; i < coordinates.size(); ++i)
        out += coordinates[i] * strides[i];
    return out;
}

/// Movement of nibbles is done on bytes: `tensor` as i8 or u8 when it holds nibbles, itself otherwise; and back.
[[nodiscard]] Tensor unpacked(const Tensor& tensor);
[[nodiscard]] Tensor packed(const Tensor& bytes, ElementType nibbles);

/// Runs `move` on byte-addressable copies of the tensors, so that movement cards need not know of nibbles.
/// `move(inputs, output)` sees the output zeroed and of its element size.
void move_elements(std::span<const Tensor* const> inputs, Tensor& output,
                   const std::function<void(std::span<const Tensor* const>, Tensor&)>& move);

/// Element type of a contraction's result: floats stay, 8-bit integers give i32, wider ones stay; throws on a mix of
/// floats and integers or of different floats.
ElementType contraction_element(const Signature& signature, std::string_view who);

/// Calls `visit(zero)` with a zero of the type in which a reference loop accumulates and compares: double,
/// std::uint64_t for u64, std::int64_t for every other integer.
template <class Visit>
void with_accumulator(ElementType element, Visit&& visit) {
    if (tensor::is_floating(element))
        visit(double{});
    else if (element == ElementType::u64)
        visit(std::uint64_t{});
    else
        visit(std::int64_t{});
}

/// All elements as such a type.
template <class Value>
[[nodiscard]] std::vector<Value> elements_as(const Tensor& tensor);
template <>
[[nodiscard]] std::vector<double> elements_as<double>(const Tensor& tensor);
template <>
[[nodiscard]] std::vector<std::int64_t> elements_as<std::int64_t>(const Tensor& tensor);
template <>
[[nodiscard]] std::vector<std::uint64_t> elements_as<std::uint64_t>(const Tensor& tensor);

/// Writes accumulated values from element `first` on, rounded to the tensor's type (integers keep their low bits).
void store_sums(Tensor& out, std::int64_t first, std::span<const double> values);
void store_sums(Tensor& out, std::int64_t first, std::span<const std::int64_t> values);
void store_sums(Tensor& out, std::int64_t first, std::span<const std::uint64_t> values);

/// The ends of an element type's range; infinities for floats.
template <class Value>
[[nodiscard]] Value lowest_of(ElementType type);
template <class Value>
[[nodiscard]] Value highest_of(ElementType type);

/// 0, for operators that only move elements.
double no_flops(const Signature& signature);
/// One operation for every element of output 0.
double one_flop_each(const Signature& signature);

}  // namespace shoal::graph
