// How much memory of a device a plan may rely on: measured where drivers are known to promise too much.
#pragma once

#include <cstdint>
#include <optional>

#include "opencl/device_query.hpp"
#include "platform/memory.hpp"

namespace shoal::opencl {

/// The least of what the driver claims, the cap, and, for a device that shares the host's memory, what the system and
/// this process' control group have left less a reserve for everybody else.
[[nodiscard]] std::uint64_t usable_bytes(const device::DeviceInfo& info, std::optional<std::uint64_t> cap,
                                         const platform::Memory& host = platform::memory());

/// How many of `wanted` bytes the device really gives out: buffers are made and touched at both ends until it refuses,
/// then all are given back. For memory of the device's own; takes milliseconds, and the memory from others meanwhile.
/// Throws device when the device does not even make a context and a queue.
[[nodiscard]] std::uint64_t obtainable_bytes(const FoundDevice& found, std::uint64_t wanted);

}  // namespace shoal::opencl
