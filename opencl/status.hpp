// OpenCL's status codes as errors: the call's name, the status' name and number, and where it happened.
#pragma once

#include <CL/cl.h>

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace shoal::opencl {

/// "CL_INVALID_WORK_GROUP_SIZE", or "unknown status" for a number that no version of OpenCL or the ICD extension has.
[[nodiscard]] std::string_view status_name(cl_int status) noexcept;

/// "clEnqueueNDRangeKernel: CL_INVALID_WORK_GROUP_SIZE (-54)"
[[nodiscard]] std::string status_text(cl_int status, std::string_view call);

/// Throws "call: CL_... (-n), context" as Code::out_of_memory when the driver says that an allocation failed, else as
/// Code::device.
[[noreturn]] void fail_status(cl_int status, std::string_view call, const std::string& context);

/// Throws unless `status` is CL_SUCCESS. The parts say which kernel, buffer or device; they are joined only on failure.
template <class... Parts>
void check(cl_int status, std::string_view call, const Parts&... parts) {
    if (status != CL_SUCCESS) fail_status(status, call, base::text("", parts...));
}

}  // namespace shoal::opencl
