#include "platform/cpu.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <tuple>

#include "platform/system_file.hpp"

namespace shoal::platform {
namespace {

namespace fs = std::filesystem;

struct Part {
    unsigned implementer, number;
    std::string_view name;
};

// Main ID register: implementer and part number (Arm's and the vendors' technical reference manuals).
constexpr Part kParts[] = {
    {0x41, 0xc05, "Cortex-A5"},   {0x41, 0xc07, "Cortex-A7"},     {0x41, 0xc08, "Cortex-A8"},
    {0x41, 0xc09, "Cortex-A9"},   {0x41, 0xc0d, "Cortex-A12"},    {0x41, 0xc0e, "Cortex-A17"},
    {0x41, 0xc0f, "Cortex-A15"},  {0x41, 0xd03, "Cortex-A53"},    {0x41, 0xd04, "Cortex-A35"},
    {0x41, 0xd05, "Cortex-A55"},  {0x41, 0xd07, "Cortex-A57"},    {0x41, 0xd08, "Cortex-A72"},
    {0x41, 0xd09, "Cortex-A73"},  {0x41, 0xd0a, "Cortex-A75"},    {0x41, 0xd0b, "Cortex-A76"},
    {0x41, 0xd0c, "Neoverse-N1"}, {0x41, 0xd0d, "Cortex-A77"},    {0x41, 0xd0e, "Cortex-A76AE"},
    {0x41, 0xd40, "Neoverse-V1"}, {0x41, 0xd41, "Cortex-A78"},    {0x41, 0xd42, "Cortex-A78AE"},
    {0x41, 0xd44, "Cortex-X1"},   {0x41, 0xd46, "Cortex-A510"},   {0x41, 0xd47, "Cortex-A710"},
    {0x41, 0xd48, "Cortex-X2"},   {0x41, 0xd49, "Neoverse-N2"},   {0x41, 0xd4b, "Cortex-A78C"},
    {0x41, 0xd4d, "Cortex-A715"}, {0x41, 0xd4e, "Cortex-X3"},     {0x41, 0xd4f, "Neoverse-V2"},
    {0x41, 0xd80, "Cortex-A520"}, {0x41, 0xd81, "Cortex-A720"},   {0x41, 0xd82, "Cortex-X4"},
    {0x4e, 0x004, "Carmel"},      {0x51, 0x802, "Kryo Gold"},     {0x51, 0x803, "Kryo Silver"},
    {0x51, 0x804, "Kryo 4 Gold"}, {0x51, 0x805, "Kryo 4 Silver"},
};

// One "key : value" block of /proc/cpuinfo, which the kernel ends by an empty line.
using Block = std::map<std::string, std::string, std::less<>>;

std::string value_of(const Block& block, std::string_view key) {
    const auto at = block.find(key);
    return at == block.end() ? std::string() : at->second;
}

unsigned hex_of(const Block& block, std::string_view key) {
    const std::string text = value_of(block, key);
    const std::size_t start = text.substr(0, 2) == "0x" ? 2 : 0;
    unsigned value = 0;
    std::from_chars(text.data() + start, text.data() + text.size(), value, 16);
    return value;
}

std::string_view without_blanks(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<Block> read_blocks(std::string_view text) {
    std::vector<Block> blocks(1);
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const auto colon = line.find(':');
        if (colon != std::string_view::npos)
            blocks.back().emplace(without_blanks(line.substr(0, colon)), without_blanks(line.substr(colon + 1)));
        else if (!blocks.back().empty())
            blocks.emplace_back();
    }
    return blocks;
}

std::string core_name(const Block& block) {
    const unsigned implementer = hex_of(block, "CPU implementer"), number = hex_of(block, "CPU part");
    for (const auto& part : kParts) {
        if (part.implementer == implementer && part.number == number) return std::string(part.name);
    }
    return {};
}

std::vector<int> online_cores(const fs::path& root, const std::vector<Block>& blocks) {
    auto cores = parse_list(read_system_line(root / "sys/devices/system/cpu/online").value_or(""));
    if (!cores.empty()) return cores;
    for (const auto& block : blocks) {
        if (block.count("processor") != 0) cores.push_back(static_cast<int>(cores.size()));
    }
    return cores;
}

std::vector<CpuCluster> clusters(const fs::path& root, const std::vector<Block>& blocks) {
    std::map<std::string, const Block*> block_of;
    for (const auto& block : blocks)
        block_of.emplace(value_of(block, "processor"), &block);
    std::vector<CpuCluster> out;
    for (const int core : online_cores(root, blocks)) {
        const fs::path folder = root / "sys/devices/system/cpu" / ("cpu" + std::to_string(core));
        CpuCluster one{{core}};
        const auto block = block_of.find(std::to_string(core));
        if (block != block_of.end()) one.core_name = core_name(*block->second);
        if (const auto khz = read_system_number(folder / "cpufreq/cpuinfo_max_freq")) one.max_hz = *khz * 1000;
        if (const auto capacity = read_system_number(folder / "cpu_capacity"); capacity && *capacity <= 1024)
            one.capacity = static_cast<int>(*capacity);
        const auto same = std::find_if(out.begin(), out.end(), [&](const CpuCluster& other) {
            return std::tie(other.core_name, other.max_hz, other.capacity) ==
                   std::tie(one.core_name, one.max_hz, one.capacity);
        });
        if (same != out.end())
            same->cores.push_back(core);
        else
            out.push_back(std::move(one));
    }
    std::stable_sort(out.begin(), out.end(), [](const CpuCluster& a, const CpuCluster& b) {
        return std::tie(a.capacity, a.max_hz) > std::tie(b.capacity, b.max_hz);
    });
    return out;
}

CpuFeatures features(const std::vector<Block>& blocks) {
    // x86 lists "flags", Arm "Features"; of unlike cores only what all have counts.
    const auto of = [](const Block& block) { return value_of(block, "flags") + value_of(block, "Features"); };
    std::vector<std::string> all;
    for (const auto& block : blocks) {
        if (const std::string text = of(block); !text.empty()) all.push_back(" " + text + " ");
    }
    const auto has = [&](std::string_view word) {
        const std::string padded = " " + std::string(word) + " ";
        return !all.empty() && std::all_of(all.begin(), all.end(), [&](const std::string& text) {
            return text.find(padded) != std::string::npos;
        });
    };
    CpuFeatures out;
    if (has("avx512f"))
        out.vector_bits = 512;
    else if (has("avx"))
        out.vector_bits = 256;
    else if (has("sse") || has("asimd") || has("neon"))
        out.vector_bits = 128;
    out.int8_dot = has("avx512_vnni") || has("avx_vnni") || has("asimddp");
    out.int8_matmul = has("i8mm") || has("amx_int8");
    out.fp16_math = has("avx512_fp16") || has("asimdhp");
    out.bf16_math = has("avx512_bf16") || has("bf16") || has("amx_bf16");
    return out;
}

std::string model_of(const std::vector<Block>& blocks, const std::vector<CpuCluster>& groups) {
    std::string out;
    for (const auto& group : groups) {
        if (group.core_name.empty()) continue;
        if (!out.empty()) out += " + ";
        out += std::to_string(group.cores.size()) + " x " + group.core_name;
    }
    if (!out.empty()) return out;
    for (const char* key : {"model name", "Model Name", "cpu model", "uarch", "cpu"}) {
        for (const auto& block : blocks) {
            if (const std::string name = value_of(block, key); !name.empty()) return name;
        }
    }
    return out;
}

}  // namespace

Cpu cpu(const fs::path& root) {
    const auto blocks = read_blocks(read_system_file(root / "proc/cpuinfo").value_or(""));
    Cpu out;
    out.clusters = clusters(root, blocks);
    for (const auto& cluster : out.clusters)
        out.online_cores += static_cast<int>(cluster.cores.size());
    out.model = model_of(blocks, out.clusters);
    out.features = features(blocks);
    return out;
}

const CpuFeatures& cpu_features() {
    static const CpuFeatures found = cpu().features;
    return found;
}

}  // namespace shoal::platform
