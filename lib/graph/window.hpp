// The geometry of sliding windows, which convolution and pooling share. Activations are channels-last [N, D1..Dr, C].
#pragma once

#include "graph/card.hpp"

namespace shoal::graph {

/// One window per spatial axis; every list has one entry per spatial axis.
struct Window {
    Ints kernel, strides, dilations, pads_begin, pads_end;

    [[nodiscard]] int rank() const noexcept { return static_cast<int>(kernel.size()); }
    /// Input positions that one window spans along spatial axis k.
    [[nodiscard]] std::int64_t reach(std::size_t k) const { return (kernel[k] - 1) * dilations[k] + 1; }
    /// Product of the kernel's extents.
    [[nodiscard]] std::int64_t taps() const;
};

/// Reads strides, dilations, pads_begin and pads_end; `kernel` comes from the weights or from an attribute.
/// Throws invalid_model when the lists have not one sane entry for each kernel axis.
[[nodiscard]] Window window_of(const Attrs& attrs, Ints kernel, std::string_view who);

/// Spatial extents of the output for the spatial extents of `input` [N, D1..Dr, C]; throws when a window does not fit.
[[nodiscard]] Ints output_extents(const Window& window, const Shape& input, std::string_view who);

/// The input positions [begin, end) that output positions [begin, end) of spatial axis k need, and the padding that is
/// left on either side of them: the halo of a spatial split.
struct WindowSlice {
    std::int64_t begin, end, pad_begin, pad_end;
};
[[nodiscard]] WindowSlice window_slice(const Window& window, std::size_t k, std::int64_t input_extent,
                                       std::int64_t begin, std::int64_t end);

/// The shard of an operator with a window for output range [begin, end) of tensor axis `axis` (1 to rank): its
/// attributes with the padding at the cut removed, and the slice of its input.
struct WindowShard {
    Attrs attrs;
    InputSlice input;
};
[[nodiscard]] WindowShard shard_rows(const Attrs& attrs, const Window& window, const Shape& input, int axis,
                                     std::int64_t begin, std::int64_t end);

}  // namespace shoal::graph
