#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/error.hpp"
#include "opencl/discovery.hpp"

namespace shoal::opencl {
namespace {

using base::Code;
using base::fail;
using device::Kind;

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

bool contains(const std::string& text, const std::string& part) {
    return lower(text).find(part) != std::string::npos;
}

// A GPU emulated on the CPU calls itself a CPU (llvmpipe), so the kind is enough.
int rank(const FoundDevice& found) {
    switch (found.info.kind) {
        case Kind::gpu: return 0;
        case Kind::accelerator: return 1;
        case Kind::cpu: return 2;
        default: return 3;
    }
}

std::string listed(const std::vector<FoundDevice>& devices) {
    std::string out;
    for (const auto& found : devices) {
        if (!out.empty()) out += ", ";
        out += found.info.id + " (" + std::string(name(found.info.kind)) + ", " + found.info.name + ")";
    }
    return out;
}

bool matches(const FoundDevice& found, const std::string& wish) {
    const auto& info = found.info;
    if (lower(name(info.kind)) == wish) return true;
    return contains(info.name, wish) || contains(info.vendor, wish) || contains(info.platform, wish);
}

}  // namespace

const FoundDevice& choose(const std::vector<FoundDevice>& devices, std::string_view wish) {
    if (devices.empty()) {
        fail(Code::unavailable, "no OpenCL device was found for '", wish,
             "'; 'shoal devices' says why, and the package pocl-opencl-icd makes one of the CPU");
    }
    for (const auto& found : devices) {
        if (found.info.id == wish) return found;
    }
    const std::string wanted = lower(wish);
    if (wanted == "best") {
        return *std::min_element(devices.begin(), devices.end(),
                                 [](const auto& a, const auto& b) { return rank(a) < rank(b); });
    }
    for (const auto& found : devices) {
        if (!wanted.empty() && matches(found, wanted)) return found;
    }
    fail(Code::not_found, "no OpenCL device is named '", wish, "'; there are ", listed(devices));
}

Wish parse_wish(std::string_view text) {
    constexpr int kMostParts = 4096;
    const auto slash = text.rfind('/');
    if (slash == std::string_view::npos || slash + 1 == text.size()) return {std::string(text), 1};
    const auto digits = text.substr(slash + 1);
    if (!std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c) != 0; }))
        return {std::string(text), 1};
    Wish out{std::string(text.substr(0, slash)), 0};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.parts);
    if (error != std::errc() || end != digits.data() + digits.size() || out.parts < 1 || out.parts > kMostParts)
        fail(Code::invalid_argument, "device '", text, "': ", digits, " parts; there can be 1 to ", kMostParts);
    return out;
}

}  // namespace shoal::opencl
