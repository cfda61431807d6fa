// What hub and boards say to each other: joining, living, measuring, deploying. Bulk is in data_messages.hpp.
//
// A board's life: Register -> Welcome and Peers; then Heartbeat for as long as it lives. The hub has it measure kernels
// and links. A deployment is one Deploy for each stage; the board pulls the weights that it lacks (BlobRequest), makes
// the stage ready, connects to the boards that the stage sends to, and says Ready; inputs may come from then on.
//
// Epochs: when the hub plans again it sends a board every Deploy of the new epoch and behind them, at once or when the
// new epoch is ready, Undeploy of the old one; a board that has no part in the new epoch gets the Undeploy alone. Until
// then both exist. A stage whose graph digest and device equal an older epoch's of its deployment takes over what is
// compiled there, whatever the routes. One that does not fit beside older epochs of its deployment waits for their
// Undeploy instead of failing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "device/device.hpp"
#include "graph/graph.hpp"
#include "plan/cluster.hpp"
#include "wire/message.hpp"

namespace shoal::wire {

/// A fact, setting or label, for people or by agreement, e.g. {"board.model", "Raspberry Pi 5"}.
struct Named {
    std::string name, value;
    bool operator==(const Named&) const = default;
};
/// A measured quantity with its unit in the name, e.g. {"temperature.cpu_c", 61.5}.
struct Reading {
    std::string name;
    double value = 0;
    bool operator==(const Reading&) const = default;
};

// --- Joining and living ---------------------------------------------------------------------------------------------

/// A board's first message to the hub.
struct Register {
    std::string software;       ///< Shoal's version
    std::string board;          ///< its name in the cluster
    std::uint64_t boot = 0;     ///< another for every start of its process
    std::string data_endpoint;  ///< where other boards reach it; a wildcard host stands for the address the hub sees
    std::uint64_t memory_limit_bytes = 0;
    std::vector<device::DeviceInfo> devices{};  ///< with rates; messages name a device by its index here
    std::vector<Named> facts{};
    bool operator==(const Register&) const = default;
};

/// The hub's answer to Register and to ClientHello.
struct Welcome {
    std::uint64_t session = 0;
    std::string hub;
    std::string software;
    std::uint32_t heartbeat_ms = 250;  ///< how often the hub wants to hear from a board
    std::uint32_t silence_ms = 1000;   ///< after which it takes the board for lost
    bool operator==(const Welcome&) const = default;
};

/// Everybody a board may exchange data with; replaces what was said before.
struct PeerBoard {
    std::string board;
    std::string endpoint;
    std::string public_key;  ///< 40 Z85 characters, or "" on a cluster without keys
    bool operator==(const PeerBoard&) const = default;
};
struct Peers {
    std::vector<PeerBoard> boards{};
    bool operator==(const Peers&) const = default;
};

/// A board's first message to another board.
struct PeerHello {
    std::string board;
    bool operator==(const PeerHello&) const = default;
};

struct DeviceLoad {
    double busy = 0;                  ///< part of the time since the last heartbeat, 0 to 1
    std::uint32_t queued = 0;         ///< requests that wait for it
    std::uint32_t oldest_run_ms = 0;  ///< of the run that lasts now, or of what runs wait for; 0: neither
    bool operator==(const DeviceLoad&) const = default;
};
/// Since the stage was deployed.
struct StageCounters {
    std::uint64_t deployment = 0;
    std::uint32_t epoch = 0, stage = 0;
    std::uint64_t runs = 0, failures = 0;
    double computed_s = 0, queued_s = 0;
    std::uint32_t in_flight = 0;
    bool operator==(const StageCounters&) const = default;
};
/// Since the board connected to that peer.
struct LinkCounters {
    std::string peer;  ///< a board's name; "" is the hub
    std::uint64_t messages_sent = 0, bytes_sent = 0;
    std::uint64_t messages_received = 0, bytes_received = 0;
    std::uint64_t unsent_bytes = 0;  ///< waiting now
    double sending_s = 0;            ///< time during which something waited
    bool operator==(const LinkCounters&) const = default;
};
struct Heartbeat {
    std::uint64_t session = 0;
    std::uint64_t sequence = 0;
    std::uint64_t memory_used_bytes = 0, memory_limit_bytes = 0;
    std::uint64_t cached_bytes = 0;  ///< weights on its disk
    std::vector<DeviceLoad> devices{};
    std::vector<StageCounters> stages{};
    std::vector<LinkCounters> links{};
    std::vector<Reading> readings{};
    bool operator==(const Heartbeat&) const = default;
};
/// The hub's answer, which shows the board that the hub works.
struct HeartbeatEcho {
    std::uint64_t session = 0;
    std::uint64_t sequence = 0;
    bool operator==(const HeartbeatEcho&) const = default;
};

// --- Measuring ------------------------------------------------------------------------------------------------------

/// Hub to board: time these groups of the graph (graph::groups) on that device, with made-up constants.
struct MeasureKernels {
    std::uint64_t task = 0;
    std::uint32_t device = 0;
    std::uint32_t repeat = 1;
    graph::Graph graph{};
    std::vector<std::uint32_t> groups{};  ///< rising indices; empty: all
};
/// One cost for each group asked for, in order.
struct KernelCosts {
    std::uint64_t task = 0;
    std::vector<plan::KernelCost> kernels{};
    bool operator==(const KernelCosts&) const = default;
};

/// Hub to board: send probes of these sizes to that board ("": the hub), each so many times.
struct MeasureLink {
    std::uint64_t task = 0;
    std::string peer;
    std::vector<std::uint64_t> sizes{};
    std::uint32_t repeat = 1;
    bool operator==(const MeasureLink&) const = default;
};
struct ProbeTime {
    std::uint64_t bytes = 0;
    double seconds = 0;  ///< from sending the probe to its echo
    bool operator==(const ProbeTime&) const = default;
};
struct LinkMeasured {
    std::uint64_t task = 0;
    std::vector<ProbeTime> times{};
    bool operator==(const LinkMeasured&) const = default;
};
struct TaskFailed {
    std::uint64_t task = 0;
    base::Code code = base::Code::internal;
    std::string text;
    bool operator==(const TaskFailed&) const = default;
};

// --- Deploying ------------------------------------------------------------------------------------------------------

/// Where (a part of) a stage's input comes from.
struct Source {
    std::string board;  ///< "" is the hub
    std::uint32_t stage = 0, port = 0;
    graph::InputSlice part{};  ///< which part of this input it fills
    bool operator==(const Source&) const = default;
};
/// A port is filled when each of its sources has sent; with concat, sources of the same part stand for each other
/// (replicas of the stage before: one of them sends), and each part is put into its place.
struct InputRoute {
    std::vector<Source> sources{};  ///< Part::source is an index into these
    graph::Merge merge = graph::Merge::concat;
    bool operator==(const InputRoute&) const = default;
};

/// Where (a part of) a stage's output goes.
struct Destination {
    std::string board;  ///< "" is the hub, and what it gets is a Result
    std::uint32_t stage = 0, port = 0;
    std::uint16_t source = 0;  ///< what Part::source says there
    graph::InputSlice part{};  ///< which part of the output is sent
    bool operator==(const Destination&) const = default;
};
/// One of several destinations takes each request: choose_replica(shares, turn). With one choice, shares may be empty.
struct Fan {
    std::vector<Destination> choices{};
    std::vector<double> shares{};
    bool operator==(const Fan&) const = default;
};
struct OutputRoute {
    std::vector<Fan> fans{};  ///< all of them are served
    bool operator==(const OutputRoute&) const = default;
};

struct Deploy {
    std::uint64_t deployment = 0;
    std::uint32_t epoch = 0;  ///< rises when the hub plans again; what belongs to an older one is dropped
    std::uint32_t stage = 0;
    std::uint32_t device = 0;
    std::uint32_t credits = 1;       ///< requests that the stage must have room for
    std::uint64_t memory_bytes = 0;  ///< what it may use: weights, activations and message buffers
    base::Digest digest{};           ///< of the graph (digest_of)
    graph::Graph graph{};
    std::vector<InputRoute> inputs{};    ///< one for each input of the graph, in order
    std::vector<OutputRoute> outputs{};  ///< one for each output
    std::vector<Named> settings{};       ///< e.g. precision
};
struct DeployProgress {
    std::uint64_t deployment = 0;
    std::uint32_t epoch = 0, stage = 0;
    std::string phase;  ///< "weights", "compiling", ...
    std::uint64_t done = 0, total = 0;
    bool operator==(const DeployProgress&) const = default;
};
struct Ready {
    std::uint64_t deployment = 0;
    std::uint32_t epoch = 0, stage = 0;
    std::uint64_t weight_bytes = 0, activation_bytes = 0, result_bytes = 0;  ///< as runtime::MemoryUse
    double fetched_s = 0, compiled_s = 0;
    bool operator==(const Ready&) const = default;
};
struct DeployFailed {
    std::uint64_t deployment = 0;
    std::uint32_t epoch = 0, stage = 0;
    base::Code code = base::Code::internal;
    std::string text;
    bool operator==(const DeployFailed&) const = default;
};
/// Hub to board: forget this deployment's stages up to and including that epoch.
struct Undeploy {
    std::uint64_t deployment = 0;
    std::uint32_t epoch = 0;
    bool operator==(const Undeploy&) const = default;
};

[[nodiscard]] Frames encode(const Register& message);
[[nodiscard]] Frames encode(const Welcome& message);
[[nodiscard]] Frames encode(const Peers& message);
[[nodiscard]] Frames encode(const PeerHello& message);
[[nodiscard]] Frames encode(const Heartbeat& message);
[[nodiscard]] Frames encode(const HeartbeatEcho& message);
[[nodiscard]] Frames encode(const MeasureKernels& message);
[[nodiscard]] Frames encode(const KernelCosts& message);
[[nodiscard]] Frames encode(const MeasureLink& message);
[[nodiscard]] Frames encode(const LinkMeasured& message);
[[nodiscard]] Frames encode(const TaskFailed& message);
[[nodiscard]] Frames encode(const Deploy& message);
[[nodiscard]] Frames encode(const DeployProgress& message);
[[nodiscard]] Frames encode(const Ready& message);
[[nodiscard]] Frames encode(const DeployFailed& message);
[[nodiscard]] Frames encode(const Undeploy& message);

}  // namespace shoal::wire
