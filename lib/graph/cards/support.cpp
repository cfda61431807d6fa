#include "graph/cards/support.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace shoal::graph {

void expect_same_element(const Signature& signature, std::string_view who) {
    for (std::size_t i = 1; i < signature.inputs.size(); ++i) {
        if (signature.has(i) && signature.in(i).element != signature.in(0).element) {
            refuse(who, ": input ", i, " is ", signature.in(i), ", input 0 is ", signature.in(0),
                   "; element types must agree");
        }
    }
}

std::vector<SplitAxis> axis_splits(const Shape& output, const std::function<bool(int)>& allowed) {
    std::vector<SplitAxis> out;
    for (int axis = 0; axis < output.rank(); ++axis) {
        if (output[axis] < 2 || !allowed(axis)) continue;
        out.push_back({base::text("axis ", axis), output[axis], 1, Merge::concat, {axis}});
    }
    return out;
}

std::vector<SplitAxis> axis_splits(const Shape& output) {
    return axis_splits(output, [](int) { return true; });
}

InputSlice broadcast_slice(const Shape& from, const Shape& to, int axis, std::int64_t begin, std::int64_t end) {
    const int own = axis - (to.rank() - from.rank());
    if (own < 0 || from[own] == 1) return InputSlice::whole();
    return {own, begin, end};
}

namespace {

template <class Word>
void copy_row(std::byte* dst, std::int64_t dst_step, const std::byte* src, std::int64_t src_step, std::int64_t count) {
    constexpr std::int64_t kSize = sizeof(Word);
    for (std::int64_t i = 0; i < count; ++i)
        std::memcpy(dst + i * dst_step * kSize, src + i * src_step * kSize, kSize);
}

using CopyRow = void (*)(std::byte*, std::int64_t, const std::byte*, std::int64_t, std::int64_t);

CopyRow row_copier(std::size_t element_size) {
    switch (element_size) {
        case 1: return copy_row<std::uint8_t>;
        case 2: return copy_row<std::uint16_t>;
        case 4: return copy_row<std::uint32_t>;
        case 8: return copy_row<std::uint64_t>;
    }
    base::fail(base::Code::internal, "no copy for elements of ", element_size, " bytes");
}

}  // namespace

void copy_strided(std::byte* dst, const Ints& dst_strides, const std::byte* src, const Ints& src_strides,
                  const Shape& shape, std::size_t element_size) {
    if (shape.count() == 0) return;
    const auto size = static_cast<std::int64_t>(element_size);
    if (shape.rank() == 0) {
        std::memcpy(dst, src, element_size);
        return;
    }
    const auto copy = row_copier(element_size);
    const std::int64_t row = shape.back(), dst_step = dst_strides.back(), src_step = src_strides.back();
    for_each_index(shape.with(shape.rank() - 1, 1), [&](const Ints& at) {
        std::byte* to = dst + dot(at, dst_strides) * size;
        const std::byte* from = src + dot(at, src_strides) * size;
        if (dst_step == 1 && src_step == 1) {
            std::memcpy(to, from, static_cast<std::size_t>(row * size));
        } else {
            copy(to, dst_step, from, src_step, row);
        }
    });
}

Tensor unpacked(const Tensor& tensor) {
    if (!tensor::is_nibble(tensor.element())) return tensor;
    const auto wide = tensor.element() == ElementType::i4 ? ElementType::i8 : ElementType::u8;
    return tensor::from_doubles(wide, tensor.shape(), tensor::to_doubles(tensor));
}

Tensor packed(const Tensor& bytes, ElementType nibbles) {
    return tensor::from_doubles(nibbles, bytes.shape(), tensor::to_doubles(bytes));
}

