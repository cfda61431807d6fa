// A stage that was deployed here: its graph made ready, its inputs as they come in, and where its outputs go.
// Plain data for preparation.hpp, which makes it ready, runner.hpp, which runs it, and stages.hpp, which owns it.
#pragma once

#include <compare>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/blob_store.hpp"
#include "node/assembly.hpp"
#include "node/device_worker.hpp"
#include "node/routes.hpp"
#include "runtime/backend.hpp"

namespace shoal::node {

/// A device with its own thread.
struct Device {
    std::shared_ptr<runtime::Backend> backend{};
    device::DeviceInfo info{};
    std::shared_ptr<DeviceWorker> worker{};
};

struct StageKey {
    std::uint64_t deployment = 0;
    std::uint32_t epoch = 0, stage = 0;
    auto operator<=>(const StageKey&) const = default;
};

/// A weight in memory, kept on the disk for as long as it is.
struct Weight {
    base::SharedBytes bytes{};
    base::BlobPin pin{};
};

/// A graph ready to run on a device; stages of several epochs may share it.
struct Compiled {
    std::shared_ptr<runtime::Executable> executable{};
    std::vector<std::shared_ptr<const Weight>> weights{};
    base::Digest digest{};
    std::uint32_t device = 0;
    runtime::MemoryUse memory{};
    MemoryMeter::Share claim{}, held{};
};

struct Stage {
    Stage(wire::Deploy deploy, base::TimePoint now);

    enum class Phase : std::uint8_t { waiting, compiling, connecting, ready };

    StageKey key;
    /// Another for every stage that ever was here: a hub that restarts counts deployments anew, and what was begun for
    /// a stage before may come back late.
    std::uint64_t serial = 0;
    std::uint32_t device = 0, credits = 1;
    base::Digest digest{};
    graph::Graph graph{};                             ///< its constants unbound; empty once compiled
    std::uint64_t input_bytes = 0, output_bytes = 0;  ///< of one request
    std::uint64_t message_bytes = 0;                  ///< of all that it must have room for
    Phase phase = Phase::waiting;

    // While it is being made ready:
    std::optional<std::map<base::Digest, std::shared_ptr<const Weight>>> weights{};  ///< absent: on their way
    bool is_fetching = false, was_reused = false;
    std::optional<MemoryMeter::Share> room{};  ///< claimed for compiling
    std::uint64_t needed_bytes = 0;            ///< what is known of the compiled graph's size; rises by what is learnt
    base::TimePoint since{};                   ///< when this phase began
    base::TimePoint told{};                    ///< when the hub last heard of it
    double fetched_s = 0, compiled_s = 0;

    // Once it is:
    std::shared_ptr<Compiled> compiled{};
    MemoryMeter::Share message_room{};
    Assembly inputs;
    std::shared_ptr<const RouteTable> routes;
    Consumers consumers;
    std::deque<Inputs> complete{};  ///< requests that wait to run, in order
    struct Run {
        std::uint64_t request = 0;
        runtime::Cancellation cancellation{};
        Returned senders{};
    };
    std::map<std::uint64_t, Run> running{};  ///< by a number of its own: a request may be sent anew while it runs
    std::uint64_t last_run = 0;
    wire::StageCounters counters{};

    /// "stage 2 of deployment 7"
    [[nodiscard]] std::string name() const;
};

}  // namespace shoal::node
