// Devices of one board that compute on the same cores: two drivers for one CPU, or a GPU that is emulated on it. To a
// plan they would look like twice the speed; together they are worth no more than one of them. Whether it is so is
// measured, since no driver says it: both at once, beside each alone.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "runtime/backend.hpp"

namespace shoal::node {

struct Overlap {
    std::size_t device = 0;  ///< the slower of both, as an index; better left out
    std::size_t with = 0;    ///< the other
    double together = 0;     ///< what both reach at once, in parts of what `with` reaches alone
};

/// What each of `devices` should better be left out for, each at most once. Only devices that are, or emulate, a CPU
/// are run, a pair in about half a second; parts of one device (opencl::parts_of) do not overlap. One that cannot be
/// run is no overlap: whoever uses it will hear why.
[[nodiscard]] std::vector<Overlap> overlapping(const std::vector<std::shared_ptr<runtime::Backend>>& devices);

}  // namespace shoal::node
