// Runs requests: when a stage has one whose inputs are all there, whose outputs have somewhere to go, and whose device
// has room in its queue. Belongs to the node's thread; the devices' threads do the work.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "node/inbox.hpp"
#include "node/stage.hpp"

namespace shoal::node {

/// How a run ended.
struct Outcome {
    StageKey key{};
    std::uint64_t run = 0, request = 0;
    std::uint32_t turn = 0;
    base::TimePoint deadline{};
    Deliveries deliveries{};
    MemoryMeter::Share held{};  ///< the outputs
    bool failed = false;
    base::Code code = base::Code::internal;
    std::string text{};
    double queued_s = 0, computed_s = 0;
    std::vector<std::size_t> chosen{};  ///< consumers that it took a credit of
};

class Runner {
public:
    Runner(std::vector<Device>& devices, MemoryMeter& meter, std::shared_ptr<Inbox> inbox,
           std::function<void(Outcome)> done);

    /// Begins what can begin on that device, whose stages these are: the request that has waited longest first. True
    /// when one could not begin for lack of memory alone, which nothing but the network frees.
    bool start_runs(std::uint32_t device, const std::vector<Stage*>& stages);

private:
    [[nodiscard]] bool has_memory(const Stage& stage) const;
    void start(Stage& stage);

    std::vector<Device>& devices_;
    MemoryMeter& meter_;
    std::shared_ptr<Inbox> inbox_;
    std::function<void(Outcome)> done_;
};

}  // namespace shoal::node