void move_elements(std::span<const Tensor* const> inputs, Tensor& output,
                   const std::function<void(std::span<const Tensor* const>, Tensor&)>& move) {
    if (!tensor::is_nibble(output.element())) return move(inputs, output);
    std::vector<Tensor> wide;
    wide.reserve(inputs.size());
    for (const Tensor* input : inputs)
        wide.push_back(unpacked(*input));
    std::vector<const Tensor*> pointers;
    for (const Tensor& tensor : wide)
        pointers.push_back(&tensor);
    Tensor moved(Type{output.element() == ElementType::i4 ? ElementType::i8 : ElementType::u8, output.shape()});
    move(pointers, moved);
    output = packed(moved, output.element());
}

ElementType contraction_element(const Signature& signature, std::string_view who) {
    const ElementType a = signature.in(0).element, b = signature.in(1).element;
    if (tensor::is_floating(a) && a == b) return a;
    const bool bytes = tensor::bits(a) == 8 && tensor::bits(b) == 8;
    if (tensor::is_integer(a) && tensor::is_integer(b) && (bytes || (a == b && tensor::bits(a) >= 32)))
        return bytes ? ElementType::i32 : a;
    refuse(who, ": element types ", tensor::name(a), " and ", tensor::name(b));
}

template <>
std::vector<double> elements_as<double>(const Tensor& tensor) {
    if (tensor.element() != ElementType::f32) return tensor::to_doubles(tensor);
    const auto values = tensor.as<float>();
    return {values.begin(), values.end()};
}

template <>
std::vector<std::int64_t> elements_as<std::int64_t>(const Tensor& tensor) {
    return tensor::to_ints(tensor);
}

template <>
std::vector<std::uint64_t> elements_as<std::uint64_t>(const Tensor& tensor) {
    const auto values = tensor.as<std::uint64_t>();
    return {values.begin(), values.end()};
}

namespace {

template <class Value>
void store(Tensor& out, std::int64_t first, std::span<const Value> values) {
    tensor::with_type(out.element(), [&](auto zero) {
        using Stored = decltype(zero);
        const auto target = out.edit_as<Stored>().subspan(static_cast<std::size_t>(first));
        for (std::size_t i = 0; i < values.size(); ++i) {
            if constexpr (std::is_same_v<Stored, tensor::Half> || std::is_same_v<Stored, tensor::BFloat>) {
                target[i] = Stored(static_cast<float>(values[i]));
            } else if constexpr (std::is_same_v<Stored, tensor::Bool>) {
                target[i] = tensor::Bool{static_cast<std::uint8_t>(values[i] != 0)};
            } else {
                target[i] = static_cast<Stored>(values[i]);
            }
        }
    });
}

}  // namespace

void store_sums(Tensor& out, std::int64_t first, std::span<const double> values) {
    store(out, first, values);
}

void store_sums(Tensor& out, std::int64_t first, std::span<const std::int64_t> values) {
    store(out, first, values);
}

void store_sums(Tensor& out, std::int64_t first, std::span<const std::uint64_t> values) {
    store(out, first, values);
}

template <>
double lowest_of<double>(ElementType) {
    return -std::numeric_limits<double>::infinity();
}
template <>
double highest_of<double>(ElementType) {
    return std::numeric_limits<double>::infinity();
}
template <>
std::int64_t lowest_of<std::int64_t>(ElementType type) {
    if (!tensor::is_signed(type)) return 0;
    return std::numeric_limits<std::int64_t>::min() >> (64 - tensor::bits(type));
}
template <>
std::int64_t highest_of<std::int64_t>(ElementType type) {
    const int value_bits = std::min(63, tensor::bits(type) - (tensor::is_signed(type) ? 1 : 0));
    return static_cast<std::int64_t>((std::uint64_t{1} << value_bits) - 1);
}

template <>
std::uint64_t lowest_of<std::uint64_t>(ElementType) {
    return 0;
}
template <>
std::uint64_t highest_of<std::uint64_t>(ElementType) {
    return std::numeric_limits<std::uint64_t>::max();
}

double no_flops(const Signature&) {
    return 0;
}

double one_flop_each(const Signature& signature) {
    return static_cast<double>(signature.out().shape.count());
}

}  // namespace shoal::graph
