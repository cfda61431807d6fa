#include "device/device.hpp"

#include "base/error.hpp"

namespace shoal::device {

std::string_view name(Kind kind) noexcept {
    switch (kind) {
        case Kind::cpu: return "CPU";
        case Kind::gpu: return "GPU";
        case Kind::accelerator: return "accelerator";
        case Kind::custom: return "custom";
        case Kind::host: return "host";
    }
    return "?";
}

std::string_view name(KernelClass kernels) noexcept {
    switch (kernels) {
        case KernelClass::automatic: return "auto";
        case KernelClass::plain: return "plain";
        case KernelClass::wide_simd: return "simd";
        case KernelClass::gpu: return "gpu";
    }
    return "?";
}

KernelClass kernel_class_named(std::string_view wish) {
    for (const auto kernels : {KernelClass::automatic, KernelClass::plain, KernelClass::wide_simd, KernelClass::gpu}) {
        if (name(kernels) == wish) return kernels;
    }
    base::fail(base::Code::invalid_argument, "'", wish,
               "' is no class of kernels; there are auto, plain, simd and gpu");
}

KernelClass kernel_class(const DeviceInfo& device) noexcept {
    // What the smallest tile of the GPU class asks for; with less its kernels would fall back one by one.
    constexpr std::uint64_t kLeastLocalBytes = 8 << 10;
    constexpr std::uint32_t kLeastGroup = 64;
    if (device.kernels != KernelClass::automatic) return device.kernels;
    if (device.kind == Kind::cpu) return device.f32_vector_width >= 4 ? KernelClass::wide_simd : KernelClass::plain;
    const bool shares = device.local_bytes >= kLeastLocalBytes && device.largest_group >= kLeastGroup;
    return device.kind == Kind::gpu && shares ? KernelClass::gpu : KernelClass::plain;
}

std::string DeviceInfo::identity() const {
    std::string out = base::text(platform, '|', platform_version, '|', name, '|', driver, '|', version);
    if (compact_weights) out += "|compact";
    if (kernels != KernelClass::automatic) out += base::text('|', device::name(kernels), " kernels");
    return out;
}

std::string DeviceInfo::speed_identity() const {
    return base::text(identity(), '|', compute_units, " compute units", blas ? "|blas" : "");
}

}  // namespace shoal::device
