// How much memory of a device a plan may rely on.
#pragma once

#include <cstdint>
#include <optional>

#include "opencl/device_query.hpp"
#include "platform/memory.hpp"

namespace shoal::opencl {

/// The least of what the driver claims, the cap, and, for a device that shares the host's memory, what the system and
/// this process' control group have left less a reserve for everybody else.
[[nodiscard]] std::uint64_t usable_bytes(const FoundDevice& found, std::optional<std::uint64_t> cap,
                                         const platform::Memory& host = platform::memory());

}  // namespace shoal::opencl
