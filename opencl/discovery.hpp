// Every OpenCL device of every platform, and what is wrong with those that cannot be used.
//
// Safe to call from several threads; each call asks the drivers again. Before the first OpenCL call of the process the
// drivers are tried in a child process (opencl/driver_check.hpp), so that one that hangs or crashes is left out and
// named. To leave it out, OCL_ICD_VENDORS is set in this process' environment: a host program that reads its
// environment from other threads at that moment calls discover() before it starts them, or asks for DriverCheck::never.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "opencl/device_query.hpp"
#include "opencl/driver_check.hpp"

namespace shoal::opencl {

struct DiscoveryOptions {
    /// Upper limit for every device's usable_bytes.
    std::optional<std::uint64_t> memory_cap{};
    /// Whether devices with memory of their own are asked for all of it, to see what they really have.
    bool try_memory = true;
    DriverCheckOptions drivers{};
};

/// Problems are values: a machine without a device is an expected outcome. Each is one line that ends with what to do.
struct Discovery {
    std::vector<FoundDevice> devices{};
    std::vector<std::string> problems{};
};

[[nodiscard]] Discovery discover(const DiscoveryOptions& options = {});

/// The device that `wish` names: an id ("0.0"), a kind ("cpu", "gpu", "accelerator", "custom"), part of a name, vendor
/// or platform in any case, or "best" (the first GPU or accelerator that is not a CPU in disguise, else the first CPU).
/// Throws not_found, or unavailable when there is no device at all, with the list of what there is.
[[nodiscard]] const FoundDevice& choose(const std::vector<FoundDevice>& devices, std::string_view wish);

/// A device as choose() takes it, and in how many equal parts: "gpu", "cpu/2".
struct Wish {
    std::string device;
    int parts = 1;
};
/// Without a number behind a '/' the whole text names the device. Throws invalid_argument for a number that makes no
/// parts.
[[nodiscard]] Wish parse_wish(std::string_view text);

}  // namespace shoal::opencl
