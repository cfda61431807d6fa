// The OpenCL Backend: graphs run on one OpenCL device.
#pragma once

#include <memory>

#include "opencl/discovery.hpp"
#include "opencl/open_device.hpp"
#include "runtime/backend.hpp"

namespace shoal::opencl {

/// Opens a device. Throws Code::device with the driver's words.
[[nodiscard]] std::shared_ptr<runtime::Backend> make_backend(const FoundDevice& device,
                                                             const BackendOptions& options = {});

/// The device behind an OpenCL backend. Throws invalid_argument for another kind of backend.
[[nodiscard]] std::shared_ptr<OpenDevice> open_device_of(runtime::Backend& backend);

/// Stores what an OpenCL backend that was made with an export folder has compiled; to be called after its executables
/// have run. Throws what ProgramBuilder::store_exports throws.
ExportTotals store_exports(runtime::Backend& backend);

}  // namespace shoal::opencl
