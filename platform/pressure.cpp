#include "platform/pressure.hpp"

#include <cstdlib>
#include <string>

#include "platform/system_file.hpp"

namespace shoal::platform {
namespace {

// "avg10=0.22 avg60=0.17 avg300=1.11 total=58761459", key "avg10=". Always with a dot, whatever the locale.
std::optional<double> average(const std::string& line, const std::string& key) {
    const auto at = line.find(key);
    if (at == std::string::npos) return std::nullopt;
    const auto number = line.substr(at + key.size(), line.find(' ', at) - at - key.size());
    double whole = 0, part = 0, scale = 1;
    bool behind = false, any = false;
    for (const char c : number) {
        if (c == '.' && !behind) {
            behind = true;
            continue;
        }
        if (c < '0' || c > '9') return std::nullopt;
        any = true;
        if (behind)
            part += (c - '0') * (scale /= 10);
        else
            whole = whole * 10 + (c - '0');
    }
    if (!any || whole + part > 100.5) return std::nullopt;
    return whole + part;
}

std::optional<Stall> read_stall(const std::filesystem::path& path) {
    const std::string text = read_system_file(path).value_or("");
    const auto some = text_after(text, "some"), full = text_after(text, "full");
    if (!some) return std::nullopt;
    const auto some_10s = average(*some, "avg10="), some_60s = average(*some, "avg60=");
    if (!some_10s || !some_60s) return std::nullopt;
    Stall out{*some_10s, *some_60s};
    if (full) {  // older kernels have none for the processor
        out.full_10s = average(*full, "avg10=").value_or(0);
        out.full_60s = average(*full, "avg60=").value_or(0);
    }
    return out;
}

}  // namespace

Pressure pressure(const std::filesystem::path& root) {
    const auto folder = root / "proc/pressure";
    return {read_stall(folder / "memory"), read_stall(folder / "cpu"), read_stall(folder / "io")};
}

}  // namespace shoal::platform
