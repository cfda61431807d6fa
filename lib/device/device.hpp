// What a device is, as plain values: no handles, no OpenCL. These travel over the wire and into the planner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shoal::device {

/// Numbers cross the wire: never renumbered, never reused.
enum class Kind : std::uint8_t { cpu = 1, gpu = 2, accelerator = 3, custom = 4, host = 5 };

std::string_view name(Kind kind) noexcept;

/// How kernels are written for a device. Numbers cross the wire: never renumbered, never reused.
enum class KernelClass : std::uint8_t {
    automatic = 0,  ///< by what the device is; see kernel_class()
    plain = 1,      ///< an element a work-item: runs anywhere
    wide_simd = 2,  ///< explicit vectors, a register tile a work-item: CPUs
    gpu = 3,        ///< work-groups that share tiles in local memory
};
/// "plain", "simd", "gpu"; "auto" for automatic.
std::string_view name(KernelClass kernels) noexcept;
/// The one of that name. Throws invalid_argument with all names.
[[nodiscard]] KernelClass kernel_class_named(std::string_view name);

/// What a device reached when it was measured; all 0 when it has not been.
struct Rates {
    double flops_per_s = 0;   ///< multiply-adds count two, f32, in registers
    double bytes_per_s = 0;   ///< reading and writing global memory
    double launch_s = 0;      ///< one kernel more in a queue
    double round_trip_s = 0;  ///< enqueue, run and wait for an empty kernel

    [[nodiscard]] bool measured() const noexcept { return flops_per_s > 0; }
    bool operator==(const Rates&) const = default;
};

struct DeviceInfo {
    std::string id;  ///< how flags name it: "platform.device" in discovery order, e.g. "0.0", or "host"
    std::string name;
    std::string vendor;
    std::string platform;
    std::string platform_version;  ///< "OpenCL 3.0 PoCL 3.1 ... LLVM 15.0.6": often the only one to name the compiler
    std::string driver;            ///< driver version
    std::string version;           ///< "OpenCL 3.0 ..."
    Kind kind = Kind::cpu;
    int compute_units = 0;
    int f32_vector_width = 1;              ///< native lanes of f32
    std::uint64_t global_bytes = 0;        ///< what the driver claims
    std::uint64_t largest_allocation = 0;  ///< largest single buffer, bytes
    std::uint64_t local_bytes = 0;         ///< local memory of a work-group
    std::uint64_t usable_bytes = 0;        ///< what a plan may rely on: the least of what driver and system say
    std::uint32_t largest_group = 1;       ///< work-items of a work-group
    std::uint32_t buffer_alignment = 128;  ///< bytes at which a sub-buffer may start
    bool fp16 = false;
    bool fp64 = false;
    bool int8_dot = false;
    bool unified_memory = false;  ///< shares the host's memory: buffers are mapped, not copied
    bool online_compiler = false;
    /// Chosen, not found: weights stay as small as the model has them, though kernels that keep them transformed may be
    /// faster.
    bool compact_weights = false;
    /// Chosen, not found: automatic unless somebody wished for another class than the device's own.
    KernelClass kernels = KernelClass::automatic;
    int twin = 0;       ///< how many devices of the same identity were found before it
    bool blas = false;  ///< a library multiplies matrices on it, beside our own kernels
    Rates rates{};

    bool operator==(const DeviceInfo&) const = default;

    /// What compiled programs are valid for: device, driver and versions.
    [[nodiscard]] std::string identity() const;
    /// What measured times are valid for: the same, and how much of the device is used.
    [[nodiscard]] std::string speed_identity() const;
};

/// The class that kernels for this device belong to: what was wished for, else what suits it. Never automatic.
[[nodiscard]] KernelClass kernel_class(const DeviceInfo& device) noexcept;

}  // namespace shoal::device
