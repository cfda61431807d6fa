#include "opencl/persistent_run.hpp"

namespace shoal::opencl {
namespace {

constexpr cl_uint kFixedArguments = 4;  // steps, step_count, sync, workers

}  // namespace

bool runs_persistently(const device::DeviceInfo& device) {
    return device.kind == device::Kind::cpu && device.platform == "Portable Computing Language" &&
           device.compute_units > 0;
}

PersistentRun::PersistentRun(OpenDevice& device, const std::string& graph_name, PersistentKernel kernel,
                             const std::string& options, int workers, const Residence& residence)
    : description_(std::move(kernel)),
      workers_(workers),
      program_(device.programs().build({graph_name, description_.text, options})),
      kernel_(make_kernel(program_.program.get(), description_.name)) {
    const auto flags = CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR;
    steps_ = make_memory(device.context(), flags, description_.steps.size() * sizeof(std::int32_t),
                         description_.steps.data());
    std::vector<std::int32_t> zeros(description_.sync_count, 0);
    sync_ = make_memory(device.context(), flags, zeros.size() * sizeof(std::int32_t), zeros.data());
    set_argument(kernel_.get(), 0, steps_.get());
    set_argument(kernel_.get(), 1, static_cast<cl_int>(description_.step_count));
    set_argument(kernel_.get(), 2, sync_.get());
    set_argument(kernel_.get(), 3, static_cast<cl_int>(workers_));
    for (cl_uint i = 0; i < description_.bases.size(); ++i) {
        const Location& base = description_.bases[i];
        if (base.kind == Location::Kind::memory)
            set_argument(kernel_.get(), kFixedArguments + i, residence.memories()[base.number]->get());
    }
}

void PersistentRun::bind(const std::vector<cl_mem>& inputs, const std::vector<cl_mem>& results) {
    for (cl_uint i = 0; i < description_.bases.size(); ++i) {
        const Location& base = description_.bases[i];
        if (base.kind == Location::Kind::input) set_argument(kernel_.get(), kFixedArguments + i, inputs[base.number]);
        if (base.kind == Location::Kind::result) set_argument(kernel_.get(), kFixedArguments + i, results[base.number]);
    }
}

void PersistentRun::enqueue(cl_command_queue queue) const {
    const auto global = static_cast<std::size_t>(workers_);
    constexpr std::size_t local = 1;
    check(clEnqueueNDRangeKernel(queue, kernel_.get(), 1, nullptr, &global, &local, 0, nullptr, nullptr),
          "clEnqueueNDRangeKernel", description_.name, ", ", workers_, " groups");
}

}  // namespace shoal::opencl
