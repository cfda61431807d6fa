#include "opencl/usable_memory.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "opencl/handles.hpp"

namespace shoal::opencl {
namespace {

// A board whose last page is taken stops answering: a sixteenth of its memory stays free, at most this much.
constexpr std::uint64_t kLargestReserve = std::uint64_t{256} << 20;

constexpr std::size_t kTouched = 64;                       // bytes written at either end of a buffer
constexpr std::uint64_t kFinest = std::uint64_t{1} << 20;  // no refusal is narrowed down further

std::uint64_t left_of_host(const platform::Memory& host, std::uint64_t otherwise) {
    const auto left = host.usable_bytes();
    if (!left) return otherwise;
    const std::uint64_t whole =
        std::min(host.total_bytes.value_or(*left), host.group_limit_bytes.value_or(host.total_bytes.value_or(*left)));
    const std::uint64_t reserve = std::min(whole / 16, kLargestReserve);
    return *left - std::min(*left, reserve);
}

// Drivers commit a buffer's memory when it is first used, not when it is made.
void touch(cl_command_queue queue, cl_mem memory, std::size_t size_bytes) {
    const std::array<char, kTouched> pattern{};
    for (const std::size_t offset : {std::size_t{0}, size_bytes - kTouched}) {
        check(clEnqueueFillBuffer(queue, memory, pattern.data(), 1, offset, kTouched, 0, nullptr, nullptr),
              "clEnqueueFillBuffer", size_bytes, " bytes");
    }
    check(clFinish(queue), "clFinish");
}

bool obtain(cl_context context, cl_command_queue queue, std::size_t size_bytes, std::vector<MemoryHandle>& held) {
    try {
        auto memory = make_memory(context, CL_MEM_READ_WRITE, size_bytes);
        touch(queue, memory.get(), size_bytes);
        held.push_back(std::move(memory));
        return true;
    } catch (const base::Error&) {  // refused: that is the answer
        return false;
    }
}

}  // namespace

std::uint64_t usable_bytes(const device::DeviceInfo& info, std::optional<std::uint64_t> cap,
                           const platform::Memory& host) {
    std::uint64_t usable = info.global_bytes;
    if (info.unified_memory) usable = std::min(usable, left_of_host(host, usable));
    return std::min(usable, cap.value_or(usable));
}

std::uint64_t obtainable_bytes(const FoundDevice& found, std::uint64_t wanted) {
    const auto context = make_context(found.handle);
    const auto queue = make_queue(context.get(), found.handle);
    std::vector<MemoryHandle> held;
    std::uint64_t total = 0;
    std::uint64_t part =
        std::min<std::uint64_t>({wanted, found.info.largest_allocation, std::numeric_limits<std::size_t>::max() / 2});
    while (total < wanted && part >= kTouched) {
        const std::uint64_t size = std::min(part, wanted - total);
        if (size < kTouched) return wanted;
        if (obtain(context.get(), queue.get(), static_cast<std::size_t>(size), held)) {
            total += size;
        } else {
            if (part <= kFinest) break;
            part /= 2;
        }
    }
    return total;
}

}  // namespace shoal::opencl
