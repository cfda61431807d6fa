// What goes into a run and comes out of it: views of tensors, inputs by name, outputs. Part of shoal.hpp.
#ifndef SHOAL_TENSOR_HPP
#define SHOAL_TENSOR_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/error.hpp"

namespace shoal {

namespace detail {

template <class T>
constexpr shoal_element element_of() {
    if constexpr (std::is_same_v<T, float>)
        return SHOAL_F32;
    else if constexpr (std::is_same_v<T, double>)
        return SHOAL_F64;
    else if constexpr (std::is_same_v<T, bool>)
        return SHOAL_BOOL;
    else {
        static_assert(std::is_integral_v<T>, "no element type; use shoal::TensorView for half-width floats");
        constexpr int kSigned = std::is_signed_v<T> ? 0 : 1;
        return (sizeof(T) == 1   ? SHOAL_I8
                : sizeof(T) == 2 ? SHOAL_I16
                : sizeof(T) == 4 ? SHOAL_I32
                                 : SHOAL_I64) +
               kSigned;
    }
}

}  // namespace detail

/// A view of a tensor: element type, shape, bytes.
struct TensorView {
    shoal_element element = SHOAL_UNKNOWN;
    std::span<const std::int64_t> shape{};
    std::span<const std::byte> bytes{};

    /// The elements. Throws SHOAL_INVALID_ARGUMENT when T is not their type or the bytes are not aligned for it.
    template <class T>
    [[nodiscard]] std::span<const T> as() const {
        if (element != detail::element_of<T>())
            throw Error(SHOAL_INVALID_ARGUMENT, std::string("a tensor of ") + shoal_element_name(element) +
                                                    " read as " + shoal_element_name(detail::element_of<T>()));
        if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(T) != 0)
            throw Error(SHOAL_INVALID_ARGUMENT, "a tensor's bytes are not aligned");
        return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
    }
};

/// An input of a run: its name, its shape (owned), and a view of its elements, which must stay until the call returns.
struct Input {
    std::string name;
    shoal_element element = SHOAL_UNKNOWN;
    std::vector<std::int64_t> shape{};
    std::span<const std::byte> bytes{};
};

/// A view of elements, with its own shape and no name yet, for Input: {"image", array<float>({1, 3}, values)}.
struct Array {
    shoal_element element;
    std::vector<std::int64_t> shape;
    std::span<const std::byte> bytes;
};
template <class T>
[[nodiscard]] Array array(std::vector<std::int64_t> shape, std::span<const T> values) {
    return {detail::element_of<T>(), std::move(shape), std::as_bytes(values)};
}
template <class T>
[[nodiscard]] Array array(std::vector<std::int64_t> shape, const std::vector<T>& values) {
    return array<T>(std::move(shape), std::span<const T>(values));
}

/// Inputs by name.
class Inputs {
public:
    Inputs() = default;
    Inputs(std::initializer_list<std::pair<std::string, Array>> inputs) {
        for (const auto& [name, array] : inputs)
            add(name, array);
    }
    Inputs& add(std::string name, Array array) {
        inputs_.push_back({std::move(name), array.element, std::move(array.shape), array.bytes});
        return *this;
    }
    Inputs& add(std::string name, const TensorView& view) {
        inputs_.push_back({std::move(name), view.element, {view.shape.begin(), view.shape.end()}, view.bytes});
        return *this;
    }
    /// As the C interface takes them; valid until this changes.
    [[nodiscard]] std::vector<shoal_input> views() const {
        std::vector<shoal_input> out;
        for (const Input& input : inputs_)
            out.push_back({input.name.c_str(),
                           {input.element, static_cast<std::int32_t>(input.shape.size()), input.shape.data(),
                            input.bytes.data(), input.bytes.size()}});
        return out;
    }

private:
    std::vector<Input> inputs_;
};

/// The outputs of a run, in the model's order.
class Outputs {
public:
    explicit Outputs(shoal_results* owned) : handle_(owned) {}

    [[nodiscard]] std::size_t size() const noexcept { return shoal_results_count(handle_.get()); }
    /// Throw Error when there is no such output.
    [[nodiscard]] TensorView operator[](std::size_t index) const {
        shoal_tensor out;
        detail::check(shoal_results_get(handle_.get(), index, nullptr, &out));
        return view(out);
    }
    [[nodiscard]] TensorView operator[](const std::string& name) const {
        shoal_tensor out;
        detail::check(shoal_results_find(handle_.get(), name.c_str(), &out));
        return view(out);
    }
    [[nodiscard]] std::string_view name(std::size_t index) const {
        const char* name = nullptr;
        shoal_tensor out;
        detail::check(shoal_results_get(handle_.get(), index, &name, &out));
        return name;
    }

private:
    static TensorView view(const shoal_tensor& tensor) {
        return {tensor.element,
                {tensor.shape, static_cast<std::size_t>(tensor.rank)},
                {static_cast<const std::byte*>(tensor.data), tensor.bytes}};
    }
    detail::Owned<shoal_results, shoal_results_release> handle_;
};

}  // namespace shoal

#endif
