// What a device reaches at best, measured: arithmetic in registers, streaming through memory, launching kernels.
// Takes 0.1 to 0.3 s once the kernels are compiled. Arithmetic and streaming are the best of several runs, since other
// work on the board only adds time; launches are medians. Remembered on disk by the device's identity.
#pragma once

#include <chrono>
#include <filesystem>

#include "opencl/program.hpp"

namespace shoal::opencl {

/// The program that measuring runs; a kernel folder for a device without a compiler must hold it too.
[[nodiscard]] ProgramSource rates_program(const FoundDevice& device);

/// Measures now, with a context of its own. Throws device or out_of_memory, and what ProgramBuilder::build throws.
[[nodiscard]] device::Rates measure_rates(const FoundDevice& device, const ProgramOptions& options = {});

struct RatesOptions {
    bool measure_again = false;
    std::chrono::hours longest_age{24 * 30};
    std::filesystem::path folder{};  ///< empty: "rates" below platform::cache_folder()
    ProgramOptions program{};
};

/// The rates remembered for this device, driver and number of compute units, else measured and remembered.
[[nodiscard]] device::Rates rates_of(const FoundDevice& device, const RatesOptions& options = {});

}  // namespace shoal::opencl
