#include "tensor/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <ostream>

#include "base/checked.hpp"
#include "base/endian.hpp"

namespace shoal::tensor {

using base::Code;
using base::fail;

namespace {

constexpr std::size_t kAlignment = 64;  // a cache line, and the widest vector of the CPUs we know

std::shared_ptr<std::byte> allocate(std::size_t size) {
    // On a 32-bit board rounding up could otherwise come out as 0.
    if (size > std::numeric_limits<std::ptrdiff_t>::max() - kAlignment)
        fail(Code::out_of_memory, "no memory for a tensor of ", size, " bytes");
    const std::size_t rounded = std::max(base::round_up(size, kAlignment), kAlignment);
    void* memory = std::aligned_alloc(kAlignment, rounded);
    if (memory == nullptr) fail(Code::out_of_memory, "no memory for a tensor of ", size, " bytes");
    std::memset(memory, 0, rounded);
    return {static_cast<std::byte*>(memory), [](std::byte* p) { std::free(p); }};
}

int nibble_at(const Tensor& tensor, std::int64_t index) {
    const auto byte = std::to_integer<int>(tensor.bytes()[static_cast<std::size_t>(index / 2)]);
    const int value = index % 2 == 0 ? byte & 15 : byte >> 4;
    return tensor.element() == ElementType::i4 && value > 7 ? value - 16 : value;
}

template <class To, class T>
To converted(T value) {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat>) {
        return static_cast<To>(static_cast<float>(value));
    } else if constexpr (std::is_same_v<T, Bool>) {
        return static_cast<To>(value.value);
    } else {
        return static_cast<To>(value);
    }
}

template <class To>
To element_as(const Tensor& tensor, std::int64_t index) {
    if (is_nibble(tensor.element())) return static_cast<To>(nibble_at(tensor, index));
    return with_type(tensor.element(), [&](auto zero) {
        using T = decltype(zero);
        return converted<To>(base::load_le<T>(tensor.bytes().data() + static_cast<std::size_t>(index) * sizeof(T)));
    });
}

void expect_element(const Tensor& tensor, std::int64_t index) {
    if (index < 0 || index >= tensor.count())
        fail(Code::invalid_argument, "element ", index, " of ", tensor.type(), ", which has ", tensor.count());
}

template <class To>
std::vector<To> all_as(const Tensor& tensor) {
    std::vector<To> out(static_cast<std::size_t>(tensor.count()));
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = element_as<To>(tensor, static_cast<std::int64_t>(i));
    return out;
}

template <class T>
T saturated(double value) {
    if (std::isnan(value)) return T{};
    const double rounded = std::nearbyint(value);
    if (rounded <= static_cast<double>(std::numeric_limits<T>::lowest())) return std::numeric_limits<T>::lowest();
    if (rounded >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(rounded);
}

template <class T>
T from_double(double value) {
    if constexpr (std::is_same_v<T, Bool>)
        return Bool{static_cast<std::uint8_t>(value != 0)};
    else if constexpr (std::is_integral_v<T>)
        return saturated<T>(value);
    else if constexpr (std::is_same_v<T, double>)
        return value;
    else
        return T(static_cast<float>(value));
}

void pack_nibbles(Tensor& out, std::span<const double> values) {
    const auto bytes = out.edit();
    const bool with_sign = out.element() == ElementType::i4;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double limited = std::clamp(std::nearbyint(values[i]), with_sign ? -8.0 : 0.0, with_sign ? 7.0 : 15.0);
        const auto nibble = static_cast<std::byte>(static_cast<int>(limited) & 15);
        bytes[i / 2] |= i % 2 == 0 ? nibble : nibble << 4;
    }
}

}  // namespace

std::string to_string(const Type& type) {
    return std::string(name(type.element)) + to_string(type.shape);
}

std::ostream& operator<<(std::ostream& out, const Type& type) {
    return out << to_string(type);
}

Tensor::Tensor(Type type) : type_(std::move(type)) {
    const std::size_t size = type_.size_bytes();
    auto memory = allocate(size);
    own_ = memory.get();
    bytes_ = base::SharedBytes(std::move(memory), {own_, size});
}

Tensor::Tensor(Type type, base::SharedBytes bytes) : type_(std::move(type)), bytes_(std::move(bytes)) {
    if (bytes_.size() != type_.size_bytes()) {
        fail(Code::invalid_argument, "tensor ", to_string(type_), " takes ", type_.size_bytes(), " bytes, got ",
             bytes_.size());
    }
}

base::ByteSpan Tensor::edit() {
    base::ensure(own_ != nullptr && bytes_.owner().use_count() == 1,
                 "writing to a tensor that is shared or not its own");
    return {own_, bytes_.size()};
}

Tensor Tensor::reshaped(Shape shape) const {
    if (shape.count() != count()) fail(Code::invalid_argument, "cannot view ", to_string(type_), " as shape ", shape);
    Tensor out = *this;
    out.type_.shape = std::move(shape);
    return out;
}

void Tensor::expect(ElementType wanted) const {
    base::ensure(type_.element == wanted, "tensor ", to_string(type_), " read as ", name(wanted));
}

double element_as_double(const Tensor& tensor, std::int64_t index) {
    expect_element(tensor, index);
    return element_as<double>(tensor, index);
}

std::int64_t element_as_int(const Tensor& tensor, std::int64_t index) {
    expect_element(tensor, index);
    return element_as<std::int64_t>(tensor, index);
}

std::vector<std::int64_t> to_ints(const Tensor& tensor) {
    return all_as<std::int64_t>(tensor);
}

std::vector<double> to_doubles(const Tensor& tensor) {
    return all_as<double>(tensor);
}

Tensor from_doubles(ElementType element, Shape shape, std::span<const double> values) {
    Tensor out(Type{element, std::move(shape)});
    base::ensure(static_cast<std::int64_t>(values.size()) == out.count(), "tensor from a wrong number of values");
    if (is_nibble(element)) {
        pack_nibbles(out, values);
        return out;
    }
    with_type(element, [&](auto zero) {
        using T = decltype(zero);
        const auto target = out.edit_as<T>();
        std::transform(values.begin(), values.end(), target.begin(), from_double<T>);
    });
    return out;
}

Tensor from_ints(std::span<const std::int64_t> values) {
    return Tensor::of<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values);
}

}  // namespace shoal::tensor
