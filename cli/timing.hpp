// Runs of a model with the clock beside them: what `run` and `bench` share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/device_flags.hpp"
#include "session/session.hpp"

namespace shoal::cli {

struct Times {
    double load_ms = 0;            ///< reading and checking the file
    double compile_ms = 0;         ///< lowering, optimising, compiling, putting weights onto the device
    std::vector<double> run_ms{};  ///< inputs from the host, outputs back on it; the first one first

    [[nodiscard]] double first_ms() const { return run_ms.front(); }
    /// Of the runs behind the first, or the first where there is no other.
    [[nodiscard]] double percentile_ms(double percent) const;
};

/// The value below which `percent` of them lie, between neighbours interpolated; `values` must not be empty.
[[nodiscard]] double percentile(std::vector<double> values, double percent);

/// Milliseconds that `work` takes.
template <class Work>
[[nodiscard]] double timed_ms(Work&& work) {
    const auto start = base::SteadyClock::now();
    work();
    return base::to_ms(base::SteadyClock::now() - start);
}

/// Runs `repeat` times, stops on signals, and adds the times. Returns the last outputs.
session::Outputs timed_runs(session::Session& session, const session::Inputs& inputs, int repeat, Times& times);

[[nodiscard]] std::string memory_text(const runtime::MemoryUse& memory);
[[nodiscard]] nlohmann::ordered_json memory_json(const runtime::MemoryUse& memory);
[[nodiscard]] nlohmann::ordered_json device_json(const ChosenDevice& device);

}  // namespace shoal::cli
