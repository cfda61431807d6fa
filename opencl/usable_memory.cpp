#include "opencl/usable_memory.hpp"

#include <algorithm>

namespace shoal::opencl {
namespace {

// A board whose last page is taken stops answering: a sixteenth of its memory stays free, at most this much.
constexpr std::uint64_t kLargestReserve = std::uint64_t{256} << 20;

std::uint64_t left_of_host(const platform::Memory& host, std::uint64_t otherwise) {
    const auto left = host.usable_bytes();
    if (!left) return otherwise;
    const std::uint64_t whole = std::min(host.total_bytes.value_or(*left), host.group_limit_bytes.value_or(*left));
    const std::uint64_t reserve = std::min(std::max(whole, *left) / 16, kLargestReserve);
    return *left - std::min(*left, reserve);
}

}  // namespace

std::uint64_t usable_bytes(const FoundDevice& found, std::optional<std::uint64_t> cap, const platform::Memory& host) {
    std::uint64_t usable = found.info.global_bytes;
    if (found.info.unified_memory) usable = std::min(usable, left_of_host(host, usable));
    return std::min(usable, cap.value_or(usable));
}

}  // namespace shoal::opencl
