#include "opencl/executable.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "graph/liveness.hpp"
#include "opencl/codegen/text.hpp"
#include "opencl/emit/emitter.hpp"
#include "opencl/storage.hpp"

namespace shoal::opencl {
namespace {

using base::Code;
using base::fail;
using runtime::BufferPtr;
using runtime::Graph;

// A kernel with its arguments set, but for those that change with every run.
struct Bound {
    KernelHandle kernel;
    std::array<std::size_t, 3> global, local;
    std::string name;

    void enqueue(cl_command_queue queue, cl_event* event = nullptr) const {
        check(clEnqueueNDRangeKernel(queue, kernel.get(), 3, nullptr, global.data(), local.data(), 0, nullptr, event),
              "clEnqueueNDRangeKernel", "kernel ", name, ", global ", global[0], "x", global[1], "x", global[2]);
    }
};

// An argument that a run sets: the buffer of an input or of a result.
struct Open {
    std::size_t launch;
    cl_uint argument;
    Place place;
};

// Tells a waiting thread that an event is done; owned by the driver's callback and by the waiter.
struct Completion {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    cl_int status = CL_COMPLETE;
    std::vector<BufferPtr> kept;  // what the device may still use after the waiter has given up
};

void CL_CALLBACK on_complete(cl_event, cl_int status, void* user) {
    const std::unique_ptr<std::shared_ptr<Completion>> completion(static_cast<std::shared_ptr<Completion>*>(user));
    std::vector<BufferPtr> kept;
    {
        const std::lock_guard lock((*completion)->mutex);
        (*completion)->done = true;
        (*completion)->status = status;
        kept.swap((*completion)->kept);
    }
    (*completion)->changed.notify_all();
}

class OpenClExecutable final : public runtime::Executable {
public:
    OpenClExecutable(std::shared_ptr<OpenDevice> device, Graph graph)
        : device_(std::move(device)), graph_(std::move(graph)) {
        const auto& info = device_->device().info;
        emission_ = emit(graph_, info);
        storage_ = plan_storage(graph_, emission_, std::max<std::uint64_t>(info.buffer_alignment, 64));
        if (!emission_.groups.empty() || !emission_.weights.empty()) {
            const std::string options = std::string("-cl-mad-enable") + (emission_.uses_f64 ? " -DSHOAL_FP64" : "");
            program_ = device_->programs().build({graph_.name, emission_.text, options});
        }
        place_constants();
        if (storage_.arena_bytes > 0) arena_ = device_->allocate(storage_.arena_bytes);
        for (std::size_t g = 0; g < emission_.groups.size(); ++g) {
            first_launch_.push_back(launches_.size());
            for (const Launch& launch : emission_.groups[g].launches)
                bind(launch, g);
        }
        first_launch_.push_back(launches_.size());
        for (const auto& port : graph_.inputs)
            memory_.results += graph_.type(port.value).size_bytes();
        for (const auto id : storage_.results)
            memory_.results += graph_.type(id).size_bytes();
        memory_.activations = storage_.arena_bytes;
    }

    [[nodiscard]] const Graph& graph() const noexcept override { return graph_; }
    [[nodiscard]] runtime::MemoryUse memory() const noexcept override { return memory_; }

    [[nodiscard]] std::vector<BufferPtr> run(std::span<const BufferPtr> inputs,
                                             const runtime::RunOptions& options) override {
        runtime::check_inputs(graph_, inputs);
        runtime::check_still_wanted(options);
        const std::lock_guard lock(mutex_);
        const auto results = bind_run(inputs);
        for (const Bound& launch : launches_)
            launch.enqueue(device_->queue());
        wait(options, inputs, results);
        return outputs(inputs, results);
    }

