// Prints what discovery finds on this machine: the quickest way to try a driver, an ICD or a board by hand.
//   --bench      measured rates; --export DIR: keep the program's binary; --kernels DIR: take it from there
//   --shares     measured rates of each compute unit alone
//   --check      try the drivers even if they were found healthy before; --spawn: by running this program again;
//   --impatient  give each of them half a second
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/units.hpp"
#include "opencl/discovery.hpp"
#include "opencl/rates.hpp"
#include "opencl/sub_device.hpp"

namespace {

using shoal::base::format_bytes;
using shoal::base::format_ms;

void print(const shoal::opencl::FoundDevice& found) {
    const auto& info = found.info;
    const auto yes = [](bool value) { return value ? "yes" : "no"; };
    std::printf("%s  %s\n", info.id.c_str(), info.name.c_str());
    std::printf("     %s, %s, platform %s\n", std::string(name(info.kind)).c_str(), info.vendor.c_str(),
                info.platform.c_str());
    std::printf("     driver %s, %s\n", info.driver.c_str(), info.version.c_str());
    std::printf("     %d compute units, %d lanes of f32, groups of up to %u, local %s\n", info.compute_units,
                info.f32_vector_width, info.largest_group, format_bytes(info.local_bytes).c_str());
    std::printf("     global %s, largest allocation %s, usable %s, sub-buffers at %u bytes\n",
                format_bytes(info.global_bytes).c_str(), format_bytes(info.largest_allocation).c_str(),
                format_bytes(info.usable_bytes).c_str(), info.buffer_alignment);
    std::printf("     fp16 %s, fp64 %s, int8 dot %s, unified memory %s, compiler %s\n", yes(info.fp16), yes(info.fp64),
                yes(info.int8_dot), yes(info.unified_memory), yes(info.online_compiler));
}

void measure(const shoal::opencl::FoundDevice& found, const shoal::opencl::ProgramOptions& options) {
    const auto start = shoal::base::SteadyClock::now();
    const auto rates = shoal::opencl::measure_rates(found, options);
    std::printf("     %.1f GFLOP/s, %.1f GB/s, launch %s, round trip %s (measured in %s)\n", rates.flops_per_s / 1e9,
                rates.bytes_per_s / 1e9, format_ms(rates.launch_s * 1e3).c_str(),
                format_ms(rates.round_trip_s * 1e3).c_str(),
                format_ms(shoal::base::to_ms(shoal::base::SteadyClock::now() - start)).c_str());
}

}  // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const auto has = [&](const char* flag) {
        return std::find(arguments.begin(), arguments.end(), flag) != arguments.end();
    };
    const auto value = [&](const char* flag) {
        const auto at = std::find(arguments.begin(), arguments.end(), flag);
        return at == arguments.end() || at + 1 == arguments.end() ? std::string() : at[1];
    };
    if (has("check-drivers")) return shoal::opencl::serve_driver_check(argc, argv);
    shoal::opencl::DiscoveryOptions options;
    if (has("--impatient")) options.drivers.patience = std::chrono::milliseconds(500);
    if (has("--spawn")) options.drivers.command = {"/proc/self/exe", "check-drivers"};
    if (has("--check")) options.drivers.check = shoal::opencl::DriverCheck::always;
    shoal::opencl::ProgramOptions programs;
    programs.export_folder = value("--export");
    programs.kernel_folder = value("--kernels");
    const auto found = shoal::opencl::discover(options);
    for (const auto& device : found.devices) {
        print(device);
        if (has("--bench")) measure(device, programs);
        for (int k = 0; has("--shares") && k < device.info.compute_units; ++k)
            measure(shoal::opencl::share_of(device, k, device.info.compute_units).found, programs);
    }
    for (const auto& problem : found.problems)
        std::printf("problem: %s\n", problem.c_str());
    return found.devices.empty() ? 1 : 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
