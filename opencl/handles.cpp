#include "opencl/handles.hpp"

#include <array>
#include <string_view>

#include "base/log.hpp"

namespace shoal::opencl {
namespace {

void log_failure(cl_int status, const char* call) noexcept {
    if (status == CL_SUCCESS) return;
    try {
        base::log_warning("opencl", status_text(status, call));
    } catch (...) {  // no memory for a log line: nothing is left to do about it
    }
}

// May be called from any of the driver's threads.
void CL_CALLBACK log_driver_message(const char* message, const void*, std::size_t, void*) {
    try {
        base::log_warning("opencl", "the driver says: ", message != nullptr ? message : "");
    } catch (...) {}
}

}  // namespace

void release(cl_context object) noexcept {
    log_failure(clReleaseContext(object), "clReleaseContext");
}
void release(cl_command_queue object) noexcept {
    log_failure(clReleaseCommandQueue(object), "clReleaseCommandQueue");
}
void release(cl_program object) noexcept {
    log_failure(clReleaseProgram(object), "clReleaseProgram");
}
void release(cl_kernel object) noexcept {
    log_failure(clReleaseKernel(object), "clReleaseKernel");
}
void release(cl_mem object) noexcept {
    log_failure(clReleaseMemObject(object), "clReleaseMemObject");
}
void release(cl_event object) noexcept {
    log_failure(clReleaseEvent(object), "clReleaseEvent");
}
void release(cl_device_id object) noexcept {
    log_failure(clReleaseDevice(object), "clReleaseDevice");
}

ContextHandle make_context(cl_device_id device) {
    cl_int status = CL_SUCCESS;
    ContextHandle context(clCreateContext(nullptr, 1, &device, log_driver_message, nullptr, &status));
    check(status, "clCreateContext");
    return context;
}

QueueHandle make_queue(cl_context context, cl_device_id device, bool profiling) {
    cl_int status = CL_SUCCESS;
    QueueHandle queue(clCreateCommandQueue(context, device, profiling ? CL_QUEUE_PROFILING_ENABLE : 0, &status));
    check(status, "clCreateCommandQueue");
    return queue;
}

MemoryHandle make_memory(cl_context context, cl_mem_flags flags, std::size_t size_bytes, void* host) {
    cl_int status = CL_SUCCESS;
    MemoryHandle memory(clCreateBuffer(context, flags, size_bytes, host, &status));
    check(status, "clCreateBuffer", size_bytes, " bytes");
    return memory;
}

double event_seconds(const EventHandle& event) {
    cl_event raw = event.get();
    check(clWaitForEvents(1, &raw), "clWaitForEvents");
    cl_ulong start = 0, end = 0;
    check(clGetEventProfilingInfo(raw, CL_PROFILING_COMMAND_START, sizeof start, &start, nullptr),
          "clGetEventProfilingInfo");
    check(clGetEventProfilingInfo(raw, CL_PROFILING_COMMAND_END, sizeof end, &end, nullptr), "clGetEventProfilingInfo");
    return static_cast<double>(end - start) * 1e-9;
}

KernelHandle make_kernel(cl_program program, const std::string& name) {
    cl_int status = CL_SUCCESS;
    KernelHandle kernel(clCreateKernel(program, name.c_str(), &status));
    check(status, "clCreateKernel", "kernel ", name);
    return kernel;
}

namespace {

// Mesa's rusticl (22.3) answers with the size of a subgroup for every kernel, and runs the groups that its device
// states.
bool understates_groups(cl_device_id device) {
    cl_platform_id platform = nullptr;
    std::array<char, 128> name{};
    return clGetDeviceInfo(device, CL_DEVICE_PLATFORM, sizeof platform, &platform, nullptr) == CL_SUCCESS &&
           clGetPlatformInfo(platform, CL_PLATFORM_NAME, name.size() - 1, name.data(), nullptr) == CL_SUCCESS &&
           std::string_view(name.data()) == "rusticl";
}

}  // namespace

KernelHandle make_kernel(cl_program program, const std::string& name, cl_device_id device, std::size_t group) {
    KernelHandle kernel = make_kernel(program, name);
    std::size_t most = 0;
    const auto status =
        clGetKernelWorkGroupInfo(kernel.get(), device, CL_KERNEL_WORK_GROUP_SIZE, sizeof most, &most, nullptr);
    if (status == CL_SUCCESS && most != 0 && most < group && !understates_groups(device)) {
        base::fail(base::Code::device, "kernel ", name, " is made for groups of ", group,
                   " work-items, and its device runs at most ", most, " of it together");
    }
    return kernel;
}

}  // namespace shoal::opencl
