// Memory as the operating system sees it: what the board has, what is free for a new tenant, what its control group
// (container, service) allows, and what this process holds. Linux: /proc/meminfo, /proc/self, cgroup v1 and v2.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace shoal::platform {

struct Memory {
    std::optional<std::uint64_t> total_bytes;
    /// What new work can have without swapping, by the kernel's own estimate.
    std::optional<std::uint64_t> available_bytes;
    /// The tightest control group above this process: its limit, and what it has in use that cannot be dropped.
    std::optional<std::uint64_t> group_limit_bytes;
    std::optional<std::uint64_t> group_used_bytes;

    /// What this process may still count on: the lesser of the system's and the group's; absent when neither is known.
    [[nodiscard]] std::optional<std::uint64_t> usable_bytes() const;
    bool operator==(const Memory&) const = default;
};
[[nodiscard]] Memory memory(const std::filesystem::path& root = "/");

struct ProcessMemory {
    std::optional<std::uint64_t> resident_bytes;
    std::optional<std::uint64_t> peak_resident_bytes;
    bool operator==(const ProcessMemory&) const = default;
};
[[nodiscard]] ProcessMemory process_memory(const std::filesystem::path& root = "/");

}  // namespace shoal::platform
