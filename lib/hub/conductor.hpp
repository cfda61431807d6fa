// Leads every model from being asked for to serving, and on to the next plan when boards come, go, hang or refuse.
//
// weights -> measuring -> planning -> deploying -> serving, as Phase says. A board that a deployment needs is lost: the
// plan that was prepared for it, or a new one, becomes the next epoch; what was on its way is sent again from the kept
// inputs. A board joins: models that failed are tried again, and a plan that is predicted to be much better replaces
// the one that serves. The hub's thread only, but for the planning itself.
#pragma once

#include <functional>

#include "hub/catalogue.hpp"
#include "hub/dispatch.hpp"
#include "hub/intake.hpp"

namespace shoal::hub {

class Conductor {
public:
    struct Parts {
        const HubOptions& options;
        Outbox& outbox;
        Membership& membership;
        Links& links;
        Measuring& measuring;
        Catalogue& catalogue;
        Dispatch& dispatch;
        Intake& intake;
        Worker& worker;
        const base::Clock& clock;
        std::function<void(Event::Kind, const std::string& subject, const std::string& text)> event;
    };
    explicit Conductor(Parts parts);

    // What clients say.
    void open(PeerId client, wire::OpenModel message);
    void close(PeerId client, std::uint64_t model);
    void client_gone(PeerId client);

    // What happens to boards. `board_lost` comes after the other parts know of it.
    void board_lost(const std::string& board, const std::string& why);
    void board_joined(const std::string& board);
    /// Boards reach each other that did not before: models that failed or run elsewhere may be better off.
    void way_opened();
    /// Looks whether a device of the board does not come back, or a board that hung is well again.
    void heartbeat(const std::string& board);

    // What boards say; false when it is of no use.
    bool ready(const std::string& board, const wire::Ready& message);
    bool progress(const std::string& board, const wire::DeployProgress& message);
    bool deploy_failed(const std::string& board, const wire::DeployFailed& message);
    bool credit(const std::string& board, const wire::Credit& message);
    void stage_error(const std::string& board, const wire::StageError& message, std::uint32_t errors);

    /// Whatever waits for time or for other parts.
    void tick();

private:
    struct Job;

    // opening.cpp
    void advance(Model& model);
    void enter(Model& model, Phase phase);
    void gather_weights(Model& model);
    void measure(Model& model);
    [[nodiscard]] bool measured(Model& model);
    void plan(Model& model);
    void planned(Job& job);
    void take_plan(Model& model, Job& job);
    [[nodiscard]] std::string not_counted(std::uint64_t model) const;
    void answer_plan(Model& model, const Job& job);
    void deploy(Model& model, plan::Plan plan, ClusterView view);
    [[nodiscard]] std::unique_ptr<Deployment> sent(Model& model, plan::Plan plan, ClusterView view);
    void serve(Model& model);
    void not_ready(Model& model);
    void forget_opener(PeerId client, std::uint64_t task);
    void refuse(const Opener& opener, const base::Error& error);
    void tell_progress(Model& model, const std::string& phase, std::uint64_t done, std::uint64_t total);

    // failover.cpp
    void replan(Model& model, const std::string& why, bool prepared);
    [[nodiscard]] bool use_failover(Model& model);
    void prepare_failover(Model& model);
    void improve(Model& model);
    void consider(Model& model, Job& job);
    [[nodiscard]] bool fits_beside(const Model& model, const plan::Plan& plan, const ClusterView& view) const;
    void move(Model& model);
    void abandon_next(Model& model);
    void watch_pace(Model& model, const std::string& board);
    [[nodiscard]] bool fits_now(const Model& model, const plan::Plan& plan, const ClusterView& view) const;
    void fail(Model& model, const base::Error& error);
    [[nodiscard]] bool mark_ways_behind(const LayoutStage& stage);
    [[nodiscard]] bool has_other_work(const std::string& board) const;
    [[nodiscard]] double hang_limit_s(const std::string& board, TimePoint run_since) const;

    // conductor.cpp
    void undeploy(Model& model, std::uint32_t epoch, const std::set<std::string>& boards);
    void drop(Model& model);
    void unwanted(Model& model);
    void each(const std::function<void(Model&)>& what);
    /// What goes wrong with one model is that model's end and nobody else's.
    void guarded(std::uint64_t number, const std::function<void(Model&)>& what);
    [[nodiscard]] TimePoint now() const { return parts_.clock.now(); }

    Parts parts_;
    TimePoint started_;
    std::map<std::string, TimePoint> other_work_{};  ///< when a board was last at something else than runs
    std::uint64_t next_job_ = 1;
};

/// A plan, found or not, for the model and the cluster as they were.
struct Conductor::Job {
    std::uint64_t model = 0, number = 0;
    ClusterView view{};
    plan::Problem problem{};
    std::optional<plan::Plan> current{};  ///< the plan that serves, as this view numbers its boards
    std::optional<plan::Plan> plan{};
    std::optional<base::Error> error{};
};

/// The same plan with the other view's numbers; nothing when a board of it is not there.
[[nodiscard]] std::optional<plan::Plan> renumbered(plan::Plan plan, const ClusterView& from, const ClusterView& to);

/// "2 stages on a, b; 3.1 ms, 420 requests/s predicted"
[[nodiscard]] std::string in_words(const plan::Plan& plan, const ClusterView& view);

}  // namespace shoal::hub
