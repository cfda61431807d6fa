#include "platform/affinity.hpp"

#include <sched.h>

#include <cerrno>
#include <memory>

namespace shoal::platform {
namespace {

struct Free {
    void operator()(cpu_set_t* set) const { CPU_FREE(set); }
};
using CpuSet = std::unique_ptr<cpu_set_t, Free>;

constexpr int kMostCores = 8192;  // more than any Linux is built for

}  // namespace

std::vector<int> allowed_cores() {
    std::vector<int> out;
    const CpuSet set(CPU_ALLOC(kMostCores));
    const std::size_t size = CPU_ALLOC_SIZE(kMostCores);
    if (!set) return out;
    CPU_ZERO_S(size, set.get());
    if (::sched_getaffinity(0, size, set.get()) != 0) return out;
    for (int core = 0; core < kMostCores; ++core) {
        if (CPU_ISSET_S(static_cast<std::size_t>(core), size, set.get())) out.push_back(core);
    }
    return out;
}

bool pin_thread(const std::vector<int>& cores) {
    const CpuSet set(CPU_ALLOC(kMostCores));
    const std::size_t size = CPU_ALLOC_SIZE(kMostCores);
    if (!set) return false;
    CPU_ZERO_S(size, set.get());
    for (const int core : cores) {
        if (core < 0 || core >= kMostCores) return false;
        CPU_SET_S(static_cast<std::size_t>(core), size, set.get());
    }
    return ::sched_setaffinity(0, size, set.get()) == 0;
}

}  // namespace shoal::platform
