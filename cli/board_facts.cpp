#include "cli/board_facts.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/units.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace shoal::cli {

using base::format_bytes;
using base::text;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kUnknown = "not known";

template <class T>
Json json_of(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

std::string hertz(std::uint64_t hz) {
    const double value = static_cast<double>(hz);
    return value >= 1e9 ? number(value / 1e9, 3) + " GHz" : number(value / 1e6, 4) + " MHz";
}

std::string system_text(const platform::Board& board) {
    std::vector<std::string> parts{board.system.value_or("system not known")};
    if (board.kernel) parts.push_back("kernel " + *board.kernel);
    parts.push_back(board.architecture);
    return joined(parts);
}

std::string cpu_text(const platform::Cpu& cpu) {
    std::vector<std::string> parts;
    if (!cpu.model.empty()) parts.push_back(cpu.model);
    if (cpu.online_cores > 0) parts.push_back(counted(cpu.online_cores, "core"));
    if (cpu.features.vector_bits > 0) parts.push_back(text(cpu.features.vector_bits, "-bit vectors"));
    if (cpu.features.int8_dot) parts.push_back("int8 dot product");
    if (cpu.features.fp16_math) parts.push_back("fp16");
    if (cpu.features.bf16_math) parts.push_back("bf16");
    return parts.empty() ? kUnknown : joined(parts);
}

std::string clusters_text(const platform::Cpu& cpu) {
    std::vector<std::string> out;
    for (const auto& cluster : cpu.clusters) {
        std::string one = text(cluster.cores.size(), " x ", cluster.core_name.empty() ? "core" : cluster.core_name);
        if (cluster.max_hz) one += " up to " + hertz(*cluster.max_hz);
        if (cluster.capacity) one += text(" (capacity ", *cluster.capacity, ")");
        out.push_back(one);
    }
    return joined(out);
}

// Boards have many cores with few clocks: equal ones are said once.
std::string clocks_text(const std::vector<platform::CoreClock>& clocks) {
    std::vector<std::pair<std::string, int>> kinds;
    for (const auto& clock : clocks) {
        if (!clock.now_hz) continue;
        std::string one = hertz(*clock.now_hz);
        if (clock.highest_hz) one += " of " + hertz(*clock.highest_hz);
        if (clock.hardware_hz && clock.highest_hz && *clock.highest_hz < *clock.hardware_hz)
            one += " (limited, " + hertz(*clock.hardware_hz) + " possible)";
        if (!clock.governor.empty()) one += ", " + clock.governor;
        const auto same = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.first == one; });
        if (same == kinds.end())
            kinds.emplace_back(one, 1);
        else
            ++same->second;
    }
    std::vector<std::string> out;
    for (const auto& [one, count] : kinds)
        out.push_back(count > 1 ? text(count, " x ", one) : one);
    return out.empty() ? kUnknown : joined(out, "; ");
}

std::string memory_text(const platform::Memory& memory) {
    std::vector<std::string> parts;
    if (memory.total_bytes) parts.push_back(format_bytes(*memory.total_bytes));
    if (memory.available_bytes) parts.push_back(format_bytes(*memory.available_bytes) + " available");
    if (memory.group_limit_bytes) {
        parts.push_back(
            "control group allows " + format_bytes(*memory.group_limit_bytes) +
            (memory.group_used_bytes ? ", " + format_bytes(*memory.group_used_bytes) + " of it in use" : ""));
    }
    return parts.empty() ? kUnknown : joined(parts);
}

std::string heat_text(const platform::Thermal& thermal) {
    const auto hottest = thermal.hottest_celsius();
    std::string out = hottest ? number(*hottest, 3) + " C at the hottest of " +
                                    counted(static_cast<long long>(thermal.temperatures.size()), "sensor")
                              : kUnknown;
    const auto add = [&](const std::optional<bool>& fact, const char* yes) {
        if (fact.value_or(false)) out += text(", ", yes);
    };
    add(thermal.throttled, "THROTTLED now");
    add(thermal.was_throttled, "has been throttled");
    add(thermal.under_voltage, "UNDER-VOLTAGE");
    if (thermal.throttled && !*thermal.throttled) out += ", not throttled";
    return out;
}

std::string pressure_text(const platform::Pressure& pressure) {
    std::vector<std::string> parts;
    const auto add = [&](const char* name, const std::optional<platform::Stall>& stall) {
        if (stall) parts.push_back(text(name, " ", number(stall->some_10s, 3), "%"));
    };
    add("memory", pressure.memory);
    add("processors", pressure.cpu);
    add("disks", pressure.io);
    return parts.empty() ? kUnknown : joined(parts) + " of the last 10 s spent waiting";
}

