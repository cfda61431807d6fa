// The whole graph as one resident kernel; see emit/persistent.hpp for why and where.
#pragma once

#include <vector>

#include "opencl/emit/persistent.hpp"
#include "opencl/open_device.hpp"

namespace shoal::opencl {

/// True for devices on which the resident kernel may be used, since they run as many groups at once as they have
/// compute units: those of PoCL's drivers for CPUs that were tried.
[[nodiscard]] bool runs_persistently(const device::DeviceInfo& device);

class PersistentRun {
public:
    /// Builds the program and loads the list of steps. Keeps a reference to the residence.
    PersistentRun(OpenDevice& device, const std::string& graph_name, PersistentKernel kernel,
                  const std::string& options, int workers, const Residence& residence);

    /// The buffers of this run's inputs and results; to be called before enqueue.
    void bind(const std::vector<cl_mem>& inputs, const std::vector<cl_mem>& results);
    void enqueue(cl_command_queue queue, cl_event* event) const;

    /// Runs a timed kernel once on a queue with timestamps and waits: seconds of each kernel group, from the moment
    /// when the first worker begins it to that when the first begins what follows. Nothing where kernels can read no
    /// clock.
    [[nodiscard]] std::optional<std::vector<double>> time_groups(cl_command_queue profiling_queue,
                                                                 std::size_t group_count) const;

private:
    PersistentKernel description_;
    int workers_;
    cl_uint first_base_;  // number of the first argument that is one of the kernel's bases
    BuiltProgram program_;
    KernelHandle kernel_;
    MemoryHandle steps_, sync_, clock_;
};

}  // namespace shoal::opencl
