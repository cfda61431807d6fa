// What shoal run has to say in the end: inputs, outputs, where it ran and what it took, as text or JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/device_flags.hpp"
#include "cli/explain.hpp"
#include "cli/input_values.hpp"
#include "cli/output_files.hpp"
#include "cli/run_on_hub.hpp"
#include "cli/timing.hpp"
#include "session/session.hpp"

namespace shoal::cli {

struct RunReport {
    std::vector<InputValue> inputs{};
    Times times{};
    runtime::MemoryUse memory{};
    session::Outputs outputs{};
    std::vector<OutputFolder::Written> files{};  ///< as many as outputs, or none
    std::vector<std::string> labels{};
    std::vector<ExplainedKernel> kernels{};
    device::Rates rates{};
    std::vector<ChosenDevice> devices{};  ///< of this machine; several shared the work
    std::optional<HubRun> hub{};          ///< where a plan was made: on a hub, or for the devices
};

void print_report(const RunReport& report);
[[nodiscard]] nlohmann::ordered_json report_json(const RunReport& report, const std::vector<std::string>& paths);

/// Warns where --labels and an output's classes are not as many.
void warn_of_labels(const RunReport& report);

}  // namespace shoal::cli
