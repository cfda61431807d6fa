// Requests through a hub, many at a time: what `shoal run --hub` does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/ensemble_flags.hpp"
#include "cli/hub_flags.hpp"
#include "session/session.hpp"

namespace shoal::cli {

struct HubRunFlags {
    HubFlags hub;
    bool each = false;            ///< each row of the inputs is a request of its own
    std::uint32_t in_flight = 0;  ///< 0: as many as the hub says
    double deadline_s = 60;       ///< of a request
};
void add_hub_run_flags(CLI::App& command, HubRunFlags& flags);

/// A graph's plan, and the names of its boards.
struct Placed {
    plan::Plan plan{};
    std::vector<std::string> boards{};
};

struct HubRun {
    std::string hub;
    std::vector<Placed> placed{};                        ///< one; of a model of several segments each, as they came up
    std::vector<std::vector<tensor::Tensor>> answers{};  ///< by request
    std::vector<double> request_ms{};
    double open_ms = 0, seconds = 0;  ///< until the model was ready; from the first request to the last answer
    std::uint32_t in_flight = 1;      ///< requests that were kept open at a time, at most
    std::size_t repeated = 0;         ///< requests that ran again: a board was lost, or a better plan took over
};

/// Opens the models on the client's hub and has every request answered. Throws the first request's error that no
/// repetition mends, naming the request; the others are taken back then.
[[nodiscard]] HubRun run_on_hub(client::Client& client, const std::vector<client::NamedGraph>& graphs,
                                const std::vector<std::vector<tensor::Tensor>>& requests, const EnsembleFlags& ensemble,
                                const HubRunFlags& flags);

/// The same for a model whose way on depends on values: each segment is opened on the hub once its sizes are known.
/// Outputs of segments come back here and go out again with the next.
[[nodiscard]] HubRun run_segments_on_hub(const std::shared_ptr<client::Client>& client, const importer::Model& model,
                                         const std::vector<session::Inputs>& requests, const EnsembleFlags& ensemble,
                                         const HubRunFlags& flags);

/// The rows of axis 0, each as inputs of its own; inputs that are `whole` go along with every row. Throws
/// invalid_argument naming both when the others do not have the same number of rows.
[[nodiscard]] std::vector<std::vector<tensor::Tensor>> rows_of(const std::vector<tensor::Tensor>& inputs,
                                                               const std::vector<bool>& whole);

}  // namespace shoal::cli
