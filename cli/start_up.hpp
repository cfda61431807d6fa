// How long a process takes from its first instruction to a model's first result, measured in processes of their own:
// once with empty caches of compiled kernels, once more with what the first left there. Both choose kernels by what
// 'shoal tune' has found on this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shoal::cli {

struct StartUp {
    double load_ms = 0, open_ms = 0, compile_ms = 0, first_run_ms = 0;
    std::uint64_t peak_resident_bytes = 0;  ///< 0: not known

    [[nodiscard]] double total_ms() const noexcept { return load_ms + open_ms + compile_ms + first_run_ms; }
};

/// One line, as the measured process prints it and its parent reads it.
[[nodiscard]] std::string to_line(const StartUp& start);
[[nodiscard]] std::optional<StartUp> from_line(const std::string& line);

struct StartUps {
    StartUp cold, warm;
};
/// Runs this program twice with `arguments`, which make it print to_line(). Throws io when it cannot be run and
/// unavailable when it fails or takes longer than ten minutes.
[[nodiscard]] StartUps measure_start_ups(const std::vector<std::string>& arguments);

}  // namespace shoal::cli