    [[nodiscard]] std::vector<runtime::KernelReport> profile(int repeat) override {
        const std::lock_guard lock(mutex_);
        std::vector<BufferPtr> inputs;
        for (const auto& port : graph_.inputs) {
            inputs.push_back(std::make_shared<DeviceBuffer>(
                device_, device_->place(tensor::Tensor(graph_.type(port.value)).shared_bytes()),
                graph_.type(port.value)));
        }
        const auto results = bind_run(inputs);
        std::vector<std::vector<double>> seconds(emission_.groups.size());
        for (int n = 0; n < std::max(repeat, 1); ++n) {
            for (std::size_t g = 0; g < emission_.groups.size(); ++g)
                seconds[g].push_back(time_group(g));
        }
        std::vector<runtime::KernelReport> out;
        for (std::size_t g = 0; g < emission_.groups.size(); ++g) {
            auto& own = seconds[g];
            std::nth_element(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(own.size() / 2), own.end());
            out.push_back(report(g, own[own.size() / 2]));
        }
        return out;
    }

private:
    // --- making ---

    void place_constants() {
        for (const auto id : storage_.constants) {
            constants_.push_back(device_->place(graph_.constant(id).shared_bytes()));
            memory_.weights += graph_.type(id).size_bytes();
        }
        if (emission_.zeros_bytes > 0) {
            zeros_ = device_->place(
                tensor::Tensor({tensor::ElementType::u8, {static_cast<std::int64_t>(emission_.zeros_bytes)}})
                    .shared_bytes());
            memory_.weights += emission_.zeros_bytes;
        }
        for (const Weight& weight : emission_.weights) {
            weights_.push_back(device_->allocate(weight.bytes));
            memory_.weights += weight.bytes;
        }
        for (std::size_t n = 0; n < emission_.weights.size(); ++n)
            set_up(emission_.weights[n]);
        check(clFinish(device_->queue()), "clFinish", "after loading weights");
    }

    // Runs a weight's setup kernel; the constant's own bytes are needed only meanwhile.
    void set_up(const Weight& weight) {
        const MemoryPtr source = device_->place(graph_.constant(weight.source).shared_bytes());
        Bound bound = bare(weight.setup);
        for (cl_uint i = 0; i < weight.setup.arguments.size(); ++i) {
            const auto& argument = weight.setup.arguments[i];
            if (std::holds_alternative<BufferArgument>(argument))
                set_argument(bound.kernel.get(), i, source->get());
            else
                set_fixed(bound.kernel.get(), i, argument, 0);
        }
        bound.enqueue(device_->queue());
        check(clFinish(device_->queue()), "clFinish", "after packing a weight");
    }

    [[nodiscard]] Bound bare(const Launch& launch) const {
        return {make_kernel(program_.program.get(), launch.kernel), launch.global, launch.local, launch.kernel};
    }

    void bind(const Launch& launch, std::size_t group) {
        Bound bound = bare(launch);
        for (cl_uint i = 0; i < launch.arguments.size(); ++i) {
            const auto& argument = launch.arguments[i];
            const auto* buffer = std::get_if<BufferArgument>(&argument);
            if (buffer == nullptr) {
                set_fixed(bound.kernel.get(), i, argument, group);
                continue;
            }
            const Place& place = storage_.places[buffer->value];
            if (place.kind == Place::Kind::arena) {
                set_argument(bound.kernel.get(), i,
                             part_of_arena(place.offset, graph_.type(buffer->value).size_bytes()));
            } else if (place.kind == Place::Kind::constant) {
                set_argument(bound.kernel.get(), i, constants_[place.number]->get());
            } else {
                open_.push_back({launches_.size(), i, place});
            }
        }
        launches_.push_back(std::move(bound));
    }

    // Arguments that never change.
    void set_fixed(cl_kernel kernel, cl_uint i, const LaunchArgument& argument, std::size_t group) {
        if (const auto* number = std::get_if<NumberArgument>(&argument))
            set_argument(kernel, i, static_cast<cl_int>(number->value));
        else if (const auto* scalar = std::get_if<ScalarArgument>(&argument))
            set_scalar(kernel, i, *scalar);
        else if (const auto* weight = std::get_if<WeightArgument>(&argument))
            set_argument(kernel, i, weights_[weight->number]->get());
        else if (std::holds_alternative<ZerosArgument>(argument))
            set_argument(kernel, i, zeros_->get());
        else if (const auto* space = std::get_if<WorkspaceArgument>(&argument)) {
            set_argument(kernel, i,
                         part_of_arena(storage_.workspaces[group][space->number],
                                       emission_.groups[group].workspaces[space->number]));
        }
    }

