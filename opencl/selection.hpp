// Several wishes for devices, as flags and programs give them: each device once, in the wishes' order.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "opencl/discovery.hpp"
#include "opencl/sub_device.hpp"

namespace shoal::opencl {

inline constexpr const char* kHost = "host";  ///< no OpenCL device: the plain loops of the host
inline constexpr const char* kBest = "best";
inline constexpr const char* kAll = "all";

/// How who selects finds and names devices; each may throw.
struct SelectionSource {
    std::function<const Discovery&()> found;  ///< asked when the first OpenCL device is wished for
    std::function<const FoundDevice&(const Discovery&, const std::string& wish)> choose;
    std::function<void()> before_each{};  ///< called before each device; may be empty
};

/// parse_wish() of one that may name several. Throws invalid_argument also for parts of "host" and "all".
[[nodiscard]] Wish parse_wish_for_several(const std::string& text);

/// What the wishes name: an id or whatever choose() takes, "all": every device, "D/N": a device in N equal parts,
/// "host" (absent in what is returned). `threads`: at most so many compute units of each; 0: all. "all" may name what
/// another wish names too; throws invalid_argument when any other two name one device.
[[nodiscard]] std::vector<std::optional<SubDevice>> select(const std::vector<std::string>& wishes, int threads,
                                                           const SelectionSource& source);

}  // namespace shoal::opencl
