// The board's network links as the kernel knows them, before anything is measured. Linux: /sys/class/net.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace shoal::platform {

struct NetworkLink {
    enum class Kind { ethernet, wireless, other };  ///< other: bridges, tunnels, USB gadgets, ...

    std::string name{};  ///< "eth0"
    Kind kind = Kind::other;
    bool up = false;
    std::optional<std::uint64_t> bits_per_s{};  ///< negotiated; absent while down, for wireless and virtual links
    std::optional<std::uint64_t> mtu_bytes{};

    bool operator==(const NetworkLink&) const = default;
};

std::string_view name(NetworkLink::Kind kind) noexcept;

/// Without the loopback, sorted by name.
[[nodiscard]] std::vector<NetworkLink> network_links(const std::filesystem::path& root = "/");

}  // namespace shoal::platform