    void set_scalar(cl_kernel kernel, cl_uint i, const ScalarArgument& scalar) {
        const tensor::Tensor value = graph_.constant(scalar.value);
        const double real = tensor::element_as_double(value, 0);
        const std::int64_t whole = tensor::element_as_int(value, 0);
        switch (compute_of(scalar.element)) {
            case Compute::f32: set_argument(kernel, i, static_cast<cl_float>(real)); break;
            case Compute::f64: set_argument(kernel, i, real); break;
            case Compute::u32: set_argument(kernel, i, static_cast<cl_uint>(whole)); break;
            case Compute::i64: set_argument(kernel, i, static_cast<cl_long>(whole)); break;
            case Compute::u64: set_argument(kernel, i, static_cast<cl_ulong>(whole)); break;
            case Compute::i32:
            case Compute::mask: set_argument(kernel, i, static_cast<cl_int>(whole)); break;
        }
    }

    cl_mem part_of_arena(std::uint64_t offset, std::uint64_t bytes) {
        const cl_buffer_region region{offset, std::max<std::uint64_t>(bytes, 1)};
        cl_int status = CL_SUCCESS;
        parts_.emplace_back(
            clCreateSubBuffer(arena_->get(), CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &status));
        check(status, "clCreateSubBuffer", bytes, " bytes at ", offset, " of ", arena_->size_bytes());
        return parts_.back().get();
    }

    // --- running ---

    [[nodiscard]] const DeviceBuffer& own(const BufferPtr& buffer, std::size_t i) const {
        const auto* typed = dynamic_cast<const DeviceBuffer*>(buffer.get());
        if (typed == nullptr || &typed->device() != device_.get()) {
            fail(Code::invalid_argument, "input '", graph_.inputs[i].name, "' lies on another device");
        }
        return *typed;
    }

    // Makes the result buffers and hands them and the inputs to the kernels.
    std::vector<BufferPtr> bind_run(std::span<const BufferPtr> inputs) {
        std::vector<BufferPtr> results;
        for (const auto id : storage_.results) {
            const auto& type = graph_.type(id);
            results.push_back(std::make_shared<DeviceBuffer>(
                device_, device_->allocate(std::max<std::size_t>(type.size_bytes(), 1)), type));
        }
        for (const Open& open : open_) {
            const bool is_input = open.place.kind == Place::Kind::input;
            const DeviceBuffer& buffer =
                is_input ? own(inputs[open.place.number], open.place.number) : own(results[open.place.number], 0);
            set_argument(launches_[open.launch].kernel.get(), open.argument, buffer.memory()->get());
        }
        return results;
    }

    void wait(const runtime::RunOptions& options, std::span<const BufferPtr> inputs,
              const std::vector<BufferPtr>& results) {
        if (!options.deadline || launches_.empty()) {
            check(clFinish(device_->queue()), "clFinish", "running '", graph_.name, "'");
            return;
        }
        cl_event raw = nullptr;
        check(clEnqueueMarkerWithWaitList(device_->queue(), 0, nullptr, &raw), "clEnqueueMarkerWithWaitList");
        const EventHandle event(raw);
        const auto completion = std::make_shared<Completion>();
        completion->kept.assign(inputs.begin(), inputs.end());
        completion->kept.insert(completion->kept.end(), results.begin(), results.end());
        auto user = std::make_unique<std::shared_ptr<Completion>>(completion);
        check(clSetEventCallback(event.get(), CL_COMPLETE, on_complete, user.get()), "clSetEventCallback");
        (void)user.release();  // the callback's now
        check(clFlush(device_->queue()), "clFlush");
        std::unique_lock lock(completion->mutex);
        constexpr std::chrono::milliseconds kLook{20};  // how soon a cancellation is seen
        while (!completion->done) {
            const auto now = base::SteadyClock::now();
            if (options.cancellation.cancelled()) fail(Code::cancelled, "the run of '", graph_.name, "' was cancelled");
            if (now >= *options.deadline)
                fail(Code::timeout, "device '", device_->device().info.name, "' did not finish '", graph_.name,
                     "' in time");
            completion->changed.wait_until(lock, std::min(now + kLook, *options.deadline));
        }
        if (completion->status < 0) check(completion->status, "execution", "of '", graph_.name, "'");
    }

