#include "platform/clocks.hpp"

#include "platform/system_file.hpp"

namespace shoal::platform {
namespace {

std::optional<std::uint64_t> hz(const std::filesystem::path& path) {
    const auto khz = read_system_number(path);
    if (!khz || *khz == 0) return std::nullopt;
    return *khz * 1000;
}

}  // namespace

std::vector<CoreClock> clocks(const std::filesystem::path& root) {
    const auto folder = root / "sys/devices/system/cpu";
    std::vector<CoreClock> out;
    for (const int core : parse_list(read_system_line(folder / "online").value_or(""))) {
        const auto scaling = folder / ("cpu" + std::to_string(core)) / "cpufreq";
        CoreClock clock;
        clock.core = core;
        clock.now_hz = hz(scaling / "scaling_cur_freq");
        clock.lowest_hz = hz(scaling / "scaling_min_freq");
        clock.highest_hz = hz(scaling / "scaling_max_freq");
        clock.hardware_hz = hz(scaling / "cpuinfo_max_freq");
        clock.governor = read_system_line(scaling / "scaling_governor").value_or("");
        if (clock.now_hz || clock.highest_hz || clock.hardware_hz) out.push_back(std::move(clock));
    }
    return out;
}

}  // namespace shoal::platform
