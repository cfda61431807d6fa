#include "opencl/emit/batches.hpp"

#include "graph/graph.hpp"

namespace shoal::opencl {

using graph::Ints;

std::optional<Batches> linear_batches(const Shape& a, const Shape& b) {
    const std::int64_t left = a.count(0, a.rank() - 2), right = b.count(0, b.rank() - 2);
    const Shape batch = tensor::broadcast(Shape(Ints(a.begin(), a.end() - 2)), Shape(Ints(b.begin(), b.end() - 2)));
    const auto step = [&](std::int64_t own) { return own == batch.count() ? 1 : own == 1 ? 0 : -1; };
    if (step(left) < 0 || step(right) < 0) return std::nullopt;
    return Batches{batch.count(), step(left), step(right)};
}

std::optional<BatchAxes> batch_axes(const Shape& a, const Shape& b, const Shape& batch) {
    const auto steps = [&](const Shape& operand) {
        auto out = tensor::broadcast_strides(Shape(Ints(operand.begin(), operand.end() - 2)), batch);
        for (auto& step : out)
            step *= operand.count(operand.rank() - 2, operand.rank());
        return out;
    };
    const auto left = steps(a), right = steps(b);
    BatchAxes out;
    int at = 3;
    for (int k = batch.rank(); k-- > 0;) {
        const auto i = static_cast<std::size_t>(k);
        if (batch[k] == 1) continue;
        if (at < 3) {
            const auto inner = static_cast<std::size_t>(at);
            const std::int64_t extent = out.extents[inner];
            if (left[i] == out.left[inner] * extent && right[i] == out.right[inner] * extent) {
                out.extents[inner] *= batch[k];
                continue;
            }
        }
        if (at-- == 0) return std::nullopt;
        const auto outer = static_cast<std::size_t>(at);
        out.extents[outer] = batch[k];
        out.left[outer] = left[i];
        out.right[outer] = right[i];
    }
    return out;
}

std::vector<LaunchArgument> BatchAxes::arguments() const {
    std::vector<LaunchArgument> out{NumberArgument{extents[1]}, NumberArgument{extents[2]}};
    for (const auto& strides : {left, right}) {
        for (const auto stride : strides)
            out.emplace_back(NumberArgument{stride});
    }
    return out;
}

}  // namespace shoal::opencl
