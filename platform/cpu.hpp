// The processor: its cores, grouped into clusters of equal ones (big.LITTLE), its name and what its vectors can do.
// Linux: /proc/cpuinfo, /sys/devices/system/cpu. Unlike boards state unlike parts of this; the rest is absent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace shoal::platform {

/// Cores of one kind. `capacity` is the kernel's estimate of a core's speed, 1024 for the fastest of the board.
struct CpuCluster {
    std::vector<int> cores{};  ///< their numbers, as the kernel counts them
    std::string core_name{};   ///< "Cortex-A76"; empty when the kernel does not say
    std::optional<std::uint64_t> max_hz{};
    std::optional<int> capacity{};

    bool operator==(const CpuCluster&) const = default;
};

struct CpuFeatures {
    int vector_bits = 0;       ///< widest vector registers; 0: not known (RISC-V, SVE) or none
    bool int8_dot = false;     ///< AVX-VNNI, AVX512-VNNI or the Arm dot product
    bool int8_matmul = false;  ///< Arm i8mm, AMX int8
    bool fp16_math = false;    ///< half-precision arithmetic: AVX512-FP16 or Arm asimdhp
    bool bf16_math = false;

    bool operator==(const CpuFeatures&) const = default;
};

struct Cpu {
    std::string model{};                 ///< "AMD EPYC 9654" or, on Arm, the names of the cores; may be empty
    int online_cores = 0;                ///< 0: not known
    std::vector<CpuCluster> clusters{};  ///< fastest first; every online core is in one
    CpuFeatures features{};

    bool operator==(const Cpu&) const = default;
};
[[nodiscard]] Cpu cpu(const std::filesystem::path& root = "/");

/// The same features as cpu() finds, read once in the life of the process.
[[nodiscard]] const CpuFeatures& cpu_features();

}  // namespace shoal::platform
