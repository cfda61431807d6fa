#include "importer/lower/window.hpp"

#include <algorithm>

#include "base/checked.hpp"

namespace shoal::importer {

Ints spatial_extents(const Shape& channels_first) {
    if (channels_first.rank() < 2)
        base::fail(base::Code::invalid_argument, "a tensor of shape ", channels_first, ", must be [N, C, D..]");
    return {channels_first.begin() + 2, channels_first.end()};
}

graph::Attrs SpatialWindow::attrs() const {
    return {{"strides", window.strides},
            {"dilations", window.dilations},
            {"pads_begin", window.pads_begin},
            {"pads_end", window.pads_end}};
}

namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 31;  // as in graph/window.cpp: keeps products in 63 bits

Ints sane(Context& c, const char* name, Ints list, std::size_t count, std::int64_t least) {
    c.expect(list.size() == count, name, " has ", list.size(), " entries for ", count);
    for (const auto value : list)
        c.expect(value >= least && value < kLargest, name, " of ", value);
    return list;
}

// Positions of a window along one axis, after ONNX: rounded up, those that start in the padding at the end left out.
// `room` may be negative then, by less than a stride: one window, which reaches behind the padding.
std::int64_t positions(std::int64_t room, std::int64_t stride, bool ceil, std::int64_t last_start) {
    std::int64_t out = (ceil ? base::ceil_div(std::max<std::int64_t>(room, 0), stride) : room / stride) + 1;
    if (ceil && (out - 1) * stride >= last_start) --out;
    return out;
}

}  // namespace

SpatialWindow spatial_window(Context& c, const Ints& spatial, Ints kernel) {
    const std::size_t rank = spatial.size();
    const Ints ones(rank, 1);
    SpatialWindow out;
    auto& w = out.window;
    w.kernel = sane(c, "kernel_shape", std::move(kernel), rank, 1);
    w.strides = sane(c, "strides", c.ints("strides", ones), rank, 1);
    w.dilations = sane(c, "dilations", c.ints("dilations", ones), rank, 1);
    const Ints pads = sane(c, "pads", c.ints("pads", Ints(2 * rank, 0)), 2 * rank, 0);
    w.pads_begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(rank));
    w.pads_end.assign(pads.begin() + static_cast<std::ptrdiff_t>(rank), pads.end());
    const std::string automatic = c.text("auto_pad", "NOTSET");
    const bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
    c.expect(same || automatic == "NOTSET" || automatic == "VALID" || automatic.empty(), "auto_pad '", automatic, "'");
    const bool ceil = c.flag("ceil_mode", false) && !same;
    for (std::size_t k = 0; k < rank; ++k) {
        const std::int64_t extent = spatial[k], reach = w.reach(k);
        if (automatic == "VALID") w.pads_begin[k] = w.pads_end[k] = 0;
        if (same) {
            const std::int64_t wanted = base::ceil_div(extent, w.strides[k]);
            const std::int64_t pad = std::max<std::int64_t>((wanted - 1) * w.strides[k] + reach - extent, 0);
            w.pads_begin[k] = automatic == "SAME_UPPER" ? pad / 2 : pad - pad / 2;
            w.pads_end[k] = pad - w.pads_begin[k];
        }
        const std::int64_t padded = extent + w.pads_begin[k] + w.pads_end[k];
        c.expect(padded > reach - (ceil ? w.strides[k] : 1), "a window of ", reach, " does not fit into ", padded,
                 " positions of spatial axis ", k);
        out.declared_end.push_back(w.pads_end[k]);
        out.outputs.push_back(positions(padded - reach, w.strides[k], ceil, extent + w.pads_begin[k]));
        // ceil_mode lets the last window reach behind the padding.
        const std::int64_t used = (out.outputs[k] - 1) * w.strides[k] + reach;
        w.pads_end[k] = std::max(w.pads_end[k], used - extent - w.pads_begin[k]);
        // ... or leaves out a window that the core language would still count.
        const std::int64_t counted = (extent + w.pads_begin[k] + w.pads_end[k] - reach) / w.strides[k] + 1;
        if (counted > out.outputs[k]) w.pads_end[k] = used - extent - w.pads_begin[k];
    }
    return out;
}

}  // namespace shoal::importer