    std::vector<BufferPtr> outputs(std::span<const BufferPtr> inputs, const std::vector<BufferPtr>& results) const {
        std::vector<BufferPtr> out;
        for (const auto& port : graph_.outputs) {
            const Place& place = storage_.places[port.value];
            const auto& type = graph_.type(port.value);
            if (place.kind == Place::Kind::constant) {
                out.push_back(std::make_shared<DeviceBuffer>(device_, constants_[place.number], type));
            } else {
                const BufferPtr& source =
                    place.kind == Place::Kind::input ? inputs[place.number] : results[place.number];
                out.push_back(source->type() == type
                                  ? source
                                  : std::make_shared<DeviceBuffer>(device_, own(source, 0).memory(), type));
            }
        }
        return out;
    }

    // --- measuring ---

    double time_group(std::size_t g) {
        double seconds = 0;
        for (std::size_t n = first_launch_[g]; n < first_launch_[g + 1]; ++n) {
            cl_event raw = nullptr;
            launches_[n].enqueue(device_->profiling_queue(), &raw);
            const EventHandle event(raw);
            check(clWaitForEvents(1, &raw), "clWaitForEvents");
            cl_ulong start = 0, end = 0;
            check(clGetEventProfilingInfo(event.get(), CL_PROFILING_COMMAND_START, sizeof start, &start, nullptr),
                  "clGetEventProfilingInfo");
            check(clGetEventProfilingInfo(event.get(), CL_PROFILING_COMMAND_END, sizeof end, &end, nullptr),
                  "clGetEventProfilingInfo");
            seconds += static_cast<double>(end - start) * 1e-9;
        }
        return seconds;
    }

    [[nodiscard]] runtime::KernelReport report(std::size_t g, double seconds) const {
        const GroupCode& group = emission_.groups[g];
        runtime::KernelReport out;
        out.name = group.kernel;
        out.seconds = seconds;
        for (std::uint32_t i = group.range.first; i < group.range.last; ++i) {
            const graph::Op& op = graph_.ops[i];
            out.ops.push_back(i);
            const auto* fn = op.attrs.has("fn") ? &op.attrs.text("fn") : nullptr;
            out.work += (out.work.empty() ? "" : " + ") + (fn != nullptr ? *fn : std::string(op.card->name));
            out.cost.flops += graph::cost(graph_, op).flops;
        }
        for (const Launch& launch : group.launches)
            count_traffic(launch, out);
        for (const auto bytes : group.workspaces)
            out.workspace_bytes += bytes;
        return out;
    }

    void count_traffic(const Launch& launch, runtime::KernelReport& out) const {
        for (const auto& argument : launch.arguments) {
            if (const auto* buffer = std::get_if<BufferArgument>(&argument)) {
                const auto bytes = graph_.type(buffer->value).size_bytes();
                (buffer->written ? out.cost.bytes_written : out.cost.bytes_read) += static_cast<double>(bytes);
                if (graph_.is_constant(storage_.roots[buffer->value])) out.weight_bytes += bytes;
            } else if (const auto* weight = std::get_if<WeightArgument>(&argument)) {
                out.weight_bytes += emission_.weights[weight->number].bytes;
                out.cost.bytes_read += static_cast<double>(emission_.weights[weight->number].bytes);
            }
        }
    }

    std::shared_ptr<OpenDevice> device_;
    Graph graph_;
    Emission emission_;
    Storage storage_;
    BuiltProgram program_;
    runtime::MemoryUse memory_;
    std::vector<MemoryPtr> constants_, weights_;
    MemoryPtr zeros_, arena_;
    std::vector<MemoryHandle> parts_;
    std::vector<Bound> launches_;
    std::vector<std::size_t> first_launch_;
    std::vector<Open> open_;
    std::mutex mutex_;
};

}  // namespace

std::unique_ptr<runtime::Executable> make_executable(std::shared_ptr<OpenDevice> device, runtime::Graph graph) {
    return std::make_unique<OpenClExecutable>(std::move(device), std::move(graph));
}

}  // namespace shoal::opencl
