#include "node/readings.hpp"

#include <algorithm>

#include "platform/clocks.hpp"
#include "platform/memory.hpp"
#include "platform/thermal.hpp"

namespace shoal::node {

std::vector<wire::Reading> read_board() {
    std::vector<wire::Reading> out;
    const auto add = [&](const char* name, const auto& value) {
        if (value) out.push_back({name, static_cast<double>(*value)});
    };
    const auto thermal = platform::thermal();
    add("temperature.hottest_c", thermal.hottest_celsius());
    add("throttled.now", thermal.throttled);
    add("voltage.too_low", thermal.under_voltage);
    const auto memory = platform::memory();
    add("memory.total_bytes", memory.total_bytes);
    add("memory.available_bytes", memory.available_bytes);
    add("memory.process_bytes", platform::process_memory().resident_bytes);
    std::optional<std::uint64_t> slowest;
    for (const auto& core : platform::clocks()) {
        if (core.now_hz) slowest = std::min(slowest.value_or(*core.now_hz), *core.now_hz);
    }
    add("clock.slowest_core_hz", slowest);
    return out;
}

}  // namespace shoal::node
