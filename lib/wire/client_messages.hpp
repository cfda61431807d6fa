// What clients and the hub say to each other: opening models, requests, answers. Weights go by data_messages.hpp's
// blobs, the state of the cluster is in status.hpp.
//
// ClientHello -> Welcome. OpenModel -> the hub pulls the weights that it does not know (BlobRequest), plans, deploys,
// telling OpenProgress, and says Opened or Refused{subject = task}; or, with plan_only, Planned at once. Then any
// number of Submit -> Answer or RequestFailed, in any order, each request exactly once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "graph/graph.hpp"
#include "plan/cluster.hpp"
#include "plan/plan.hpp"
#include "tensor/tensor.hpp"
#include "wire/board_messages.hpp"
#include "wire/message.hpp"

namespace shoal::wire {

struct ClientHello {
    std::string client;  ///< how the status calls it
    std::string software;
    bool operator==(const ClientHello&) const = default;
};

/// A model: its graph and the graph's digest (digest_of), which is checked.
struct Model {
    graph::Graph graph{};
    base::Digest digest{};
};

struct OpenModel {
    std::uint64_t task = 0;       ///< the client's number for this request
    std::vector<Model> models{};  ///< several are an ensemble: same inputs, same outputs
    plan::Objective objective = plan::Objective::latency;
    plan::Merge merge = plan::Merge::hand_over;  ///< of an ensemble's answers
    std::vector<double> weights{};               ///< one a model, for weighted merges; empty: equal
    std::uint32_t replicas = 0;                  ///< a wish; 0: as the planner thinks best
    std::uint32_t max_in_flight = 0;             ///< requests that the client will have open; 0: as the hub thinks best
    bool plan_only = false;
    std::vector<Named> settings{};
};
struct OpenProgress {
    std::uint64_t task = 0;
    std::string phase;  ///< "weights", "measuring", "planning", "deploying"
    std::uint64_t done = 0, total = 0;
    bool operator==(const OpenProgress&) const = default;
};
/// What would run where; the plan's boards are indices into the cluster's.
struct Planned {
    std::uint64_t task = 0;
    plan::Plan plan{};
    plan::Cluster cluster{};
    bool operator==(const Planned&) const = default;
};
struct Opened {
    std::uint64_t task = 0;
    std::uint64_t model = 0;  ///< the hub's number, for Submit
    std::uint32_t max_in_flight = 1;
    plan::Plan plan{};
    std::vector<std::string> boards{};  ///< names of the plan's boards
    bool operator==(const Opened&) const = default;
};
/// The cluster changed and the model runs elsewhere from now on. Nothing is lost by it.
struct Replanned {
    std::uint64_t model = 0;
    std::uint32_t epoch = 0;
    std::string reason;
    plan::Plan plan{};
    std::vector<std::string> boards{};
    bool operator==(const Replanned&) const = default;
};
/// Nothing is left that could run it; requests are answered by RequestFailed, or wait where no board is left at all.
/// Replanned ends it.
struct ModelFailed {
    std::uint64_t model = 0;
    base::Code code = base::Code::unavailable;
    std::string text;
    bool operator==(const ModelFailed&) const = default;
};
struct CloseModel {
    std::uint64_t model = 0;
    bool operator==(const CloseModel&) const = default;
};

struct Submit {
    std::uint64_t model = 0;
    std::uint64_t request = 0;  ///< the client's number, used once
    RemainingMs remaining_ms = 0;
    std::vector<tensor::Tensor> inputs{};  ///< in the order of the model's inputs
};
struct Answer {
    std::uint64_t request = 0;
    double queued_ms = 0;        ///< in the hub, before it was sent to a board
    double ran_ms = 0;           ///< from then to the merged result
    std::uint32_t attempts = 1;  ///< above 1 when a board was lost on the way
    std::vector<tensor::Tensor> outputs{};
};
struct RequestFailed {
    std::uint64_t request = 0;
    base::Code code = base::Code::internal;
    std::string text;
    bool operator==(const RequestFailed&) const = default;
};
struct CancelRequest {
    std::uint64_t request = 0;
    bool operator==(const CancelRequest&) const = default;
};

[[nodiscard]] Frames encode(const ClientHello& message);
[[nodiscard]] Frames encode(const OpenModel& message);
[[nodiscard]] Frames encode(const OpenProgress& message);
[[nodiscard]] Frames encode(const Planned& message);
[[nodiscard]] Frames encode(const Opened& message);
[[nodiscard]] Frames encode(const Replanned& message);
[[nodiscard]] Frames encode(const ModelFailed& message);
[[nodiscard]] Frames encode(const CloseModel& message);
[[nodiscard]] Frames encode(const Submit& message);
[[nodiscard]] Frames encode(const Answer& message);
[[nodiscard]] Frames encode(const RequestFailed& message);
[[nodiscard]] Frames encode(const CancelRequest& message);

}  // namespace shoal::wire
