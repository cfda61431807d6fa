// How fast the cores run at this moment, and between which bounds the system lets them. Linux: cpufreq in /sys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace shoal::platform {

struct CoreClock {
    int core = 0;
    std::optional<std::uint64_t> now_hz{};
    std::optional<std::uint64_t> lowest_hz{};   ///< as the governor may choose now
    std::optional<std::uint64_t> highest_hz{};  ///< below the hardware's maximum when somebody or the heat limits it
    std::optional<std::uint64_t> hardware_hz{};
    std::string governor{};  ///< "performance", "schedutil", ...; empty when not known

    bool operator==(const CoreClock&) const = default;
};

/// One entry an online core that states anything; empty where the system does not scale clocks (most virtual machines).
[[nodiscard]] std::vector<CoreClock> clocks(const std::filesystem::path& root = "/");

}  // namespace shoal::platform
