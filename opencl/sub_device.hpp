// Part of a device: some of its compute units, as an OpenCL sub-device. A cap on threads, and a way for several nodes
// on one machine to keep out of each other's way: with PoCL a compute unit is one thread of the process' pool.
#pragma once

#include <vector>

#include "opencl/device_query.hpp"
#include "opencl/handles.hpp"

namespace shoal::opencl {

struct SubDevice {
    FoundDevice found;   ///< as the whole device, with fewer compute units; `found.handle` is `owner`'s
    DeviceHandle owner;  ///< null when the whole device was wanted; a backend keeps it alive by itself
};

/// The compute units [first, first + count) of `device`. Throws invalid_argument when they are not there, unsupported
/// when the driver does not split this device, with what to do instead.
[[nodiscard]] SubDevice sub_device(const FoundDevice& device, int first, int count);

/// At most `threads` compute units, the first of them.
[[nodiscard]] SubDevice limit_threads(const FoundDevice& device, int threads);

/// Share `index` of `shares` equal ones; the first shares get what does not divide evenly.
[[nodiscard]] SubDevice share_of(const FoundDevice& device, int index, int shares);

/// All shares, each a device of its own: "0.0" in two becomes "0.0/1" and "0.0/2". `threads`: at most so many compute
/// units of each; 0: all of them. A single share is the device itself, by its own id.
[[nodiscard]] std::vector<SubDevice> parts_of(const FoundDevice& device, int shares, int threads = 0);

}  // namespace shoal::opencl
