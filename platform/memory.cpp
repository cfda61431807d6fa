#include "platform/memory.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "platform/system_file.hpp"

namespace shoal::platform {
namespace {

namespace fs = std::filesystem;
using Bytes = std::optional<std::uint64_t>;

// v1 states "no limit" as the largest multiple of a page below 2^63.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60;

struct Group {
    std::uint64_t limit = 0, used = 0;
    [[nodiscard]] std::uint64_t left() const { return limit - std::min(limit, used); }
};

struct Names {
    const char *limit, *used, *droppable;
};
constexpr Names kV1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr Names kV2{"memory.max", "memory.current", "inactive_file"};

std::optional<Group> read_group(const fs::path& folder, const Names& names) {
    const Bytes limit = read_system_number(folder / names.limit);
    if (!limit || *limit >= kNoLimit) return std::nullopt;
    const std::uint64_t used = read_system_number(folder / names.used).value_or(0);
    const std::string stat = read_system_file(folder / "memory.stat").value_or("");
    const std::uint64_t droppable = number_after(stat, names.droppable).value_or(0);
    return Group{*limit, used - std::min(used, droppable)};
}

// Every group from `inner` up to the mount counts: the limits of all of them hold.
void tighten(std::optional<Group>& tightest, const fs::path& mount, std::string inner, const Names& names) {
    while (true) {
        const auto group = read_group(mount / fs::path(inner).relative_path(), names);
        if (group && (!tightest || group->left() < tightest->left())) tightest = group;
        const auto slash = inner.rfind('/');
        if (inner.empty() || slash == std::string::npos) return;
        inner.resize(slash);
    }
}

std::optional<Group> tightest_group(const fs::path& root) {
    std::optional<Group> out;
    std::string text = read_system_file(root / "proc/self/cgroup").value_or("");
    for (std::size_t at = 0; at < text.size();) {  // lines "4:memory:/path", v2 "0::/path"
        const std::string line = text.substr(at, text.find('\n', at) - at);
        at += line.size() + 1;
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const std::string path = line.substr(second + 1);
        if (path.find("..") != std::string::npos) continue;  // outside of this process' cgroup namespace
        if (controllers == ",,") tighten(out, root / "sys/fs/cgroup", path, kV2);
        if (controllers.find(",memory,") != std::string::npos) tighten(out, root / "sys/fs/cgroup/memory", path, kV1);
    }
    return out;
}

Bytes kibibytes(const std::string& text, const char* key) {
    const Bytes value = number_after(text, key);
    if (!value || *value > std::numeric_limits<std::uint64_t>::max() / 1024) return std::nullopt;
    return *value * 1024;
}

// Before Linux 3.14: what is free and what the caches would give back.
Bytes estimated_available(const std::string& info) {
    const Bytes free = kibibytes(info, "MemFree");
    if (!free) return std::nullopt;
    return *free + kibibytes(info, "Buffers").value_or(0) + kibibytes(info, "Cached").value_or(0);
}

}  // namespace

std::optional<std::uint64_t> Memory::usable_bytes() const {
    Bytes out = available_bytes;
    if (group_limit_bytes) {
        const std::uint64_t used = group_used_bytes.value_or(0);
        const std::uint64_t left = *group_limit_bytes - std::min(*group_limit_bytes, used);
        out = std::min(out.value_or(left), left);
    }
    return out;
}

Memory memory(const fs::path& root) {
    Memory out;
    const std::string info = read_system_file(root / "proc/meminfo").value_or("");
    out.total_bytes = kibibytes(info, "MemTotal");
    out.available_bytes = kibibytes(info, "MemAvailable");
    if (!out.available_bytes) out.available_bytes = estimated_available(info);
    if (const auto group = tightest_group(root)) {
        out.group_limit_bytes = group->limit;
        out.group_used_bytes = group->used;
    }
    return out;
}

ProcessMemory process_memory(const fs::path& root) {
    const std::string status = read_system_file(root / "proc/self/status").value_or("");
    return {kibibytes(status, "VmRSS"), kibibytes(status, "VmHWM")};
}

}  // namespace shoal::platform
