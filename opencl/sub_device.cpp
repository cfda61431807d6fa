#include "opencl/sub_device.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace shoal::opencl {
namespace {

using base::Code;
using base::fail;

bool splits_by_counts(cl_device_id device) {
    std::array<cl_device_partition_property, 16> kinds{};
    std::size_t size = 0;
    if (clGetDeviceInfo(device, CL_DEVICE_PARTITION_PROPERTIES, sizeof kinds, kinds.data(), &size) != CL_SUCCESS)
        return false;
    const auto end = kinds.begin() + static_cast<std::ptrdiff_t>(std::min(size / sizeof kinds[0], kinds.size()));
    return std::find(kinds.begin(), end, CL_DEVICE_PARTITION_BY_COUNTS) != end;
}

std::string remedy(const FoundDevice& device) {
    if (device.info.name.find("llvmpipe") != std::string::npos)
        return "start the process with LP_NUM_THREADS=<threads> instead";
    if (device.info.kind == device::Kind::cpu)
        return "start the process with 'taskset --cpu-list <cores>' or in a control group instead";
    return "use the whole device";
}

// Several sub-devices at once because OpenCL numbers the units in the order of the counts.
std::vector<DeviceHandle> split(const FoundDevice& device, const std::vector<cl_uint>& counts) {
    std::vector<cl_device_partition_property> wish{CL_DEVICE_PARTITION_BY_COUNTS};
    wish.insert(wish.end(), counts.begin(), counts.end());
    wish.push_back(CL_DEVICE_PARTITION_BY_COUNTS_LIST_END);
    wish.push_back(0);
    std::vector<cl_device_id> raw(counts.size());
    cl_uint made = 0;
    check(clCreateSubDevices(device.handle, wish.data(), static_cast<cl_uint>(raw.size()), raw.data(), &made),
          "clCreateSubDevices", device.info.name);
    std::vector<DeviceHandle> out;
    for (cl_uint i = 0; i < std::min<cl_uint>(made, static_cast<cl_uint>(raw.size())); ++i)
        out.emplace_back(raw[i]);
    if (out.size() != counts.size())
        fail(Code::device, "clCreateSubDevices: ", device.info.name, " made ", made, " parts of ", counts.size());
    return out;
}

}  // namespace

SubDevice sub_device(const FoundDevice& device, int first, int count) {
    const int units = device.info.compute_units;
    if (first < 0 || count < 1 || count > units - first) {
        fail(Code::invalid_argument, "compute units ", first, " to ", first, "+", count, " are not among the ", units,
             " of device ", device.info.id, " (", device.info.name, ")");
    }
    SubDevice out{device, nullptr};
    if (count == units) return out;
    if (!splits_by_counts(device.handle)) {
        fail(Code::unsupported, "the driver of ", device.info.name, " cannot use ", count, " of its ", units,
             " compute units alone; ", remedy(device));
    }
    std::vector<cl_uint> counts;
    if (first > 0) counts.push_back(static_cast<cl_uint>(first));
    counts.push_back(static_cast<cl_uint>(count));
    out.owner = std::move(split(device, counts).back());
    out.found.handle = out.owner.get();
    out.found.info.compute_units = count;
    return out;
}

SubDevice limit_threads(const FoundDevice& device, int threads) {
    if (threads < 1) fail(Code::invalid_argument, threads, " threads; at least 1 is needed");
    return sub_device(device, 0, std::min(threads, device.info.compute_units));
}

namespace {

// Share `index` of `shares`, of which only `threads` are used where that is not 0.
SubDevice capped_share(const FoundDevice& device, int index, int shares, int threads) {
    const int units = device.info.compute_units;
    if (shares > units) {
        fail(Code::invalid_argument, shares, " parts of device ", device.info.id, " (", device.info.name,
             "), which has ", units, " compute units: ", units, " parts at most");
    }
    if (index < 0 || shares < 1 || index >= shares) {
        fail(Code::invalid_argument, "part ", index + 1, " of ", shares, " of device ", device.info.id, " (",
             device.info.name, ")");
    }
    const int even = units / shares, longer = units % shares;
    const int count = even + (index < longer ? 1 : 0);
    return sub_device(device, index * even + std::min(index, longer), threads > 0 ? std::min(threads, count) : count);
}

}  // namespace

SubDevice share_of(const FoundDevice& device, int index, int shares) {
    return capped_share(device, index, shares, 0);
}

std::vector<SubDevice> parts_of(const FoundDevice& device, int shares, int threads) {
    if (threads < 0) fail(Code::invalid_argument, threads, " threads; at least 1 is needed");
    std::vector<SubDevice> out;
    for (int index = 0; index < std::max(shares, 1); ++index) {
        out.push_back(capped_share(device, index, shares, threads));
        if (shares > 1) out.back().found.info.id += base::text('/', index + 1);
    }
    return out;
}

}  // namespace shoal::opencl
