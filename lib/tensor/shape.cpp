#include "tensor/shape.hpp"

#include <algorithm>
#include <ostream>

#include "base/checked.hpp"

namespace shoal::tensor {

using base::Code;
using base::fail;

Shape::Shape(std::vector<std::int64_t> extents) : extents_(std::move(extents)) {
    if (rank() > kMaxRank)
        fail(Code::invalid_argument, "a tensor of rank ", rank(), "; at most ", kMaxRank, " is supported");
    // Extents of 0 hide an overflow of the others, which strides would then trip over: check those without them.
    std::int64_t nonzero = 1;
    bool empty = false;
    for (const auto extent : extents_) {
        if (extent < 0) fail(Code::invalid_argument, "a tensor's extent is ", extent, "; it must not be negative");
        empty = empty || extent == 0;
        nonzero = base::checked_mul(nonzero, std::max<std::int64_t>(extent, 1), "tensor element count");
    }
    count_ = empty ? 0 : nonzero;
}

void Shape::no_axis(int axis) const {
    fail(Code::invalid_argument, "axis ", axis, " of a tensor of shape ", *this, ", which has ", rank(), " axes");
}

std::int64_t Shape::count(int first, int last) const {
    std::int64_t product = 1;
    for (int axis = first; axis < last; ++axis)
        product *= (*this)[axis];
    return product;
}

Shape Shape::with(int axis, std::int64_t extent) const {
    auto extents = extents_;
    if (axis < 0 || axis >= rank()) no_axis(axis);
    extents[static_cast<std::size_t>(axis)] = extent;
    return Shape(std::move(extents));
}

std::string to_string(const Shape& shape) {
    std::string out = "[";
    for (int axis = 0; axis < shape.rank(); ++axis) {
        if (axis > 0) out += ", ";
        out += std::to_string(shape[axis]);
    }
    return out + "]";
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    return out << to_string(shape);
}

std::vector<std::int64_t> strides(const Shape& shape) {
    std::vector<std::int64_t> out(shape.extents().size());
    std::int64_t step = 1;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        out[static_cast<std::size_t>(axis)] = step;
        step *= std::max<std::int64_t>(shape[axis], 1);
    }
    return out;
}

Shape broadcast(const Shape& a, const Shape& b) {
    const int rank = std::max(a.rank(), b.rank());
    std::vector<std::int64_t> out(static_cast<std::size_t>(rank));
    for (int back = 1; back <= rank; ++back) {
        const std::int64_t x = back <= a.rank() ? a[a.rank() - back] : 1;
        const std::int64_t y = back <= b.rank() ? b[b.rank() - back] : 1;
        if (x != y && x != 1 && y != 1) fail(Code::invalid_argument, "shapes ", a, " and ", b, " do not broadcast");
        out[static_cast<std::size_t>(rank - back)] = x == 1 ? y : x;
    }
    return Shape(std::move(out));
}

std::vector<std::int64_t> broadcast_strides(const Shape& from, const Shape& to) {
    if (from.rank() > to.rank()) fail(Code::invalid_argument, "shape ", from, " does not broadcast to ", to);
    std::vector<std::int64_t> out(to.extents().size(), 0);
    const auto own = strides(from);
    const int lead = to.rank() - from.rank();
    for (int axis = 0; axis < from.rank(); ++axis) {
        const auto extent = from[axis], wanted = to[lead + axis];
        if (extent != wanted && extent != 1)
            fail(Code::invalid_argument, "shape ", from, " does not broadcast to ", to);
        if (extent != 1) out[static_cast<std::size_t>(lead + axis)] = own[static_cast<std::size_t>(axis)];
    }
    return out;
}

int normal_axis(std::int64_t axis, int rank, const char* what) {
    if (axis < -rank || axis >= rank) {
        fail(Code::invalid_argument, what, " ", axis, " is outside of a tensor of rank ", rank);
    }
    return static_cast<int>(axis < 0 ? axis + rank : axis);
}

}  // namespace shoal::tensor
