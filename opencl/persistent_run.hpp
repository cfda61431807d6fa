// The whole graph as one resident kernel; see emit/persistent.hpp for why and where.
#pragma once

#include <vector>

#include "opencl/emit/persistent.hpp"
#include "opencl/open_device.hpp"

namespace shoal::opencl {

/// True for devices on which the resident kernel may be used: PoCL on a CPU.
[[nodiscard]] bool runs_persistently(const device::DeviceInfo& device);

class PersistentRun {
public:
    /// Builds the program and loads the list of steps. Keeps a reference to the residence.
    PersistentRun(OpenDevice& device, const std::string& graph_name, PersistentKernel kernel,
                  const std::string& options, int workers, const Residence& residence);

    /// The buffers of this run's inputs and results; to be called before enqueue.
    void bind(const std::vector<cl_mem>& inputs, const std::vector<cl_mem>& results);
    void enqueue(cl_command_queue queue) const;

private:
    PersistentKernel description_;
    int workers_;
    BuiltProgram program_;
    KernelHandle kernel_;
    MemoryHandle steps_, sync_;
};

}  // namespace shoal::opencl
