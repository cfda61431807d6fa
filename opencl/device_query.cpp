#include "opencl/device_query.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <vector>

#include "platform/cpu.hpp"

namespace shoal::opencl {
namespace {

using device::DeviceInfo;
using device::Kind;

// Queries newer than the room's baseline, by number.
constexpr cl_device_info kDotProductCapabilities = 0x1073;  // CL_DEVICE_INTEGER_DOT_PRODUCT_CAPABILITIES_KHR
constexpr cl_device_info kBoardNameAmd = 0x4038;            // CL_DEVICE_BOARD_NAME_AMD: the name on the box

constexpr std::string_view kPocl = "Portable Computing Language";
constexpr std::size_t kLongestExtensions = 16384;

template <class Query>
std::string text_of(const Query& query, std::size_t longest) {
    std::size_t size = 0;
    if (query(0, nullptr, &size) != CL_SUCCESS || size == 0 || size > (1U << 20)) return {};
    std::string text(size, '\0');
    if (query(size, text.data(), nullptr) != CL_SUCCESS) return {};
    return cleaned(std::string_view(text).substr(0, text.find('\0')), longest);
}

Kind kind_of(cl_device_id device) {
    const auto type = device_number<cl_device_type>(device, CL_DEVICE_TYPE).value_or(0);
    if (type & CL_DEVICE_TYPE_GPU) return Kind::gpu;
    if (type & CL_DEVICE_TYPE_ACCELERATOR) return Kind::accelerator;
    if (type & CL_DEVICE_TYPE_CUSTOM) return Kind::custom;
    return Kind::cpu;
}

std::uint32_t small(std::optional<std::size_t> value, std::uint32_t otherwise) {
    if (!value) return otherwise;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(*value, std::numeric_limits<std::uint32_t>::max()));
}

void ask_sizes(cl_device_id device, DeviceInfo& info) {
    const auto bytes = [&](cl_device_info what) { return device_number<cl_ulong>(device, what).value_or(0); };
    const auto count = [&](cl_device_info what) { return device_number<cl_uint>(device, what).value_or(0); };
    info.compute_units = static_cast<int>(std::clamp<cl_uint>(count(CL_DEVICE_MAX_COMPUTE_UNITS), 1, 1 << 20));
    const cl_uint native = count(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    info.f32_vector_width =
        static_cast<int>(std::bit_floor(std::clamp<cl_uint>(native, 1, 16)));  // OpenCL's own widths
    info.global_bytes = bytes(CL_DEVICE_GLOBAL_MEM_SIZE);
    info.largest_allocation = std::min(bytes(CL_DEVICE_MAX_MEM_ALLOC_SIZE), info.global_bytes);
    info.local_bytes = bytes(CL_DEVICE_LOCAL_MEM_SIZE);
    info.largest_group = small(device_number<std::size_t>(device, CL_DEVICE_MAX_WORK_GROUP_SIZE), 1);
    info.buffer_alignment = std::max<cl_uint>(count(CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8, 1);  // stated in bits
}

// PoCL hands the host's instructions to its compiler without an extension that says so.
bool has_int8_dot(const FoundDevice& found) {
    if (found.has_extension("cl_khr_integer_dot_product"))
        return device_number<cl_bitfield>(found.handle, kDotProductCapabilities).value_or(1) != 0;
    const bool native = found.info.kind == Kind::cpu && found.info.platform == kPocl;
    return native && platform::cpu_features().int8_dot;
}

void ask_abilities(FoundDevice& found) {
    const auto yes = [&](cl_device_info what) { return device_number<cl_bool>(found.handle, what).value_or(0) != 0; };
    found.info.fp16 = found.has_extension("cl_khr_fp16");
    found.info.fp64 = found.has_extension("cl_khr_fp64") ||
                      device_number<cl_device_fp_config>(found.handle, CL_DEVICE_DOUBLE_FP_CONFIG).value_or(0) != 0;
    found.info.int8_dot = has_int8_dot(found);
    found.info.unified_memory = found.info.kind == Kind::cpu || yes(CL_DEVICE_HOST_UNIFIED_MEMORY);
    found.info.online_compiler = yes(CL_DEVICE_COMPILER_AVAILABLE);
}

// "OpenCL 1.2 ..." -> 12; 0 when it does not read like that.
int version_number(std::string_view version) {
    constexpr std::string_view kPrefix = "OpenCL ";
    if (version.substr(0, kPrefix.size()) != kPrefix) return 0;
    int major = 0, minor = 0;
    const char* end = version.data() + version.size();
    const auto [dot, bad] = std::from_chars(version.data() + kPrefix.size(), end, major);
    if (bad != std::errc() || dot == end || *dot != '.') return 0;
    if (std::from_chars(dot + 1, end, minor).ec != std::errc()) return 0;
    return major * 10 + minor;
}

}  // namespace

bool FoundDevice::has_extension(std::string_view name) const noexcept {
    for (auto at = extensions.find(name); at != std::string::npos; at = extensions.find(name, at + 1)) {
        const auto end = at + name.size();
        const bool starts = at == 0 || extensions[at - 1] == ' ';
        if (starts && (end == extensions.size() || extensions[end] == ' ')) return true;
    }
    return false;
}

std::string cleaned(std::string_view text, std::size_t longest) {
    std::string out;
    for (const char c : text) {
        const bool printable = static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
        if (printable)
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    }
    if (out.size() > longest) {
        while (longest > 0 && (static_cast<unsigned char>(out[longest]) & 0xc0) == 0x80)
            --longest;  // not through the middle of a UTF-8 sequence
        out.resize(longest);
    }
    while (!out.empty() && out.back() == ' ')
        out.pop_back();
    return out;
}

std::string platform_text(cl_platform_id platform, cl_platform_info what) {
    return text_of([&](std::size_t size, void* to,
                       std::size_t* need) { return clGetPlatformInfo(platform, what, size, to, need); },
                   200);
}

std::string device_text(cl_device_id device, cl_device_info what, std::size_t longest) {
    return text_of(
        [&](std::size_t size, void* to, std::size_t* need) { return clGetDeviceInfo(device, what, size, to, need); },
        longest);
}

FoundDevice describe(cl_platform_id platform, cl_device_id device, std::string id) {
    FoundDevice found;
    found.platform = platform;
    found.handle = device;
    found.extensions = device_text(device, CL_DEVICE_EXTENSIONS, kLongestExtensions);
    auto& info = found.info;
    info.id = std::move(id);
    info.name = device_text(device, kBoardNameAmd);
    if (info.name.empty()) info.name = device_text(device, CL_DEVICE_NAME);
    info.vendor = device_text(device, CL_DEVICE_VENDOR);
    info.platform = platform_text(platform, CL_PLATFORM_NAME);
    info.platform_version = platform_text(platform, CL_PLATFORM_VERSION);
    info.driver = device_text(device, CL_DRIVER_VERSION);
    info.version = device_text(device, CL_DEVICE_VERSION);
    info.kind = kind_of(device);
    ask_sizes(device, info);
    ask_abilities(found);
    return found;
}

std::optional<std::string> reason_not_to_use(const FoundDevice& found) {
    if (!device_number<cl_bool>(found.handle, CL_DEVICE_AVAILABLE).value_or(CL_FALSE))
        return "its driver says that it is not available";
    if (!device_number<cl_bool>(found.handle, CL_DEVICE_ENDIAN_LITTLE).value_or(CL_FALSE))
        return "it is big-endian; only little-endian devices are supported";
    if (version_number(found.info.version) < 12)
        return "it offers '" + found.info.version + "'; OpenCL 1.2 or newer is needed";
    if (found.info.global_bytes == 0 || found.info.largest_allocation == 0) return "its driver states no memory";
    return std::nullopt;
}

}  // namespace shoal::opencl
