// Index arithmetic of generated kernels: where an element lies, as a linear form over loop digits.
//
// The iteration space of a kernel is one flat range, cut into digits only where some access needs it: reading a tensor
// of the same shape needs none, reading a bias along the last axis needs two. Division and remainder are resolved by
// ranges as far as they can be; where a digit would have to be finer, a SplitNeeded says so and the caller starts
// again.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tensor/shape.hpp"

namespace shoal::opencl {

using tensor::Shape;

/// One digit of the mixed-radix number that counts a range; digits of a range stand outermost first.
struct Digit {
    std::int64_t extent = 1;
};

/// What an index is made of besides a constant: a digit of the loop nest, or a number read from memory by the kernel.
struct Symbol {
    enum class Kind : std::uint8_t { digit, loaded };
    Kind kind = Kind::digit;
    int number = 0;           ///< which digit, or which loaded index
    std::int64_t extent = 1;  ///< its values lie in [0, extent)
    auto operator<=>(const Symbol&) const = default;
};

/// offset + sum of coefficient * symbol.
class Index {
public:
    Index() = default;
    explicit Index(std::int64_t offset) : offset_(offset) {}
    explicit Index(const Symbol& symbol) { terms_[symbol] = 1; }

    [[nodiscard]] std::int64_t offset() const noexcept { return offset_; }
    [[nodiscard]] const std::map<Symbol, std::int64_t>& terms() const noexcept { return terms_; }
    [[nodiscard]] std::int64_t coefficient(const Symbol& symbol) const;
    [[nodiscard]] std::int64_t least() const;
    [[nodiscard]] std::int64_t most() const;
    [[nodiscard]] bool is_zero() const noexcept { return terms_.empty() && offset_ == 0; }
    auto operator<=>(const Index&) const = default;

    Index& operator+=(const Index& other);
    [[nodiscard]] Index operator+(const Index& other) const { return Index(*this) += other; }
    [[nodiscard]] Index operator*(std::int64_t factor) const;

private:
    std::map<Symbol, std::int64_t> terms_;
    std::int64_t offset_ = 0;
};

/// A digit has to be cut: its inner part must count `inner`.
struct SplitNeeded {
    int digit;
    std::int64_t inner;
};

/// No cut helps: the access has to be done another way (its operator cannot be part of this kernel).
struct NotLinear {};

struct Division {
    Index quotient, remainder;
};
/// index / divisor and index % divisor for a non-negative index; divisor 0 is that of an axis without elements. Throws SplitNeeded or NotLinear.
[[nodiscard]] Division divide(const Index& index, std::int64_t divisor);

/// The coordinates that a flat (row-major) index has in `shape`. Throws as divide does.
[[nodiscard]] std::vector<Index> coordinates(Index flat, const Shape& shape);

/// The flat (row-major) index of coordinates in `shape`.
[[nodiscard]] Index flatten(const std::vector<Index>& at, const Shape& shape);

}  // namespace shoal::opencl
