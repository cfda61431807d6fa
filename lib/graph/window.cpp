#include "graph/window.hpp"

#include <algorithm>

#include "base/checked.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {

std::int64_t Window::taps() const {
    std::int64_t out = 1;
    for (const auto k : kernel)
        out *= k;
    return out;
}

Window window_of(const Attrs& attrs, Ints kernel, std::string_view who) {
    Window out{std::move(kernel), attrs.ints("strides"), attrs.ints("dilations"), attrs.ints("pads_begin"),
               attrs.ints("pads_end")};
    constexpr std::int64_t kLargest = std::int64_t{1} << 31;  // keeps every product below in 63 bits
    const auto sane = [&](const Ints& list, std::int64_t least) {
        return list.size() == out.kernel.size() &&
               std::all_of(list.begin(), list.end(), [&](std::int64_t v) { return v >= least && v < kLargest; });
    };
    if (!sane(out.kernel, 1) || !sane(out.strides, 1) || !sane(out.dilations, 1) || !sane(out.pads_begin, 0) ||
        !sane(out.pads_end, 0)) {
        refuse(who, ": window {", to_string(attrs), "} for ", out.kernel.size(), " spatial axes");
    }
    return out;
}

Ints output_extents(const Window& window, const Shape& input, std::string_view who) {
    Ints out;
    for (std::size_t k = 0; k < window.kernel.size(); ++k) {
        const std::int64_t extent = input[static_cast<int>(k) + 1];
        const std::int64_t room =
            base::checked_add(extent, window.pads_begin[k] + window.pads_end[k], who) - window.reach(k);
        if (room < 0) {
            refuse(who, ": a window of ", window.reach(k), " does not fit into ", extent, " + ",
                   window.pads_begin[k] + window.pads_end[k], " positions of spatial axis ", k);
        }
        out.push_back(room / window.strides[k] + 1);
    }
    return out;
}

WindowSlice window_slice(const Window& window, std::size_t k, std::int64_t input_extent, std::int64_t begin,
                         std::int64_t end) {
    const std::int64_t first = begin * window.strides[k] - window.pads_begin[k];
    const std::int64_t last = (end - 1) * window.strides[k] - window.pads_begin[k] + window.reach(k);
    WindowSlice out{};
    out.begin = std::clamp<std::int64_t>(first, 0, input_extent);
    out.end = std::clamp<std::int64_t>(last, out.begin, input_extent);
    // What the clamped range misses is padding; a window may lie in the padding altogether.
    out.pad_begin = std::min(std::max<std::int64_t>(out.begin - first, 0), last - first);
    out.pad_end = (last - first) - (out.end - out.begin) - out.pad_begin;
    return out;
}

WindowShard shard_rows(const Attrs& attrs, const Window& window, const Shape& input, int axis, std::int64_t begin,
                       std::int64_t end) {
    const auto k = static_cast<std::size_t>(axis - 1);
    const auto slice = window_slice(window, k, input[axis], begin, end);
    auto pads_begin = window.pads_begin, pads_end = window.pads_end;
    pads_begin[k] = slice.pad_begin;
    pads_end[k] = slice.pad_end;
    WindowShard out{attrs, {axis, slice.begin, slice.end}};
    out.attrs.set("pads_begin", pads_begin).set("pads_end", pads_end);
    return out;
}

}  // namespace shoal::graph
