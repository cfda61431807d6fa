// How much the system's tasks wait for memory, processors and disks: Linux' pressure stall information
// (Documentation/accounting/psi.rst). Many boards' kernels are built without it; then everything is absent.
#pragma once

#include <filesystem>
#include <optional>

namespace shoal::platform {

/// Shares of the time, 0 to 100, in which at least one task (`some`) or all of them (`full`) stood still.
struct Stall {
    double some_10s = 0, some_60s = 0;
    double full_10s = 0, full_60s = 0;
    bool operator==(const Stall&) const = default;
};

struct Pressure {
    std::optional<Stall> memory{}, cpu{}, io{};
    bool operator==(const Pressure&) const = default;
};
[[nodiscard]] Pressure pressure(const std::filesystem::path& root = "/");

}  // namespace shoal::platform
