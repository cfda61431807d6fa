// Which board this is, and what runs on it. Linux: the device tree, DMI, os-release, uname.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace shoal::platform {

struct Board {
    std::optional<std::string> model{};   ///< "Raspberry Pi 5 Model B Rev 1.0", "LENOVO 20XW"
    std::optional<std::string> system{};  ///< "Debian GNU/Linux 12 (bookworm)"
    std::optional<std::string> kernel{};  ///< "6.6.31+rpt-rpi-2712"
    std::string architecture{};           ///< of this program: "aarch64", "armv7l", "x86_64", "riscv64"
    std::string host_name{};

    bool operator==(const Board&) const = default;
};
[[nodiscard]] Board board(const std::filesystem::path& root = "/");

}  // namespace shoal::platform
