#include "platform/network.hpp"

#include "platform/system_file.hpp"

namespace shoal::platform {
namespace {

namespace fs = std::filesystem;

// ARP hardware types of if_arp.h, as /sys/class/net/*/type states them.
constexpr std::uint64_t kEthernet = 1, kLoopback = 772;

NetworkLink::Kind kind_of(const fs::path& link, std::uint64_t type) {
    std::error_code ignored;
    if (fs::exists(link / "wireless", ignored) || fs::exists(link / "phy80211", ignored))
        return NetworkLink::Kind::wireless;
    const bool hardware = fs::exists(link / "device", ignored);
    return hardware && type == kEthernet ? NetworkLink::Kind::ethernet : NetworkLink::Kind::other;
}

}  // namespace

std::string_view name(NetworkLink::Kind kind) noexcept {
    switch (kind) {
        case NetworkLink::Kind::ethernet: return "ethernet";
        case NetworkLink::Kind::wireless: return "wireless";
        case NetworkLink::Kind::other: return "other";
    }
    return "?";
}

std::vector<NetworkLink> network_links(const fs::path& root) {
    const auto folder = root / "sys/class/net";
    std::vector<NetworkLink> out;
    for (const auto& name : list_folder(folder)) {
        const auto link = folder / name;
        const auto type = read_system_number(link / "type");
        if (!type || *type == kLoopback) continue;
        NetworkLink one;
        one.name = name;
        one.kind = kind_of(link, *type);
        one.up = read_system_line(link / "operstate").value_or("") == "up";
        one.mtu_bytes = read_system_number(link / "mtu");
        const auto megabits = read_system_signed(link / "speed");  // -1 or unreadable where there is no such thing
        if (megabits && *megabits > 0) one.bits_per_s = static_cast<std::uint64_t>(*megabits) * 1000000;
        out.push_back(std::move(one));
    }
    return out;
}

}  // namespace shoal::platform
