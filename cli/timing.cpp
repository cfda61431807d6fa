#include "cli/timing.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/units.hpp"
#include "cli/messages.hpp"
#include "cli/signals.hpp"

namespace shoal::cli {

using base::format_bytes;
using Json = nlohmann::ordered_json;

double percentile(std::vector<double> values, double percent) {
    std::sort(values.begin(), values.end());
    const double at = percent / 100 * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(std::floor(at)), above = static_cast<std::size_t>(std::ceil(at));
    return values[below] + (values[above] - values[below]) * (at - std::floor(at));
}

double Times::percentile_ms(double percent) const {
    if (run_ms.size() == 1) return run_ms[0];
    return percentile({run_ms.begin() + 1, run_ms.end()}, percent);
}

session::Outputs timed_runs(session::Session& session, const session::Inputs& inputs, int repeat, Times& times) {
    Progress progress("running");
    session::Outputs outputs;
    runtime::RunOptions options;
    options.cancellation = cancellation();
    for (int n = 0; n < repeat; ++n) {
        if (n % 16 == 0) progress.show(base::text("running, ", n, " of ", repeat, " done"));
        check_signals();
        times.run_ms.push_back(timed_ms([&] { outputs = session.run(inputs, options); }));
    }
    return outputs;
}

std::string memory_text(const runtime::MemoryUse& memory) {
    return base::text(format_bytes(memory.total()), ": weights ", format_bytes(memory.weights), ", activations ",
                      format_bytes(memory.activations), ", inputs and outputs ", format_bytes(memory.results));
}

Json memory_json(const runtime::MemoryUse& memory) {
    return {{"total_bytes", memory.total()},
            {"weight_bytes", memory.weights},
            {"activation_bytes", memory.activations},
            {"result_bytes", memory.results}};
}

Json device_json(const ChosenDevice& device) {
    const auto& info = device.info();
    return {{"id", info.id},
            {"name", info.name},
            {"kind", device::name(info.kind)},
            {"platform", info.platform},
            {"driver", info.driver},
            {"compute_units", info.compute_units}};
}

}  // namespace shoal::cli
