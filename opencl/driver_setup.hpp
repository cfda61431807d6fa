// What happens once, before the first OpenCL call of the process: the drivers are tried, and those that would hang or
// crash it are left out.
#pragma once

#include "opencl/driver_check.hpp"

namespace shoal::opencl {

/// The first call does the work with its options; later calls return what it found. Safe from several threads.
const DriverVerdict& prepare_drivers(const DriverCheckOptions& options);

}  // namespace shoal::opencl
