#include "opencl/discovery.hpp"

#include <algorithm>
#include <array>

#include "opencl/driver_setup.hpp"
#include "opencl/status.hpp"
#include "opencl/usable_memory.hpp"

namespace shoal::opencl {
namespace {

constexpr cl_uint kMostPlatforms = 64, kMostDevices = 256;

struct Asked {
    cl_int status = CL_SUCCESS;
    std::vector<cl_device_id> devices{};
};

Asked ask_devices(cl_platform_id platform, cl_device_type type) {
    Asked out;
    cl_uint count = 0;
    out.devices.resize(kMostDevices);
    out.status = clGetDeviceIDs(platform, type, kMostDevices, out.devices.data(), &count);
    out.devices.resize(out.status == CL_SUCCESS ? std::min(count, kMostDevices) : 0);
    if (out.status == CL_DEVICE_NOT_FOUND) out.status = CL_SUCCESS;  // none is an answer too
    return out;
}

// CL_DEVICE_TYPE_ALL leaves custom devices out; platforms older than 1.2 do not know that type.
Asked devices_of(cl_platform_id platform) {
    Asked all = ask_devices(platform, CL_DEVICE_TYPE_ALL);
    for (const auto device : ask_devices(platform, CL_DEVICE_TYPE_CUSTOM).devices) {
        if (std::find(all.devices.begin(), all.devices.end(), device) == all.devices.end())
            all.devices.push_back(device);
    }
    return all;
}

std::string no_device_line(const std::string& name) {
    std::string line = "platform '" + name + "' has no device: ";
    if (name == "rusticl")
        return line + "name its drivers in RUSTICL_ENABLE, e.g. RUSTICL_ENABLE=panfrost,v3d,radeonsi,iris,llvmpipe";
    if (name == "Clover") return line + "Mesa's Clover serves few, old GPUs; use rusticl, PoCL or the vendor's driver";
    return line + "check the vendor's kernel driver, and that this user may open /dev/dri/render* (group render)";
}

std::uint64_t usable(const FoundDevice& found, const DiscoveryOptions& options) {
    const std::uint64_t believed = usable_bytes(found.info, options.memory_cap);
    if (found.info.unified_memory || !options.try_memory) return believed;
    return obtainable_bytes(found, believed);
}

int equals_before(const Discovery& found, const FoundDevice& device) {
    return static_cast<int>(std::count_if(found.devices.begin(), found.devices.end(), [&](const FoundDevice& other) {
        return other.info.identity() == device.info.identity();
    }));
}

void add_device(Discovery& out, FoundDevice found, const DiscoveryOptions& options) {
    const auto leave_out = [&](const std::string& reason) {
        out.problems.push_back(base::text("device ", found.info.id, " '", found.info.name, "' of platform '",
                                          found.info.platform, "' is left out: ", reason));
    };
    if (const auto reason = reason_not_to_use(found)) return leave_out(*reason);
    try {
        found.info.usable_bytes = usable(found, options);
        found.info.largest_allocation = std::min(found.info.largest_allocation, found.info.usable_bytes);
        found.info.twin = equals_before(out, found);
        out.devices.push_back(std::move(found));
    } catch (const base::Error& error) {
        leave_out(base::text(error.what(), "; check its driver and who else uses it"));
    }
}

void add_platform(Discovery& out, cl_platform_id platform, std::size_t index, const DiscoveryOptions& options) {
    const std::string name = platform_text(platform, CL_PLATFORM_NAME);
    const Asked asked = devices_of(platform);
    if (asked.status != CL_SUCCESS) {
        out.problems.push_back("platform '" + name + "' does not list its devices: " +
                               status_text(asked.status, "clGetDeviceIDs") + "; reinstall its driver");
    } else if (asked.devices.empty()) {
        out.problems.push_back(no_device_line(name));
    }
    for (std::size_t i = 0; i < asked.devices.size(); ++i)
        add_device(out, describe(platform, asked.devices[i], base::text(index, ".", i)), options);
}

}  // namespace

Discovery discover(const DiscoveryOptions& options) {
    Discovery out;
    const auto& drivers = prepare_drivers(options.drivers);
    out.problems = drivers.problems;
    if (!drivers.loader_works) return out;
    std::array<cl_platform_id, kMostPlatforms> platforms{};
    cl_uint count = 0;
    const cl_int status = clGetPlatformIDs(kMostPlatforms, platforms.data(), &count);
    if (status != CL_SUCCESS || count == 0) {
        out.problems.emplace_back(
            "no OpenCL platform is installed: for the CPU install the package pocl-opencl-icd, for a GPU or an FPGA "
            "its vendor's OpenCL driver");
        return out;
    }
    for (cl_uint i = 0; i < std::min(count, kMostPlatforms); ++i)
        add_platform(out, platforms[i], i, options);
    return out;
}

}  // namespace shoal::opencl
