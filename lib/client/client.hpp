// A client of a hub: opens models there, submits requests, many at a time, and gets their answers.
//
// A Client has a thread of its own. It may be used from any thread; callbacks run on the client's thread and must
// return soon. When the hub is lost it connects again, opens its models again and repeats what was not answered, until
// the requests' deadlines. Every wait has a deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/time.hpp"
#include "graph/graph.hpp"
#include "plan/cluster.hpp"
#include "plan/plan.hpp"
#include "plan/problem.hpp"
#include "tensor/tensor.hpp"
#include "transport/port.hpp"
#include "wire/status.hpp"

namespace shoal::client {

using tensor::Tensor;

struct ClientOptions {
    std::string name = "client";                    ///< how the hub's status calls it
    std::string hub_endpoint;                       ///< tcp://HOST:PORT
    std::optional<transport::PublicKey> hub_key{};  ///< who must answer there; needed with keys
    std::chrono::milliseconds connect_timeout{5000};
    /// Asked every few milliseconds while connecting; once it says so, that ends with Code::cancelled.
    std::function<bool()> cancelled{};
    bool retry = true;  ///< repeat requests when the hub was lost; they do no harm when they run twice
};

/// "weights" 3 of 7 (bytes), "measuring", "planning", "deploying".
struct Progress {
    std::string phase;
    std::uint64_t done = 0, total = 0;
};

struct OpenOptions {
    plan::Objective objective = plan::Objective::latency;
    plan::Mode mode = plan::Mode::best;          ///< how freely the hub may choose
    plan::Merge merge = plan::Merge::hand_over;  ///< of an ensemble
    std::vector<double> weights{};               ///< one a model, for weighted merges; empty: equal
    std::uint32_t max_in_flight = 0;             ///< requests that the hub has at a time, others wait here; 0: any
    std::chrono::milliseconds timeout{120'000};  ///< without progress: a slow link may take longer than that in all
    std::optional<base::TimePoint> deadline{};   ///< ends it whatever progress it makes
    /// Asked every few milliseconds; once it says so, opening ends with Code::cancelled.
    std::function<bool()> cancelled{};
    std::function<void(const Progress&)> on_progress{};
};

/// A graph with its name. Constants must be bound (their bytes are sent when the hub asks for them).
struct NamedGraph {
    std::string name;
    std::shared_ptr<const graph::Graph> graph;
};

/// What would run where.
struct Planned {
    plan::Plan plan;
    plan::Cluster cluster;
};

/// The answer to one request.
struct Reply {
    std::vector<Tensor> outputs{};       ///< in the order of the graph's outputs; empty when it failed
    std::optional<base::Error> error{};  ///< why it failed: busy, timeout, cancelled, does_not_fit, ...
    double queued_ms = 0, ran_ms = 0;    ///< in the hub; from there to the merged result
    std::uint32_t attempts = 1;          ///< above 1 when a board was lost on the way
};

class Client;

/// A model that the hub serves. A handle: copies mean the same model; it is closed when the last one goes.
class RemoteModel {
public:
    [[nodiscard]] const graph::Graph& graph() const noexcept;  ///< of an ensemble: the first
    /// As of now; the hub may plan again.
    [[nodiscard]] plan::Plan plan() const;
    [[nodiscard]] std::vector<std::string> boards() const;  ///< names of the plan's boards
    /// As many requests as are worth having open at a time: what the hub says, or OpenOptions where that is less.
    [[nodiscard]] std::uint32_t max_in_flight() const noexcept;

    /// A request's number, for cancel().
    using Ticket = std::uint64_t;
    /// Sends one request and returns at once. `done` is called exactly once, on the client's thread; after the deadline
    /// at the latest, and before the Client is gone. Throws invalid_argument unless `inputs` fit the graph's.
    Ticket submit(std::vector<Tensor> inputs, base::TimePoint deadline, std::function<void(Reply)> done) const;
    void cancel(Ticket ticket) const;
    /// Submits and waits; a busy hub is asked again until the deadline, unless busy is to be told. Throws what the
    /// reply's error says. `cancelled` is asked every few milliseconds; once it says so, the request is taken back and
    /// Code::cancelled thrown.
    [[nodiscard]] std::vector<Tensor> run(std::vector<Tensor> inputs, base::TimePoint deadline,
                                          const std::function<bool()>& cancelled = {}, bool tell_busy = false) const;

private:
    friend class Client;
    struct State;
    std::shared_ptr<State> state_;
};

class Client {
public:
    /// Connects. Throws timeout naming the endpoint when no hub answers within connect_timeout, refused when it does
    /// not let us in.
    Client(ClientOptions options, std::unique_ptr<transport::Port> port);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Has the hub plan and deploy. Several graphs are an ensemble: same inputs, same outputs. Throws does_not_fit with
    /// the planner's figures, timeout, unavailable (no board), refused, cancelled.
    [[nodiscard]] RemoteModel open(std::vector<NamedGraph> graphs, const OpenOptions& options = {});
    /// What open() would do, measured but not deployed.
    [[nodiscard]] Planned plan(std::vector<NamedGraph> graphs, const OpenOptions& options = {});
    /// Throws timeout.
    [[nodiscard]] wire::Status status(std::chrono::milliseconds timeout = std::chrono::milliseconds{2000});
    /// The hub's name and software version.
    [[nodiscard]] std::string hub() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace shoal::client
