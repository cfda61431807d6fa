// What happens to models when boards are lost, hang, refuse or join.
#include <algorithm>
#include <cmath>

#include "base/log.hpp"
#include "hub/conductor.hpp"

namespace shoal::hub {

using base::Code;
using base::text;

namespace {

constexpr std::uint32_t kMostAttempts = 5;         // plans that boards refuse, one after the other
constexpr std::uint32_t kMostDeviceErrors = 3;     // of a stage, one after the other, until its board is left alone
constexpr double kWorthMoving = 1.15;              // the least predicted gain for which a model moves
constexpr std::chrono::seconds kMovePatience{60};  // without any word of the next plan's stages
constexpr double kHangFactor = 8;                  // a run that takes so many times as long as predicted hangs
// What a device may spend on one thing that is no run (compiling, measuring) while runs wait for it. Compilers of small
// boards are slow, and boards themselves stop saying that they compile after as long.
constexpr double kOtherWorkS = 600;
constexpr double kFirstRunS = 10;  // that a stage's first run may take in any case: drivers compile late
// Of what a board was given when it said that this does not fit, one for each attempt: mostly some bytes are missing,
// which the planner could not know of.
constexpr double kLessMemory[kMostAttempts] = {0.99, 0.97, 0.93, 0.85, 0.7};

void renumber(plan::Node& node, const std::vector<std::uint32_t>& to) {
    if (node.is_leaf()) node.work.board = to[node.work.board];
    for (auto& child : node.children)
        renumber(child, to);
}

}  // namespace

std::optional<plan::Plan> renumbered(plan::Plan plan, const ClusterView& from, const ClusterView& to) {
    std::vector<std::uint32_t> numbers(from.places.size(), ~std::uint32_t{0});
    for (std::uint32_t i = 0; i < from.places.size(); ++i) {
        for (std::uint32_t j = 0; j < to.places.size(); ++j) {
            if (from.places[i].board == to.places[j].board && from.places[i].device == to.places[j].device)
                numbers[i] = j;
        }
    }
    for (const auto& work : plan::leaves(plan.root)) {
        if (numbers.at(work.board) == ~std::uint32_t{0}) return std::nullopt;
    }
    renumber(plan.root, numbers);
    return plan;
}

bool Conductor::fits_now(const Model& model, const plan::Plan& plan, const ClusterView& view) const {
    const auto taken = parts_.catalogue.taken_by_others(model.number);
    return fits(plan, view.places, room_for(parts_.membership, taken, model.restrictions));
}

void Conductor::board_lost(const std::string& board, const std::string& why) {
    const bool reachable = parts_.membership.peer_of(board) != PeerId::none;
    if (!reachable) other_work_.erase(board);
    each([&](Model& model) {
        if (!reachable) model.holders.erase(board);
        const bool serves_there = model.deployment && model.deployment->uses(board);
        if (model.next && model.next->uses(board) && !serves_there) abandon_next(model);
        if (!serves_there) return;
        if (model.wanted())
            replan(model, text("board '", board, "' was lost (", why, ")"), true);
        else
            drop(model);
    });
}

// What it could not do before it may be able to do now.
void Conductor::board_joined(const std::string& board) {
    each([&](Model& model) {
        std::erase_if(model.restrictions.allowance, [&](const auto& entry) { return entry.first.board == board; });
        model.restrictions.excluded.erase(board);
    });
}

void Conductor::way_opened() {
    each([](Model& model) { model.considered = ~std::uint64_t{0}; });
}

// From here on nothing of the old plan counts. `prepared`: the plan for this case may lie ready.
void Conductor::replan(Model& model, const std::string& why, bool prepared) {
    if (model.phase == Phase::serving) model.replan_since = now();
    model.reason = why;
    model.job = 0;
    model.improving = false;
    parts_.dispatch.take_back(model);
    model.deployment.reset();
    model.next.reset();
    if (!prepared || !use_failover(model)) plan(model);
}

bool Conductor::use_failover(Model& model) {
    if (!model.failover) return false;
    const auto prepared = std::move(model.failover);
    const ClusterView view = model.failover_view;
    auto plan = prepared->without(view.gone(parts_.membership));
    if (!plan || !view.holds(*plan, parts_.membership) || !fits_now(model, *plan, view)) return false;
    model.considered = ~std::uint64_t{0};  // a better one may be found at leisure
    deploy(model, std::move(*plan), view);
    return true;
}

void Conductor::prepare_failover(Model& model) {
    model.failover.reset();
    if (model.spec.graphs.size() != 1 || model.deployment->view().places.size() < 2) return;
    ClusterView view = model.deployment->view();
    auto problem = std::make_shared<plan::Problem>(problem_of(model.spec, view, parts_.measuring));
    if (problem->options.mode != plan::Mode::best) return;  // a plan of another kind than was asked for
    const auto credits = model.deployment->plan().credits;
    parts_.worker.run([this, problem, credits, view, number = model.number, epoch = model.epoch]() -> Worker::Done {
        auto prepared = std::make_shared<const plan::Failover>(std::move(*problem), credits);
        return [this, prepared, view, number, epoch] {
            Model* found = parts_.catalogue.find(number);
            if (found == nullptr || found->epoch != epoch) return;
            found->failover = prepared;
            found->failover_view = view;
        };
    });
}

void Conductor::improve(Model& model) {
    if (model.job != 0 || !measured(model)) return;
    model.improving = true;
    plan(model);
}

void Conductor::consider(Model& model, Job& job) {
    model.improving = false;
    if (model.phase != Phase::serving || !job.plan) return;
    if (!job.view.holds(*job.plan, parts_.membership) || !fits_now(model, *job.plan, job.view)) return;
    const auto& old = job.current ? job.current->prediction : model.deployment->plan().prediction;
    const auto& better = job.plan->prediction;
    const double gain = model.spec.objective == plan::Objective::latency
                            ? old.latency_s / std::max(better.latency_s, 1e-12)
                            : better.requests_per_s / std::max(old.requests_per_s, 1e-12);
    if (!(gain > kWorthMoving)) return;
    model.replan_since = now();
    model.reason = text("a plan that is predicted to be ", std::lround((gain - 1) * 100), " % better");
    if (!fits_beside(model, *job.plan, job.view)) {
        parts_.dispatch.take_back(model);
        deploy(model, std::move(*job.plan), std::move(job.view));
        return;
    }
    parts_.event(Event::Kind::replanned, model.name(), text(model.reason, ": ", in_words(*job.plan, job.view)));
    try {
        model.next = sent(model, std::move(*job.plan), std::move(job.view));
    } catch (const base::Error& error) {
        base::log_warning("hub", "'", model.name(), "' stays where it is: ", error.what());
    }
}

// Both plans at once.
bool Conductor::fits_beside(const Model& model, const plan::Plan& plan, const ClusterView& view) const {
    MemoryByPlace taken = parts_.catalogue.taken_by_others(model.number);
    for (const auto& [seat, bytes] : memory_of(model.deployment->plan(), model.deployment->view().places))
        taken[seat] += bytes;
    return fits(plan, view.places, room_for(parts_.membership, taken, {}));
}

// Undeploying reaches up to an epoch, so the plan that serves becomes a newer one, of the stages that are there.
void Conductor::abandon_next(Model& model) {
    model.next.reset();
    if (!model.serves()) return;
    model.replan_since = now();
    model.reason = "a better plan could not be made ready";
    parts_.dispatch.take_back(model);
    auto plan = model.deployment->plan();
    auto view = model.deployment->view();
    deploy(model, std::move(plan), std::move(view));
}

// From the plan that serves to the next, once that is ready. What was on its way is sent again.
void Conductor::move(Model& model) {
    if (!model.next->ready()) {
        if (now() - model.next->progressed() > kMovePatience) abandon_next(model);
        return;
    }
    const auto before = model.holders;
    parts_.dispatch.take_back(model);
    model.deployment = std::move(model.next);
    undeploy(model, model.deployment->epoch() - 1, before);
    enter(model, Phase::deploying);
    serve(model);
}

void Conductor::fail(Model& model, const base::Error& error) {
    parts_.event(Event::Kind::model_failed, model.name(), error.what());
    for (const Opener& opener : model.openers)
        refuse(opener, error);
    model.openers.clear();
    if (model.users.empty()) {
        drop(model);
        return;
    }
    undeploy(model, model.epoch, model.holders);
    model.holders.clear();
    parts_.dispatch.fail_all(model, error);
    model.deployment.reset();
    model.next.reset();
    model.job = 0;
    model.improving = false;
    model.failure = error;
    model.attempts = 0;  // who joins next may be the one that the others could not do without
    model.restrictions = {};
    model.replan_since = now();
    enter(model, Phase::failed);
    for (const auto& [client, count] : model.users)
        tell(parts_.outbox, client, wire::ModelFailed{model.number, error.code(), error.what()});
}

bool Conductor::deploy_failed(const std::string& board, const wire::DeployFailed& message) {
    Model* model = parts_.catalogue.find(message.deployment);
    Deployment* deployment = model != nullptr ? model->of_epoch(message.epoch) : nullptr;
    if (deployment == nullptr || !deployment->owns(board, message.epoch, message.stage)) return false;
    if (deployment == model->next.get()) {
        base::log_warning("hub", "'", model->name(), "' stays where it is: board '", board, "': ", message.text);
        abandon_next(*model);
        return true;
    }
    const std::string why = text("board '", board, "' refuses its stage: ", message.text);
    base::log_warning("hub", "'", model->name(), "': ", why);
    if (++model->attempts > kMostAttempts) {
        fail(*model, {message.code, why});
        return true;
    }
    if (message.code == Code::does_not_fit || message.code == Code::out_of_memory) {
        const Seat seat{board, model->deployment->layout().stages()[message.stage].deploy.device};
        const auto given = memory_of(model->deployment->plan(), model->deployment->view().places)[seat];
        model->restrictions.allowance[seat] =
            static_cast<std::uint64_t>(kLessMemory[model->attempts - 1] * static_cast<double>(given));
    } else if (message.code == Code::unavailable &&
               mark_ways_behind(model->deployment->layout().stages()[message.stage])) {
        // Which end is to blame is not known; the planner finds another way.
    } else if (const Member* member = parts_.membership.find(board)) {
        model->restrictions.excluded[board] = member->session;
    }
    replan(*model, why, false);
    return true;
}

// The ways from a stage that reaches nobody to the boards behind it count as dead. False when there are none.
bool Conductor::mark_ways_behind(const LayoutStage& stage) {
    bool any = false;
    for (const auto& route : stage.deploy.outputs) {
        for (const auto& fan : route.fans) {
            for (const auto& to : fan.choices) {
                if (to.board.empty() || to.board == stage.board) continue;
                parts_.links.mark_dead(stage.board, to.board, now());
                any = true;
            }
        }
    }
    return any;
}

// Boards that say nothing more of stages that they were to get ready are left out, as if they had refused.
void Conductor::not_ready(Model& model) {
    const auto boards = model.deployment->unready_boards();
    std::string names;
    for (const auto& board : boards)
        names += text(names.empty() ? "'" : ", '", board, "'");
    const std::string why = text("no word of the stages on ", names, " for too long");
    base::log_warning("hub", "'", model.name(), "': ", why);
    if (++model.attempts > kMostAttempts) {
        fail(model, {Code::timeout, why});
        return;
    }
    for (const auto& board : boards) {
        if (const Member* member = parts_.membership.find(board)) model.restrictions.excluded[board] = member->session;
    }
    replan(model, why, false);
}

void Conductor::stage_error(const std::string& board, const wire::StageError& message, std::uint32_t errors) {
    Model* model = parts_.catalogue.find(message.deployment);
    const Member* member = parts_.membership.find(board);
    if (model == nullptr || !model->deployment || member == nullptr) return;
    const bool board_is_to_blame = message.code == Code::device || message.code == Code::network;
    if (board_is_to_blame && errors >= kMostDeviceErrors) {
        const bool is_the_way =
            message.code == Code::network && mark_ways_behind(model->deployment->layout().stages()[message.stage]);
        if (!is_the_way) model->restrictions.excluded[board] = member->session;
        replan(*model, text("board '", board, "' fails: ", message.text), false);
        return;
    }
    parts_.dispatch.pump(*model, now());
}

// Stages that go on taking much longer (or less) than planned: their device's costs are corrected, and the model may
// be better off elsewhere.
void Conductor::watch_pace(Model& model, const std::string& board) {
    if (!model.serves() || !model.deployment->uses(board)) return;
    for (const auto& [seat, factor] : model.deployment->off_pace(board)) {
        base::log_info("hub", "device ", seat.device, " of board '", board, "' takes ", factor,
                       " times as long as planned");
        // Not the scale of now times that: another model's stages there may have said it already.
        parts_.measuring.set_scale(seat, model.deployment->planned_scale(seat) * factor);
        model.considered = ~std::uint64_t{0};
    }
}

// The hub has it compile or measure.
bool Conductor::has_other_work(const std::string& board) const {
    const auto compiles = [&](const std::unique_ptr<Deployment>& deployment) {
        return deployment && deployment->unready_boards().count(board) != 0;
    };
    const auto& models = parts_.catalogue.models();
    return parts_.measuring.busy(board) || std::any_of(models.begin(), models.end(), [&](const auto& entry) {
               return compiles(entry.second.deployment) || compiles(entry.second.next);
           });
}

// How long what the board has been at since `run_since` may last. 0: a long run there is no sign of anything.
double Conductor::hang_limit_s(const std::string& board, TimePoint run_since) const {
    double longest = 0, least = std::chrono::duration<double>(parts_.options.board_timeout).count();
    // It may still be at what nobody waits for any more.
    const auto other = other_work_.find(board);
    if (other != other_work_.end() && run_since <= other->second) least = std::max(least, kOtherWorkS);
    for (const auto& [number, model] : parts_.catalogue.models()) {
        if (!model.deployment || !model.deployment->uses(board)) continue;
        longest = std::max(longest, model.deployment->longest_stage_s(board));
        if (model.deployment->untried(board)) least = std::max(least, kFirstRunS);
    }
    if (longest == 0) return 0;
    return std::max(kHangFactor * longest, least);
}

void Conductor::heartbeat(const std::string& board) {
    const Member* member = parts_.membership.find(board);
    if (member == nullptr || !member->connected()) return;
    for (const auto& counters : member->last.stages) {
        Model* model = parts_.catalogue.find(counters.deployment);
        if (model != nullptr && model->deployment) model->deployment->counters(board, counters);
    }
    each([&](Model& model) { watch_pace(model, board); });
    std::uint32_t oldest_ms = 0;
    for (const auto& load : member->last.devices)
        oldest_ms = std::max(oldest_ms, load.oldest_run_ms);
    if (member->hung) {
        if (oldest_ms != 0) return;
        parts_.membership.set_hung(board, false);
        parts_.event(Event::Kind::board_joined, board, "its device works again");
        return;
    }
    if (has_other_work(board)) other_work_[board] = now();
    const double limit_s = hang_limit_s(board, now() - std::chrono::milliseconds(oldest_ms));
    if (limit_s == 0 || oldest_ms < limit_s * 1e3) return;
    const std::string why = text("a device of it has been busy with one run for ", oldest_ms, " ms");
    parts_.membership.set_hung(board, true);
    parts_.event(Event::Kind::board_lost, board, why);
    board_lost(board, why);
}

}  // namespace shoal::hub
