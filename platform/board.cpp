#include "platform/board.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "platform/system_file.hpp"

namespace shoal::platform {
namespace {

namespace fs = std::filesystem;

// What makers leave in these fields when they forget to fill them.
constexpr std::string_view kMeaningless[] = {
    "To Be Filled By O.E.M.",
    "To be filled by O.E.M.",
    "System Product Name",
    "System manufacturer",
    "Default string",
    "Not Specified",
    "None",
    "Unknown",
    "OEM",
    "Product Name",
};

std::string dmi(const fs::path& root, const char* field) {
    const auto text = read_system_line(root / "sys/class/dmi/id" / field);
    if (!text || std::find(std::begin(kMeaningless), std::end(kMeaningless), *text) != std::end(kMeaningless))
        return {};
    return *text;
}

std::optional<std::string> model(const fs::path& root) {
    if (auto tree = read_system_line(root / "proc/device-tree/model")) return tree;
    if (auto tree = read_system_line(root / "sys/firmware/devicetree/base/model")) return tree;
    std::string vendor = dmi(root, "sys_vendor"), product = dmi(root, "product_name");
    if (product.empty()) {
        vendor = dmi(root, "board_vendor");
        product = dmi(root, "board_name");
    }
    if (product.empty()) return std::nullopt;
    return vendor.empty() ? product : vendor + " " + product;
}

std::optional<std::string> system_name(const fs::path& root) {
    for (const char* file : {"etc/os-release", "usr/lib/os-release"}) {
        auto name = text_after(read_system_file(root / file).value_or(""), "PRETTY_NAME");
        if (!name) continue;
        name->erase(std::remove(name->begin(), name->end(), '"'), name->end());
        if (!name->empty()) return name;
    }
    return std::nullopt;
}

}  // namespace

Board board(const fs::path& root) {
    Board out;
    out.model = model(root);
    out.system = system_name(root);
    out.kernel = read_system_line(root / "proc/sys/kernel/osrelease");
    utsname names{};
    if (::uname(&names) == 0) {
        out.architecture = names.machine;
        out.host_name = names.nodename;
    }
    return out;
}

}  // namespace shoal::platform
