// Heat: the sensors' temperatures, and whether the system is holding the processor back because of it.
// Linux: /sys/class/thermal, /sys/class/hwmon, x86's throttle counters, the Raspberry Pi's firmware.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace shoal::platform {

struct Temperature {
    std::string sensor{};  ///< "cpu-thermal", "k10temp Tctl"
    double celsius = 0;

    bool operator==(const Temperature&) const = default;
};

struct Thermal {
    std::vector<Temperature> temperatures{};
    /// Clocks are lowered at this moment, by heat or by a supply that is too weak.
    std::optional<bool> throttled{};
    /// They have been since the board was started.
    std::optional<bool> was_throttled{};
    /// The supply's voltage is too low now; only the Raspberry Pi says.
    std::optional<bool> under_voltage{};

    [[nodiscard]] std::optional<double> hottest_celsius() const;
    bool operator==(const Thermal&) const = default;
};
[[nodiscard]] Thermal thermal(const std::filesystem::path& root = "/");

}  // namespace shoal::platform
