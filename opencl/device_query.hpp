// Asking one OpenCL device what it is. Drivers' answers are data from outside: text is cleaned and cut, a query that a
// driver does not know is absent.
#pragma once

#include <CL/cl.h>

#include <optional>
#include <string>
#include <string_view>

#include "device/device.hpp"

namespace shoal::opencl {

/// A device as discovery found it. The raw handles belong to the driver and stay valid until the process ends.
struct FoundDevice {
    device::DeviceInfo info;
    std::string extensions;  ///< separated by blanks
    cl_platform_id platform = nullptr;
    cl_device_id handle = nullptr;

    [[nodiscard]] bool has_extension(std::string_view name) const noexcept;
};

/// Everything but usable_bytes, which discovery adds. `id` becomes info.id.
[[nodiscard]] FoundDevice describe(cl_platform_id platform, cl_device_id device, std::string id);

/// Why Shoal cannot use such a device ("offers OpenCL 1.1; 1.2 is needed"), absent when it can.
[[nodiscard]] std::optional<std::string> reason_not_to_use(const FoundDevice& found);

/// A driver's text in one line: control characters become blanks, blanks at the ends go, at most `longest` bytes stay.
[[nodiscard]] std::string cleaned(std::string_view text, std::size_t longest = 200);

[[nodiscard]] std::string platform_text(cl_platform_id platform, cl_platform_info what);
[[nodiscard]] std::string device_text(cl_device_id device, cl_device_info what, std::size_t longest = 200);

/// A number that the device states; absent when the driver does not know the query or answers with another size.
template <class T>
[[nodiscard]] std::optional<T> device_number(cl_device_id device, cl_device_info what) {
    T value{};
    std::size_t size = 0;
    if (clGetDeviceInfo(device, what, sizeof value, &value, &size) != CL_SUCCESS || size != sizeof value)
        return std::nullopt;
    return value;
}

}  // namespace shoal::opencl
