#include "platform/thermal.hpp"

#include <algorithm>
#include <charconv>

#include "platform/system_file.hpp"

namespace shoal::platform {
namespace {

namespace fs = std::filesystem;

// Bits of the firmware's get_throttled (Raspberry Pi documentation, "vcgencmd get_throttled").
constexpr unsigned kUnderVoltage = 1U << 0;
constexpr unsigned kHeldBackNow = 1U << 1 | 1U << 2 | 1U << 3;  // frequency capped, throttled, soft temperature limit
constexpr unsigned kHeldBackBefore = kHeldBackNow << 16;

bool starts_with(const std::string& text, std::string_view start) {
    return text.compare(0, start.size(), start) == 0;
}

// Sensors that are not there or asleep answer with such figures.
bool plausible(double celsius) {
    return celsius > -60 && celsius < 200;
}

void add_zones(Thermal& out, const fs::path& folder) {
    for (const auto& zone : list_folder(folder)) {
        if (!starts_with(zone, "thermal_zone")) continue;
        const auto milli = read_system_signed(folder / zone / "temp");
        if (!milli || !plausible(static_cast<double>(*milli) / 1000)) continue;
        out.temperatures.push_back(
            {read_system_line(folder / zone / "type").value_or(zone), static_cast<double>(*milli) / 1000});
    }
}

// x86 has its cores' sensors here; on Arm these repeat the thermal zones.
void add_monitors(Thermal& out, const fs::path& folder) {
    for (const auto& monitor : list_folder(folder)) {
        const std::string name = read_system_line(folder / monitor / "name").value_or("");
        if (name != "coretemp" && name != "k10temp" && name != "zenpower") continue;
        for (const auto& file : list_folder(folder / monitor)) {
            const auto end = file.find("_input");
            if (!starts_with(file, "temp") || end == std::string::npos) continue;
            const auto milli = read_system_signed(folder / monitor / file);
            if (!milli || !plausible(static_cast<double>(*milli) / 1000)) continue;
            const auto label = read_system_line(folder / monitor / (file.substr(0, end) + "_label"));
            out.temperatures.push_back({name + (label ? " " + *label : ""), static_cast<double>(*milli) / 1000});
        }
    }
}

// A cooling device that holds clocks back is at a state above 0; fans are none of our business.
void add_cooling(Thermal& out, const fs::path& folder) {
    for (const auto& device : list_folder(folder)) {
        if (!starts_with(device, "cooling_device")) continue;
        const std::string type = read_system_line(folder / device / "type").value_or("");
        if (type.find("cpufreq") == std::string::npos && type.find("devfreq") == std::string::npos) continue;
        const auto state = read_system_number(folder / device / "cur_state");
        if (state) out.throttled = out.throttled.value_or(false) || *state > 0;
    }
}

void add_counters(Thermal& out, const fs::path& folder) {
    for (const auto& core : list_folder(folder)) {
        for (const char* counter :
             {"thermal_throttle/core_throttle_count", "thermal_throttle/package_throttle_count"}) {
            const auto count = read_system_number(folder / core / counter);
            if (count) out.was_throttled = out.was_throttled.value_or(false) || *count > 0;
        }
    }
}

bool ends_with(const std::string& text, std::string_view end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// soc/soc:firmware up to the Raspberry Pi 4, soc@107c000000/soc@107c000000:firmware on the 5.
std::optional<std::string> raspberry_pi_throttled(const fs::path& folder) {
    for (const auto& soc : list_folder(folder)) {
        if (!starts_with(soc, "soc")) continue;
        for (const auto& part : list_folder(folder / soc)) {
            if (!starts_with(part, "soc") || !ends_with(part, ":firmware")) continue;
            if (auto text = read_system_line(folder / soc / part / "get_throttled")) return text;
        }
    }
    return std::nullopt;
}

void add_raspberry_pi(Thermal& out, const fs::path& folder) {
    const auto text = raspberry_pi_throttled(folder);  // hexadecimal, with or without 0x
    if (!text) return;
    const std::size_t start = starts_with(*text, "0x") ? 2 : 0;
    unsigned bits = 0;
    if (std::from_chars(text->data() + start, text->data() + text->size(), bits, 16).ec != std::errc()) return;
    out.under_voltage = (bits & kUnderVoltage) != 0;
    out.throttled = (bits & kHeldBackNow) != 0;
    out.was_throttled = (bits & (kHeldBackNow | kHeldBackBefore)) != 0;
}

// Kernels that are not the maker's have no get_throttled, but all have this monitor of the firmware's alarm.
void add_raspberry_pi_supply(Thermal& out, const fs::path& folder) {
    if (out.under_voltage) return;
    for (const auto& monitor : list_folder(folder)) {
        if (read_system_line(folder / monitor / "name") != "rpi_volt") continue;
        const auto alarm = read_system_number(folder / monitor / "in0_lcrit_alarm");
        if (alarm) out.under_voltage = *alarm > 0;
    }
}

}  // namespace

std::optional<double> Thermal::hottest_celsius() const {
    if (temperatures.empty()) return std::nullopt;
    return std::max_element(temperatures.begin(), temperatures.end(),
                            [](const Temperature& a, const Temperature& b) { return a.celsius < b.celsius; })
        ->celsius;
}

Thermal thermal(const fs::path& root) {
    Thermal out;
    add_zones(out, root / "sys/class/thermal");
    add_monitors(out, root / "sys/class/hwmon");
    add_cooling(out, root / "sys/class/thermal");
    add_counters(out, root / "sys/devices/system/cpu");
    add_raspberry_pi(out, root / "sys/devices/platform");
    add_raspberry_pi_supply(out, root / "sys/class/hwmon");
    return out;
}

}  // namespace shoal::platform
