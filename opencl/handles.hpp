// OpenCL's objects as move-only owners: each releases its object once, when it goes. get() lends the raw handle to
// OpenCL's C functions. A release that fails is logged, not thrown.
#pragma once

#include <CL/cl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>

#include "opencl/status.hpp"

namespace shoal::opencl {

void release(cl_context object) noexcept;
void release(cl_command_queue object) noexcept;
void release(cl_program object) noexcept;
void release(cl_kernel object) noexcept;
void release(cl_mem object) noexcept;
void release(cl_event object) noexcept;
/// Of sub-devices; releasing a root device does nothing.
void release(cl_device_id object) noexcept;

struct Release {
    template <class Object>
    void operator()(Object* object) const noexcept {
        release(object);
    }
};

template <class Raw>
using Handle = std::unique_ptr<std::remove_pointer_t<Raw>, Release>;

using ContextHandle = Handle<cl_context>;
using QueueHandle = Handle<cl_command_queue>;
using ProgramHandle = Handle<cl_program>;
using KernelHandle = Handle<cl_kernel>;
using MemoryHandle = Handle<cl_mem>;
using EventHandle = Handle<cl_event>;
using DeviceHandle = Handle<cl_device_id>;

/// One device's context; what its driver has to say meanwhile goes to the log.
[[nodiscard]] ContextHandle make_context(cl_device_id device);
/// An in-order queue, with timestamps on its events when `profiling`.
[[nodiscard]] QueueHandle make_queue(cl_context context, cl_device_id device, bool profiling = false);
/// `size_bytes` of at least 1. `host` is what CL_MEM_USE_HOST_PTR and CL_MEM_COPY_HOST_PTR take.
[[nodiscard]] MemoryHandle make_memory(cl_context context, cl_mem_flags flags, std::size_t size_bytes,
                                       void* host = nullptr);
[[nodiscard]] KernelHandle make_kernel(cl_program program, const std::string& name);
/// The same for launches in groups of `group` work-items. Throws device with both numbers when the compiled kernel
/// needs more of each compute unit than groups of that size can have: a driver says so otherwise when it is launched.
[[nodiscard]] KernelHandle make_kernel(cl_program program, const std::string& name, cl_device_id device,
                                       std::size_t group);
/// Waits for a command of a queue with timestamps; the seconds that the device spent on it.
[[nodiscard]] double event_seconds(const EventHandle& event);

/// Sets argument `index` to a number or a cl_mem.
template <class T>
void set_argument(cl_kernel kernel, cl_uint index, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    check(clSetKernelArg(kernel, index, sizeof value, &value), "clSetKernelArg", "argument ", index, " of ",
          sizeof value, " bytes");
}

}  // namespace shoal::opencl
