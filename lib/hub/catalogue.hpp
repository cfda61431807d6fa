// The models that are open, or were and still lie on the boards. One entry for each set of graphs and options, whoever
// opened it. The hub's thread only.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hub/deployment.hpp"
#include "hub/service_times.hpp"
#include "plan/failover.hpp"
#include "wire/graph_codec.hpp"

namespace shoal::hub {

/// What a model waits for.
enum class Phase : std::uint8_t {
    weights,    ///< its opener to send what the hub lacks
    measuring,  ///< boards to settle, links and kernels to be measured
    planning,
    deploying,  ///< every stage to be ready
    serving,
    failed,  ///< boards to join
};

/// A client that is to be told when the model is open.
struct Opener {
    PeerId client = PeerId::none;
    std::uint64_t task = 0;
    std::string told{};  ///< the last progress, so that it is not said again and again
};

struct Model {
    std::uint64_t number = 0;
    base::Digest identity{};
    OpenSpec spec{};
    std::vector<wire::BlobNeed> blobs{};
    bool plan_only = false;

    std::map<PeerId, std::uint32_t> users{};  ///< clients, and how often each has it open
    std::vector<Opener> openers{};
    TimePoint last_used{};

    Phase phase = Phase::weights;
    TimePoint phase_since{};
    std::optional<base::Error> failure{};  ///< in Phase::failed
    bool has_served = false;               ///< its users were told Opened
    std::string reason{};                  ///< why it is planned again
    TimePoint replan_since{};
    std::uint64_t job = 0;         ///< the planning job that counts; 0: none runs
    std::uint64_t considered = 0;  ///< Membership::version() that the plan knows of
    std::uint32_t attempts = 0;    ///< plans that boards refused, one after the other
    bool improving = false;        ///< a better plan is looked for while this one serves
    Restrictions restrictions{};

    std::uint32_t epoch = 0;
    std::unique_ptr<Deployment> deployment{};
    std::unique_ptr<Deployment> next{};                ///< a better plan that gets ready beside the one that serves
    std::set<std::string> holders{};                   ///< boards that may hold stages of any epoch
    std::shared_ptr<const plan::Failover> failover{};  ///< plans for when boards of that view are lost
    ClusterView failover_view{};

    std::deque<std::uint64_t> queue{};
    std::set<std::uint64_t> in_flight{};
    base::TimePoint
        held_until{};  ///< nothing is sent before: boards have lost each other, and one may be about to be lost
    std::uint32_t next_turn = 0;
    std::uint64_t answered = 0, failed = 0, repeated = 0;
    ServiceTimes times{};

    [[nodiscard]] std::string name() const;
    [[nodiscard]] bool serves() const { return phase == Phase::serving && deployment != nullptr; }
    /// The one of that epoch; null when there is none.
    [[nodiscard]] Deployment* of_epoch(std::uint32_t wanted_epoch) const;
    [[nodiscard]] bool wanted() const { return !users.empty() || !openers.empty(); }
};

class Catalogue {
public:
    /// The model that the spec means, a new one or one that is there.
    Model& enter(OpenSpec spec, bool plan_only, TimePoint now);
    [[nodiscard]] Model* find(std::uint64_t number);
    void remove(std::uint64_t number);

    [[nodiscard]] std::map<std::uint64_t, Model>& models() noexcept { return models_; }
    [[nodiscard]] const std::map<std::uint64_t, Model>& models() const noexcept { return models_; }

    /// What all models but this one keep on the boards; for one that is only planned, what would have to make way does
    /// not count.
    [[nodiscard]] MemoryByPlace taken_by_others(std::uint64_t number) const;
    /// Of the models that lie on boards and nobody has open, the one used longest ago.
    [[nodiscard]] Model* longest_idle(std::uint64_t except);

private:
    std::map<std::uint64_t, Model> models_;
    std::uint64_t next_ = 1;
};

}  // namespace shoal::hub
