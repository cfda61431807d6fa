// The windows of convolutions and pools as ONNX describes them, turned into those of the core language.
#pragma once

#include "graph/window.hpp"
#include "importer/context.hpp"

namespace shoal::importer {

/// Strides, dilations and padding of an operator whose input has these spatial extents, with auto_pad and ceil_mode
/// resolved: pads_end is what makes the core operators compute as many positions as ONNX asks for.
struct SpatialWindow {
    graph::Window window;
    Ints outputs;       ///< positions along each spatial axis
    Ints declared_end;  ///< the padding at the end that the file asks for, without what ceil_mode added

    /// The attributes of a conv or pool card.
    [[nodiscard]] graph::Attrs attrs() const;
};

/// `spatial`: extents of the input's spatial axes; `kernel`: those of the window.
[[nodiscard]] SpatialWindow spatial_window(Context& c, const Ints& spatial, Ints kernel);

/// The extents behind batch and channels of a channels-first shape.
[[nodiscard]] Ints spatial_extents(const Shape& channels_first);

}  // namespace shoal::importer
