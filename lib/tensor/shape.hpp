// The extents of a tensor, outermost first, and the arithmetic on them. Strides count elements, not bytes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

namespace shoal::tensor {

/// Most dimensions a tensor may have; kernels and the wire rely on it.
inline constexpr int kMaxRank = 12;

/// Extents of a tensor; rank 0 is a scalar with one element. Extents are never negative.
class Shape {
public:
    Shape() = default;
    Shape(std::initializer_list<std::int64_t> extents) : Shape(std::vector<std::int64_t>(extents)) {}
    /// Throws invalid_argument when an extent is negative, the rank is above kMaxRank or the count overflows 63 bits.
    explicit Shape(std::vector<std::int64_t> extents);

    [[nodiscard]] int rank() const noexcept { return static_cast<int>(extents_.size()); }
    /// Throws invalid_argument for an axis that the shape has not: shapes come from files, and so may the axis.
    [[nodiscard]] std::int64_t operator[](int axis) const {
        if (axis < 0 || axis >= rank()) no_axis(axis);
        return extents_[static_cast<std::size_t>(axis)];
    }
    /// The extent of the last axis; throws invalid_argument for a scalar.
    [[nodiscard]] std::int64_t back() const { return (*this)[rank() - 1]; }
    [[nodiscard]] const std::vector<std::int64_t>& extents() const noexcept { return extents_; }
    [[nodiscard]] auto begin() const noexcept { return extents_.begin(); }
    [[nodiscard]] auto end() const noexcept { return extents_.end(); }

    /// Number of elements; 1 for a scalar, 0 when any extent is 0.
    [[nodiscard]] std::int64_t count() const noexcept { return count_; }
    /// Product of the extents in [first, last), 1 when there are none.
    [[nodiscard]] std::int64_t count(int first, int last) const;

    /// The same shape with one extent replaced.
    [[nodiscard]] Shape with(int axis, std::int64_t extent) const;

    bool operator==(const Shape& other) const noexcept { return extents_ == other.extents_; }

private:
    [[noreturn]] void no_axis(int axis) const;

    std::vector<std::int64_t> extents_;
    std::int64_t count_ = 1;
};

/// "[1, 3, 224, 224]"; "[]" for a scalar.
[[nodiscard]] std::string to_string(const Shape& shape);
std::ostream& operator<<(std::ostream& out, const Shape& shape);

/// Elements between neighbours along each axis of a contiguous tensor; last is 1.
[[nodiscard]] std::vector<std::int64_t> strides(const Shape& shape);

/// NumPy's broadcasting of two shapes; throws invalid_argument naming both when they do not broadcast.
[[nodiscard]] Shape broadcast(const Shape& a, const Shape& b);

/// Strides that read `from` as if it had shape `to`: 0 along broadcast axes. `from` must broadcast to `to`.
[[nodiscard]] std::vector<std::int64_t> broadcast_strides(const Shape& from, const Shape& to);

/// An axis in [-rank, rank) as one in [0, rank); throws invalid_argument naming `what` otherwise.
[[nodiscard]] int normal_axis(std::int64_t axis, int rank, const char* what = "axis");

}  // namespace shoal::tensor
