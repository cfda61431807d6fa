// Requests through a hub, many at a time: what `shoal run --hub` does.
#pragma once

#include <string>
#include <vector>

#include "cli/ensemble_flags.hpp"
#include "cli/hub_flags.hpp"

namespace shoal::cli {

struct HubRunFlags {
    HubFlags hub;
    bool each = false;            ///< each row of the inputs is a request of its own
    std::uint32_t in_flight = 0;  ///< 0: as many as the hub says
    double deadline_s = 60;       ///< of a request
};
void add_hub_run_flags(CLI::App& command, HubRunFlags& flags);

struct HubRun {
    std::string hub;
    plan::Plan plan{};
    std::vector<std::string> boards{};                   ///< names of the plan's boards
    std::vector<std::vector<tensor::Tensor>> answers{};  ///< by request
    std::vector<double> request_ms{};
    double open_ms = 0, seconds = 0;  ///< until the model was ready; from the first request to the last answer
    std::size_t repeated = 0;         ///< requests that ran again: a board was lost, or a better plan took over
};

/// Opens the models on the client's hub and has every request answered. Throws the first request's error that no
/// repetition mends, naming the request; the others are taken back then.
[[nodiscard]] HubRun run_on_hub(client::Client& client, const std::vector<client::NamedGraph>& graphs,
                                const std::vector<std::vector<tensor::Tensor>>& requests, const EnsembleFlags& ensemble,
                                const HubRunFlags& flags);

/// The rows of axis 0, each as inputs of its own. Throws invalid_argument naming both when the inputs do not have the
/// same number of rows.
[[nodiscard]] std::vector<std::vector<tensor::Tensor>> rows_of(const std::vector<tensor::Tensor>& inputs);

}  // namespace shoal::cli
