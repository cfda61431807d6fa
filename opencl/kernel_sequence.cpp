#include "opencl/kernel_sequence.hpp"

#include <map>

#include <algorithm>

#include "base/checked.hpp"
#include "base/time.hpp"
#include "opencl/codegen/text.hpp"

namespace shoal::opencl {
namespace {

void set_scalar(cl_kernel kernel, cl_uint index, const Graph& graph, const ScalarArgument& scalar) {
    const tensor::Tensor value = graph.constant(scalar.value);
    const double real = tensor::element_as_double(value, 0);
    const std::int64_t whole = tensor::element_as_int(value, 0);
    switch (compute_of(scalar.element)) {
        case Compute::f32: return set_argument(kernel, index, static_cast<cl_float>(real));
        case Compute::f64: return set_argument(kernel, index, real);
        case Compute::u32: return set_argument(kernel, index, static_cast<cl_uint>(whole));
        case Compute::i64: return set_argument(kernel, index, static_cast<cl_long>(whole));
        case Compute::u64: return set_argument(kernel, index, static_cast<cl_ulong>(whole));
        case Compute::i32:
        case Compute::mask: return set_argument(kernel, index, static_cast<cl_int>(whole));
    }
}

std::size_t group_size(const Launch& launch) {
    return launch.local[0] * launch.local[1] * launch.local[2];
}

MemoryHandle part_of(const Memory& memory, const Location& at) {
    const cl_buffer_region region{base::narrow<std::size_t>(at.offset, "offset in device memory"),
                                  base::narrow<std::size_t>(std::max<std::uint64_t>(at.bytes, 1), "bytes of a buffer")};
    cl_int status = CL_SUCCESS;
    MemoryHandle part(clCreateSubBuffer(memory.get(), 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &status));
    check(status, "clCreateSubBuffer", at.bytes, " bytes at ", at.offset, " of ", memory.size_bytes());
    return part;
}

}  // namespace

void set_value(cl_kernel kernel, cl_uint index, const Graph& graph, const LaunchArgument& argument) {
    if (const auto* number = std::get_if<NumberArgument>(&argument))
        set_argument(kernel, index, static_cast<cl_int>(number->value));
    else if (const auto* scalar = std::get_if<ScalarArgument>(&argument))
        set_scalar(kernel, index, graph, *scalar);
}

void KernelSequence::Bound::enqueue(cl_command_queue queue, cl_event* event) const {
    if (launch->blas) {
        enqueue_blas(*launch->blas, operands[0], operands[1], operands[2], queue, event);
        return;
    }
    const auto& global = launch->global;
    check(
        clEnqueueNDRangeKernel(queue, kernel.get(), 3, nullptr, global.data(), launch->local.data(), 0, nullptr, event),
        "clEnqueueNDRangeKernel", "kernel ", launch->kernel, ", global ", global[0], "x", global[1], "x", global[2]);
}

KernelSequence::KernelSequence(cl_device_id device, const std::vector<cl_program>& programs, const Graph& graph,
                               const Emission& emission, const Residence& residence) {
    for (std::size_t g = 0; g < emission.groups.size(); ++g) {
        first_of_group_.push_back(launches_.size());
        for (const Launch& launch : emission.groups[g].launches) {
            if (launch.blas) {
                add_blas(launch, g, residence);
                continue;
            }
            Bound bound{make_kernel(programs[g], launch.kernel, device, group_size(launch)), &launch};
            for (cl_uint i = 0; i < launch.arguments.size(); ++i) {
                const auto at = residence.locate(launch.arguments[i], g);
                if (!at) {
                    set_value(bound.kernel.get(), i, graph, launch.arguments[i]);
                } else if (at->kind != Location::Kind::memory) {
                    open_.push_back({launches_.size(), i, *at});
                } else {
                    const Memory& memory = *residence.memories()[at->number];
                    const bool whole = at->offset == 0 && at->bytes == memory.size_bytes();
                    if (!whole) parts_.push_back(part_of(memory, *at));
                    set_argument(bound.kernel.get(), i, whole ? memory.get() : parts_.back().get());
                }
            }
            launches_.push_back(std::move(bound));
        }
    }
    first_of_group_.push_back(launches_.size());
}

void KernelSequence::add_blas(const Launch& launch, std::size_t group, const Residence& residence) {
    Bound bound{nullptr, &launch};
    for (cl_uint i = 0; i < launch.arguments.size(); ++i) {
        const auto at = residence.locate(launch.arguments[i], group);
        base::ensure(at.has_value(), "an operand of a library's product without memory");
        const bool fixed = at->kind == Location::Kind::memory;
        if (!fixed) open_.push_back({launches_.size(), i, *at});
        bound.operands.push_back({fixed ? residence.memories()[at->number]->get() : nullptr,
                                  static_cast<std::size_t>(at->offset / sizeof(float))});
    }
    launches_.push_back(std::move(bound));
}

void KernelSequence::bind(const std::vector<cl_mem>& inputs, const std::vector<cl_mem>& results) {
    for (const Open& open : open_) {
        const bool input = open.location.kind == Location::Kind::input;
        const cl_mem memory = (input ? inputs : results)[open.location.number];
        Bound& bound = launches_[open.launch];
        if (bound.launch->blas)
            bound.operands[open.argument].memory = memory;
        else
            set_argument(bound.kernel.get(), open.argument, memory);
    }
}

void KernelSequence::enqueue_all(cl_command_queue queue) const {
    for (const Bound& launch : launches_)
        launch.enqueue(queue);
}

// The library may take several kernels for a product and tells of the last one only: so by the clock on the wall, of
// several products in a row, since the wait for the last one is no part of them.
double KernelSequence::blas_seconds(const Bound& product, cl_command_queue queue) {
    constexpr int kProducts = 4;
    check(clFinish(queue), "clFinish", "before a product is timed");
    const auto from = base::SteadyClock::now();
    for (int n = 0; n < kProducts; ++n)
        product.enqueue(queue);
    check(clFinish(queue), "clFinish", "of a product that is timed");
    return std::chrono::duration<double>(base::SteadyClock::now() - from).count() / kProducts;
}

double KernelSequence::time_group(cl_command_queue profiling_queue, std::size_t group) const {
    double seconds = 0;
    for (std::size_t n = first_of_group_[group]; n < first_of_group_[group + 1]; ++n) {
        if (launches_[n].launch->blas) {
            seconds += blas_seconds(launches_[n], profiling_queue);
            continue;
        }
        cl_event raw = nullptr;
        launches_[n].enqueue(profiling_queue, &raw);
        const EventHandle event(raw);
        seconds += event_seconds(event);
    }
    return seconds;
}

void KernelSequence::pack_weights(OpenDevice& device, const std::vector<cl_program>& programs, const Graph& graph,
                                  const Emission& emission, const Residence& residence,
                                  const std::function<void(ValueId)>& packed) {
    std::map<ValueId, std::size_t> last;
    for (std::size_t n = 0; n < emission.weights.size(); ++n)
        last[emission.weights[n].source] = n;
    for (std::size_t n = 0; n < emission.weights.size(); ++n) {
        const Weight& weight = emission.weights[n];
        MemoryPtr source = device.place(graph.constant(weight.source).shared_bytes(), OpenDevice::Use::once);
        const Location at = residence.weight(n);
        const MemoryHandle target = part_of(*residence.memories()[at.number], at);
        const Bound setup{
            make_kernel(programs[n], weight.setup.kernel, device.device().handle, group_size(weight.setup)),
            &weight.setup};
        for (cl_uint i = 0; i < weight.setup.arguments.size(); ++i) {
            const auto& argument = weight.setup.arguments[i];
            if (std::holds_alternative<BufferArgument>(argument))
                set_argument(setup.kernel.get(), i, source->get());
            else if (std::holds_alternative<WeightArgument>(argument))
                set_argument(setup.kernel.get(), i, target.get());
            else
                set_value(setup.kernel.get(), i, graph, argument);
        }
        setup.enqueue(device.queue());
        check(clFinish(device.queue()), "clFinish", "after packing a weight");
        source.reset();
        if (last[weight.source] == n) packed(weight.source);
    }
}

}  // namespace shoal::opencl
