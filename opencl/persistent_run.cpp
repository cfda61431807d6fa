#include "opencl/persistent_run.hpp"

#include <algorithm>
#include <string_view>

namespace shoal::opencl {
namespace {

constexpr cl_uint kFixedArguments = 4;  // steps, step_count, sync, workers

}  // namespace

// PoCL's driver of a thread for each compute unit is called "pthread" or, from version 4 on, "cpu". In "cpu-tbb" a
// worker may run several groups one after the other: the first would wait for the second for ever.
bool runs_persistently(const device::DeviceInfo& device) {
    if (device.kind != device::Kind::cpu || device.platform != "Portable Computing Language") return false;
    if (device.compute_units == 1) return true;  // one group waits for nobody
    const std::string_view name = device.name;
    const bool tried = name.rfind("pthread", 0) == 0 || name == "cpu" || name.rfind("cpu-", 0) == 0;
    return tried && device.compute_units > 1 && name.rfind("cpu-tbb", 0) != 0 && name.rfind("cpu-minimal", 0) != 0;
}

PersistentRun::PersistentRun(OpenDevice& device, const std::string& graph_name, PersistentKernel kernel,
                             const std::string& options, int workers, const Residence& residence)
    : description_(std::move(kernel)),
      workers_(workers),
      first_base_(kFixedArguments + (description_.timed ? 1U : 0U)),
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
    if (description_.timed) {
        std::vector<cl_ulong> ticks(2 * description_.groups.size() * static_cast<std::size_t>(workers_), 0);
        clock_ = make_memory(device.context(), flags, ticks.size() * sizeof(cl_ulong), ticks.data());
        set_argument(kernel_.get(), kFixedArguments, clock_.get());
    }
    for (cl_uint i = 0; i < description_.bases.size(); ++i) {
        const Location& base = description_.bases[i];
        if (base.kind == Location::Kind::memory)
            set_argument(kernel_.get(), first_base_ + i, residence.memories()[base.number]->get());
    }
}

void PersistentRun::bind(const std::vector<cl_mem>& inputs, const std::vector<cl_mem>& results) {
    for (cl_uint i = 0; i < description_.bases.size(); ++i) {
        const Location& base = description_.bases[i];
        if (base.kind == Location::Kind::input) set_argument(kernel_.get(), first_base_ + i, inputs[base.number]);
        if (base.kind == Location::Kind::result) set_argument(kernel_.get(), first_base_ + i, results[base.number]);
    }
}

void PersistentRun::enqueue(cl_command_queue queue, cl_event* event) const {
    const auto global = static_cast<std::size_t>(workers_);
    constexpr std::size_t local = 1;
    check(clEnqueueNDRangeKernel(queue, kernel_.get(), 1, nullptr, &global, &local, 0, nullptr, event),
          "clEnqueueNDRangeKernel", description_.name, ", ", workers_, " groups");
}

std::optional<std::vector<double>> PersistentRun::time_groups(cl_command_queue profiling_queue,
                                                              std::size_t group_count) const {
    cl_event raw = nullptr;
    enqueue(profiling_queue, &raw);
    const EventHandle event(raw);
    const auto workers = static_cast<std::size_t>(workers_), steps = description_.groups.size();
    std::vector<cl_ulong> ticks(2 * steps * workers);
    check(clEnqueueReadBuffer(profiling_queue, clock_.get(), CL_TRUE, 0, ticks.size() * sizeof(cl_ulong), ticks.data(),
                              0, nullptr, nullptr),
          "clEnqueueReadBuffer", "of the workers' clocks");
    const auto begin_of = [&](std::size_t step) {
        cl_ulong out = ticks[2 * step * workers];
        for (std::size_t w = 1; w < workers; ++w)
            out = std::min(out, ticks[2 * (step * workers + w)]);
        return out;
    };
    std::vector<cl_ulong> begins(steps + 1);
    for (std::size_t step = 0; step < steps; ++step) {
        begins[step] = begin_of(step);
        for (std::size_t w = 0; w < workers; ++w)
            begins[steps] = std::max(begins[steps], ticks[2 * (step * workers + w) + 1]);
    }
    if (begins[steps] <= begins[0]) return std::nullopt;
    // The driver's clock says how long the whole took; the workers' ticks divide it.
    const double tick_s = event_seconds(event) / static_cast<double>(begins[steps] - begins[0]);
    std::vector<double> out(group_count, 0);
    for (std::size_t step = 0; step < steps; ++step)
        out[description_.groups[step]] += tick_s * static_cast<double>(begins[step + 1] - begins[step]);
    return out;
}

}  // namespace shoal::opencl
