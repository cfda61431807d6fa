// Prints what discovery finds on this machine: the quickest way to try a driver, an ICD or a board by hand.
#include <cstdio>
#include <exception>

#include "base/units.hpp"
#include "opencl/discovery.hpp"

namespace {

using shoal::base::format_bytes;

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

}  // namespace

int main() try {
    const auto found = shoal::opencl::discover();
    for (const auto& device : found.devices)
        print(device);
    for (const auto& problem : found.problems)
        std::printf("problem: %s\n", problem.c_str());
    return found.devices.empty() ? 1 : 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
