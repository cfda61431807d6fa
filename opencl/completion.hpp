// Waiting for a command as long as somebody wants it: the driver's own waits know neither deadlines nor cancellations.
#pragma once

#include <CL/cl.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/backend.hpp"

namespace shoal::opencl {

/// How soon a cancellation is seen.
inline constexpr std::chrono::milliseconds kLook{20};

/// What the device may still use after the waiter has given up: memory that goes back to the pool earlier would be
/// handed out again. The last owner may then be a driver's callback, in which no mapping must end.
using Kept = std::vector<std::shared_ptr<const void>>;

/// CL_COMPLETE, what it is still at (above), or the error that it ended with (below).
[[nodiscard]] cl_int status_of(cl_event event) noexcept;

/// Waits until `event`, the last command in `queue`, is done; `kept` lives as long. `what` is waited for, e.g. "the run
/// of 'digits' on device 'Mali'". Throws timeout and cancelled as `options` say, and device when the command failed or
/// `cause` did, on which it depends (may be null).
void wait_for(cl_command_queue queue, cl_event event, cl_event cause, const runtime::RunOptions& options, Kept kept,
              const std::string& what);

}  // namespace shoal::opencl