std::string link_speed(const platform::NetworkLink& link) {
    if (!link.up) return "down";
    if (!link.bits_per_s) return "speed not known";
    const double mbit = static_cast<double>(*link.bits_per_s) / 1e6;
    return mbit >= 1000 ? number(mbit / 1000, 3) + " Gbit/s" : number(mbit, 3) + " Mbit/s";
}

std::string links_text(const std::vector<platform::NetworkLink>& links) {
    std::vector<std::string> out;
    for (const auto& link : links) {
        const bool idle = link.kind == platform::NetworkLink::Kind::other && !link.up;  // bridges nobody uses
        if (!idle) out.push_back(text(link.name, " (", name(link.kind), ", ", link_speed(link), ")"));
    }
    return out.empty() ? "none" : joined(out);
}

}  // namespace

BoardFacts board_facts() {
    return {platform::board(),   platform::cpu(),      platform::clocks(),       platform::memory(),
            platform::thermal(), platform::pressure(), platform::network_links()};
}

std::string board_text(const BoardFacts& facts) {
    Facts out(11, 2);
    out.add("model", facts.board.model.value_or(kUnknown));
    out.add("system", system_text(facts.board));
    out.add("processor", cpu_text(facts.cpu));
    if (facts.cpu.clusters.size() > 1) out.add("", clusters_text(facts.cpu));
    out.add("clocks", clocks_text(facts.clocks));
    out.add("memory", memory_text(facts.memory));
    out.add("temperature", heat_text(facts.thermal));
    out.add("pressure", pressure_text(facts.pressure));
    out.add("network", links_text(facts.links));
    return "Board " + facts.board.host_name + "\n" + out.text();
}

Json board_json(const BoardFacts& facts) {
    const auto& [board, cpu, clocks, memory, thermal, pressure, links] = facts;
    Json out{{"host_name", board.host_name},
             {"model", json_of(board.model)},
             {"system", json_of(board.system)},
             {"kernel", json_of(board.kernel)},
             {"architecture", board.architecture},
             {"cpu",
              {{"model", cpu.model},
               {"online_cores", cpu.online_cores},
               {"vector_bits", cpu.features.vector_bits},
               {"int8_dot", cpu.features.int8_dot},
               {"int8_matmul", cpu.features.int8_matmul},
               {"fp16_math", cpu.features.fp16_math},
               {"bf16_math", cpu.features.bf16_math},
               {"clusters", Json::array()}}},
             {"memory",
              {{"total_bytes", json_of(memory.total_bytes)},
               {"available_bytes", json_of(memory.available_bytes)},
               {"group_limit_bytes", json_of(memory.group_limit_bytes)},
               {"group_used_bytes", json_of(memory.group_used_bytes)}}},
             {"thermal",
              {{"hottest_celsius", json_of(thermal.hottest_celsius())},
               {"throttled", json_of(thermal.throttled)},
               {"was_throttled", json_of(thermal.was_throttled)},
               {"under_voltage", json_of(thermal.under_voltage)}}},
             {"clocks", Json::array()},
             {"links", Json::array()}};
    for (const auto& cluster : cpu.clusters) {
        out["cpu"]["clusters"].push_back({{"cores", cluster.cores},
                                          {"core_name", cluster.core_name},
                                          {"max_hz", json_of(cluster.max_hz)},
                                          {"capacity", json_of(cluster.capacity)}});
    }
    for (const auto& clock : clocks) {
        out["clocks"].push_back({{"core", clock.core},
                                 {"now_hz", json_of(clock.now_hz)},
                                 {"highest_hz", json_of(clock.highest_hz)},
                                 {"hardware_hz", json_of(clock.hardware_hz)},
                                 {"governor", clock.governor}});
    }
    const auto stall = [](const std::optional<platform::Stall>& value) {
        return value ? Json{{"some_10s", value->some_10s}, {"full_10s", value->full_10s}} : Json();
    };
    out["pressure"] = {{"memory", stall(pressure.memory)}, {"cpu", stall(pressure.cpu)}, {"io", stall(pressure.io)}};
    for (const auto& link : links) {
        out["links"].push_back({{"name", link.name},
                                {"kind", name(link.kind)},
                                {"up", link.up},
                                {"bits_per_s", json_of(link.bits_per_s)},
                                {"mtu_bytes", json_of(link.mtu_bytes)}});
    }
    return out;
}

}  // namespace shoal::cli
