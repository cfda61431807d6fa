// The kernels of an executable as separate launches, in order: what runs on every device, and what profiling times.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "opencl/blas.hpp"
#include "opencl/residence.hpp"

namespace shoal::opencl {

/// Sets argument `index` of a kernel to a number or scalar; pointers are the caller's business.
void set_value(cl_kernel kernel, cl_uint index, const Graph& graph, const LaunchArgument& argument);

class KernelSequence {
public:
    /// Makes a kernel for every launch and sets what never changes. `programs`: one for each group; they may be the
    /// same. Keeps references into the emission.
    KernelSequence(cl_device_id device, const std::vector<cl_program>& programs, const Graph& graph,
                   const Emission& emission, const Residence& residence);

    /// The buffers of this run's inputs and results; to be called before enqueue.
    void bind(const std::vector<cl_mem>& inputs, const std::vector<cl_mem>& results);
    void enqueue_all(cl_command_queue queue) const;
    /// Runs one group's launches one by one on a queue with timestamps; seconds on the device.
    [[nodiscard]] double time_group(cl_command_queue profiling_queue, std::size_t group) const;

    /// Runs the weights' setup launches and waits. `programs`: one for each weight. Calls `packed` with a constant as
    /// soon as no further weight is made of it.
    static void pack_weights(OpenDevice& device, const std::vector<cl_program>& programs, const Graph& graph,
                             const Emission& emission, const Residence& residence,
                             const std::function<void(ValueId)>& packed);

private:
    struct Bound {
        KernelHandle kernel;  ///< none where the library takes the step
        const Launch* launch;
        std::vector<BlasOperand> operands{};  ///< of that step
        void enqueue(cl_command_queue queue, cl_event* event = nullptr) const;
    };
    struct Open {  // an argument that every run sets
        std::size_t launch;
        cl_uint argument;
        Location location;
    };

    void add_blas(const Launch& launch, std::size_t group, const Residence& residence);
    static double blas_seconds(const Bound& product, cl_command_queue queue);

    std::vector<Bound> launches_;
    std::vector<std::size_t> first_of_group_;
    std::vector<Open> open_;
    std::vector<MemoryHandle> parts_;  // sub-buffers that arguments point to
};

}  // namespace shoal::opencl
