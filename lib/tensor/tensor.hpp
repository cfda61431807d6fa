// A tensor in host memory: element type, shape and contiguous row-major bytes.
//
// Copies share the bytes, so a tensor is passed by value; writing asks for sole ownership. Reading from several
// threads is safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "tensor/element_type.hpp"
#include "tensor/shape.hpp"

namespace shoal::tensor {

/// What a value is, without its data.
struct Type {
    ElementType element = ElementType::f32;
    Shape shape;

    bool operator==(const Type&) const = default;
    [[nodiscard]] std::size_t size_bytes() const { return storage_bytes(element, shape.count()); }
};

/// "f32[1, 3, 224, 224]"
[[nodiscard]] std::string to_string(const Type& type);
std::ostream& operator<<(std::ostream& out, const Type& type);

template <class T>
struct ElementTypeOf;
template <>
struct ElementTypeOf<float> {
    static constexpr auto value = ElementType::f32;
};
template <>
struct ElementTypeOf<double> {
    static constexpr auto value = ElementType::f64;
};
template <>
struct ElementTypeOf<Half> {
    static constexpr auto value = ElementType::f16;
};
template <>
struct ElementTypeOf<BFloat> {
    static constexpr auto value = ElementType::bf16;
};
template <>
struct ElementTypeOf<std::int8_t> {
    static constexpr auto value = ElementType::i8;
};
template <>
struct ElementTypeOf<std::uint8_t> {
    static constexpr auto value = ElementType::u8;
};
template <>
struct ElementTypeOf<std::int16_t> {
    static constexpr auto value = ElementType::i16;
};
template <>
struct ElementTypeOf<std::uint16_t> {
    static constexpr auto value = ElementType::u16;
};
template <>
struct ElementTypeOf<std::int32_t> {
    static constexpr auto value = ElementType::i32;
};
template <>
struct ElementTypeOf<std::uint32_t> {
    static constexpr auto value = ElementType::u32;
};
template <>
struct ElementTypeOf<std::int64_t> {
    static constexpr auto value = ElementType::i64;
};
template <>
struct ElementTypeOf<std::uint64_t> {
    static constexpr auto value = ElementType::u64;
};
template <>
struct ElementTypeOf<Bool> {
    static constexpr auto value = ElementType::boolean;
};

/// Calls `use` with a value of the C++ type that stores `type`; throws unsupported for nibbles, which have none.
template <class Use>
decltype(auto) with_type(ElementType type, Use&& use) {
    switch (type) {
        case ElementType::f32: return use(float{});
        case ElementType::f16: return use(Half{});
        case ElementType::bf16: return use(BFloat{});
        case ElementType::f64: return use(double{});
        case ElementType::i8: return use(std::int8_t{});
        case ElementType::u8: return use(std::uint8_t{});
        case ElementType::i16: return use(std::int16_t{});
        case ElementType::u16: return use(std::uint16_t{});
        case ElementType::i32: return use(std::int32_t{});
        case ElementType::u32: return use(std::uint32_t{});
        case ElementType::i64: return use(std::int64_t{});
        case ElementType::u64: return use(std::uint64_t{});
        case ElementType::boolean: return use(Bool{});
        case ElementType::i4:
        case ElementType::u4: break;
    }
    base::fail(base::Code::unsupported, "no loop over elements of type ", name(type));
}

class Tensor {
public:
    /// An empty f32 tensor of shape [0].
    Tensor() : Tensor(Type{ElementType::f32, Shape{0}}) {}
    /// Zeroed memory of its own, aligned to 64 bytes. Throws out_of_memory.
    explicit Tensor(Type type);
    /// Shares `bytes`, which must have exactly the type's size; throws invalid_argument naming both sizes.
    Tensor(Type type, base::SharedBytes bytes);

    /// Copies `values`, whose number must be the shape's count.
    template <class T>
    static Tensor of(Shape shape, std::span<const T> values);
    template <class T>
    static Tensor of(Shape shape, std::initializer_list<T> values) {
        return of<T>(std::move(shape), std::span<const T>(values.begin(), values.size()));
    }
    template <class T>
    static Tensor scalar(T value) {
        return of<T>(Shape{}, {value});
    }

    [[nodiscard]] const Type& type() const noexcept { return type_; }
    [[nodiscard]] ElementType element() const noexcept { return type_.element; }
    [[nodiscard]] const Shape& shape() const noexcept { return type_.shape; }
    [[nodiscard]] std::int64_t count() const noexcept { return type_.shape.count(); }
    [[nodiscard]] const base::SharedBytes& shared_bytes() const noexcept { return bytes_; }
    [[nodiscard]] base::ByteView bytes() const noexcept { return bytes_.view(); }

    /// The elements; throws internal when T is not the element type or the bytes are not aligned for it.
    template <class T>
    [[nodiscard]] std::span<const T> as() const;

    /// Writable bytes; throws internal unless this tensor alone owns memory of its own.
    [[nodiscard]] base::ByteSpan edit();
    template <class T>
    [[nodiscard]] std::span<T> edit_as();

    /// The same bytes under another shape of equal count.
    [[nodiscard]] Tensor reshaped(Shape shape) const;

private:
    void expect(ElementType wanted) const;

    Type type_;
    base::SharedBytes bytes_;
    std::byte* own_ = nullptr;  // non-null when the memory was made here and may be written
};

/// Element `index` (row-major) converted to double or int64; any element type, nibbles too. Throws invalid_argument
/// when there is no such element.
[[nodiscard]] double element_as_double(const Tensor& tensor, std::int64_t index);
[[nodiscard]] std::int64_t element_as_int(const Tensor& tensor, std::int64_t index);
/// All elements converted; integers out of range wrap, floats truncate toward zero.
[[nodiscard]] std::vector<std::int64_t> to_ints(const Tensor& tensor);
[[nodiscard]] std::vector<double> to_doubles(const Tensor& tensor);
/// Makes a tensor of `element` from doubles: integers saturate, ties round to even.
[[nodiscard]] Tensor from_doubles(ElementType element, Shape shape, std::span<const double> values);
/// i64 tensor of rank 1.
[[nodiscard]] Tensor from_ints(std::span<const std::int64_t> values);

template <class T>
Tensor Tensor::of(Shape shape, std::span<const T> values) {
    Tensor out(Type{ElementTypeOf<T>::value, std::move(shape)});
    base::ensure(static_cast<std::int64_t>(values.size()) == out.count(), "tensor ", to_string(out.type()), " from ",
                 values.size(), " values");
    const auto target = out.edit_as<T>();
    std::copy(values.begin(), values.end(), target.begin());
    return out;
}

template <class T>
std::span<const T> Tensor::as() const {
    expect(ElementTypeOf<T>::value);
    base::ensure(reinterpret_cast<std::uintptr_t>(bytes_.data()) % alignof(T) == 0, "unaligned tensor data");
    // Through void*: that the address is aligned was checked above, which -Wcast-align (on ARMv7) cannot see.
    return {static_cast<const T*>(static_cast<const void*>(bytes_.data())), static_cast<std::size_t>(count())};
}

template <class T>
std::span<T> Tensor::edit_as() {
    expect(ElementTypeOf<T>::value);
    // Through void*: what may be written was allocated here, aligned for every element.
    return {static_cast<T*>(static_cast<void*>(edit().data())), static_cast<std::size_t>(count())};
}

}  // namespace shoal::tensor
