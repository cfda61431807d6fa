// All launches of a graph as one kernel that stays on the device from the first to the last.
//
// Between two launches a driver puts its threads to sleep and wakes them again, which on small layers takes longer than
// the layers. Here each compute unit gets one work-group that walks the whole list of steps; between steps they meet at
// a barrier of their own. OpenCL does not promise that work-groups run at the same time, so this is used only where a
// driver is known to run as many groups as it has threads (PoCL on a CPU), one command at a time.
// Source: Gupta, Stuart and Owens, "A Study of Persistent Threads Style GPU Programming for GPGPU Workloads", 2012.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "opencl/emit/launch.hpp"
#include "opencl/residence.hpp"

namespace shoal::opencl {

struct PersistentKernel {
    std::string name;
    std::string text;                 ///< the whole program
    std::vector<std::int32_t> steps;  ///< one record a launch; see persistent.cpp
    std::int32_t step_count = 0;
    std::vector<std::size_t> groups;  ///< the kernel group that each step belongs to
    bool timed = false;               ///< has the argument `clock` behind the fixed ones; see persistent.cl
    std::size_t sync_count = 0;       ///< ints of zeroed memory that the groups meet in; the kernel leaves it zeroed
    std::vector<Location> bases;      ///< what the pointer arguments behind the fixed ones are, in order
};

struct PersistentOptions {
    int workers = 1;     ///< work-groups that will run
    bool timed = false;  ///< every group notes when it begins and ends its part of a step
};

/// Nothing when the graph needs more pointers than a kernel may have arguments.
[[nodiscard]] std::optional<PersistentKernel> make_persistent(const Graph& graph, const Emission& emission,
                                                              const Residence& residence, PersistentOptions options);

}  // namespace shoal::opencl
