// A model's way from being asked for to serving.
#include <algorithm>
#include <cmath>

#include "base/log.hpp"
#include "base/units.hpp"
#include "hub/conductor.hpp"
#include "plan/planner.hpp"
#include "plan/predict.hpp"
#include "wire/status.hpp"

namespace shoal::hub {

using base::Code;
using base::text;

namespace {

constexpr std::chrono::seconds kBoardPatience{2};     // for a first board: it may be joining just now
constexpr std::chrono::seconds kLinkPatience{30};     // for links, before they are guessed
constexpr std::chrono::seconds kDeployPatience{120};  // without any word of a stage that is on its way

}  // namespace

void Conductor::enter(Model& model, Phase phase) {
    model.phase = phase;
    model.phase_since = now();
}

void Conductor::refuse(const Opener& opener, const base::Error& error) {
    tell(parts_.outbox, opener.client, wire::Refused{opener.task, error.code(), error.what()});
}

void Conductor::tell_progress(Model& model, const std::string& phase, std::uint64_t done, std::uint64_t total) {
    const std::string what = text(phase, ' ', done, ' ', total);
    for (Opener& opener : model.openers) {
        if (opener.told == what) continue;
        opener.told = what;
        tell(parts_.outbox, opener.client, wire::OpenProgress{opener.task, phase, done, total});
    }
}

void Conductor::advance(Model& model) {
    switch (model.phase) {
        case Phase::weights: gather_weights(model); return;
        case Phase::measuring: measure(model); return;
        case Phase::planning: tell_progress(model, "planning", 0, 1); return;
        case Phase::deploying:
            if (model.deployment->ready()) {
                serve(model);
                return;
            }
            tell_progress(model, "deploying", model.deployment->ready_stages(), model.deployment->stages().size());
            if (now() - model.deployment->progressed() > kDeployPatience) not_ready(model);
            return;
        case Phase::serving:
            if (model.next) {
                move(model);
                return;
            }
            if (model.considered != parts_.membership.version() && model.wanted()) improve(model);
            return;
        case Phase::failed:
            if (model.considered != parts_.membership.version() && model.wanted()) enter(model, Phase::measuring);
            return;
    }
}

void Conductor::gather_weights(Model& model) {
    const auto state = parts_.intake.state(model.number);
    if (state.complete) {
        enter(model, Phase::measuring);
        measure(model);
        return;
    }
    if (!state.error) {
        tell_progress(model, "weights", state.done, state.total);
        return;
    }
    // Whoever was to send them is gone or wants the model no more: another client that wants it has them too.
    const auto is_sender = [&](const Opener& opener) { return opener.client == state.client; };
    if (!state.sender_to_blame || std::all_of(model.openers.begin(), model.openers.end(), is_sender)) {
        fail(model, *state.error);
        return;
    }
    for (const Opener& opener : model.openers) {
        if (is_sender(opener)) refuse(opener, *state.error);
    }
    std::erase_if(model.openers, is_sender);
    parts_.intake.want(model.number, model.openers.front().client, model.blobs);
}

// Everything is known that a plan should be made from.
bool Conductor::measured(Model& model) {
    if (now() - parts_.membership.last_join() < parts_.options.settle) return false;
    if (!parts_.links.idle() && now() - model.phase_since < kLinkPatience) return false;
    return parts_.measuring.settle(model.spec.graphs, now());
}

void Conductor::measure(Model& model) {
    const auto& members = parts_.membership.members();
    if (std::none_of(members.begin(), members.end(), [](const auto& member) { return member.second.usable(); })) {
        if (model.has_served || now() - std::max(started_, model.phase_since) < kBoardPatience) return;
        model.considered = parts_.membership.version();
        fail(model,
             {Code::unavailable, text("no board is connected to this hub; start one with 'shoal node --hub THIS_HUB'",
                                      not_counted(model.number))});
        return;
    }
    const auto [done, total] = parts_.measuring.progress(model.spec.graphs);
    tell_progress(model, "measuring", done, total);
    if (measured(model)) plan(model);
}

void Conductor::plan(Model& model) {
    const auto& members = parts_.membership.members();
    const bool any =
        std::any_of(members.begin(), members.end(), [](const auto& entry) { return entry.second.usable(); });
    if (!any && !model.plan_only) {  // requests wait for a board, until their deadlines
        model.improving = false;
        enter(model, Phase::measuring);
        for (const auto& [client, count] : model.users)
            tell(parts_.outbox, client,
                 wire::ModelFailed{model.number, Code::unavailable, "no board is left; waiting for one to join"});
        return;
    }
    if (!model.improving) enter(model, Phase::planning);
    model.considered = parts_.membership.version();
    auto job = std::make_shared<Job>();
    job->model = model.number;
    job->number = model.job = next_job_++;
    job->view =
        view_of(parts_.membership, parts_.links, parts_.catalogue.taken_by_others(model.number), model.restrictions);
    if (model.improving) job->current = renumbered(model.deployment->plan(), model.deployment->view(), job->view);
    if (job->view.places.empty()) {
        job->error = base::Error(Code::does_not_fit, "no board has memory left for the model");
        planned(*job);
        return;
    }
    try {
        job->problem = problem_of(model.spec, job->view, parts_.measuring);
    } catch (const base::Error& error) {
        job->error = error;
        planned(*job);
        return;
    }
    parts_.worker.run(
        [this, job]() -> Worker::Done {
            try {
                job->plan = plan::make_plan(job->problem);
                if (job->current)
                    job->current->prediction =
                        plan::predict(job->problem, plan::make_chains(job->problem), *job->current);
            } catch (const base::Error& error) {
                job->error = error;
            } catch (const std::exception& error) {
                job->error = base::Error(Code::internal, text("planning failed: ", error.what()));
            }
            return [this, job] { planned(*job); };
        },
        model.has_served && !model.improving);
}

void Conductor::planned(Job& job) {
    const Model* model = parts_.catalogue.find(job.model);
    if (model == nullptr || model->job != job.number) return;
    guarded(job.model, [&](Model& own) { take_plan(own, job); });
}

// Memory that a plan could not have, and boards: without them its figures puzzle whoever knows the boards.
std::string Conductor::not_counted(std::uint64_t model) const {
    std::uint64_t held = 0;
    for (const auto& [seat, bytes] : parts_.catalogue.taken_by_others(model)) {
        const auto* member = parts_.membership.find(seat.board);
        held += member != nullptr && member->usable() ? bytes : 0;
    }
    std::string others, away;
    for (const auto& [number, other] : parts_.catalogue.models()) {
        if (number != model && other.deployment) others += text(others.empty() ? "'" : ", '", other.name(), "'");
    }
    for (const auto& [name, member] : parts_.membership.members()) {
        if (!member.usable())
            away +=
                text(away.empty() ? "" : ", ", name, " (", member.hung ? "it hangs" : wire::name(member.state), ")");
    }
    return (held > 0 ? text("; other open models (", others, ") hold ", base::format_bytes(held), " beside that")
                     : "") +
           (away.empty() ? "" : "; boards that are not there: " + away);
}

void Conductor::take_plan(Model& model, Job& job) {
    model.job = 0;
    if (model.improving) {
        consider(model, job);
        return;
    }
    if (job.error && model.considered != parts_.membership.version()) {
        enter(model, Phase::measuring);  // a board joined meanwhile: it may be just what was missing
        return;
    }
    if (job.error) {
        const bool for_room = job.error->code() == Code::does_not_fit || job.error->code() == Code::unavailable;
        Model* idle = for_room && !model.plan_only ? parts_.catalogue.longest_idle(model.number) : nullptr;
        if (idle == nullptr) {
            const auto why = for_room ? not_counted(model.number) : "";
            fail(model, base::Error(job.error->code(), job.error->what() + why));
            return;
        }
        base::log_info("hub", "'", idle->name(), "' makes room for '", model.name(), "'");
        drop(*idle);
        plan(model);
        return;
    }
    if (model.plan_only) {
        answer_plan(model, job);
        return;
    }
    if (!job.view.holds(*job.plan, parts_.membership) || !fits_now(model, *job.plan, job.view)) {
        plan(model);
        return;
    }
    deploy(model, std::move(*job.plan), std::move(job.view));
}

void Conductor::answer_plan(Model& model, const Job& job) {
    for (const Opener& opener : model.openers)
        tell(parts_.outbox, opener.client, wire::Planned{opener.task, *job.plan, job.view.cluster});
    drop(model);
}

// The next epoch, on its way to its boards. Throws what the layout throws.
std::unique_ptr<Deployment> Conductor::sent(Model& model, plan::Plan plan, ClusterView view) {
    auto out = std::make_unique<Deployment>(model.number, ++model.epoch, std::move(plan), std::move(view), model.spec);
    for (const auto& board : out->boards())
        model.holders.insert(board);
    // Should a board have left this very moment, its loss is about to be known and counts as any other.
    (void)out->send(parts_.outbox, parts_.membership, now());
    return out;
}

void Conductor::deploy(Model& model, plan::Plan plan, ClusterView view) {
    const auto before = model.holders;  // who has the old epoch
    const std::string words = in_words(plan, view);
    try {
        model.deployment = sent(model, std::move(plan), std::move(view));
    } catch (const base::Error& error) {
        fail(model, error);
        return;
    }
    undeploy(model, model.epoch - 1, before);
    enter(model, Phase::deploying);
    if (model.has_served)
        parts_.event(Event::Kind::replanned, model.name(), text(model.reason, ": ", words));
    else
        parts_.event(Event::Kind::planned, model.name(), words);
}

// Everybody who waits for the model, or has it, learns where it runs.
void Conductor::serve(Model& model) {
    const Deployment& deployment = *model.deployment;
    const bool again = model.phase != Phase::serving;
    enter(model, Phase::serving);
    const auto names = board_names(deployment.view());
    if (again) {
        model.attempts = 0;
        model.holders = deployment.boards();
        for (const auto& [client, count] : model.users)
            tell(parts_.outbox, client,
                 wire::Replanned{model.number, deployment.epoch(), model.reason, deployment.plan(), names});
        if (model.has_served)
            parts_.event(
                Event::Kind::replanned, model.name(),
                text(model.reason, ": done after ", std::lround(base::to_ms(now() - model.replan_since)), " ms"));
        model.has_served = true;
        prepare_failover(model);
    }
    for (const Opener& opener : model.openers) {
        ++model.users[opener.client];
        tell(parts_.outbox, opener.client,
             wire::Opened{opener.task, model.number, deployment.natural_flight(), deployment.plan(), names});
    }
    model.openers.clear();
    parts_.dispatch.pump(model, now());
}

}  // namespace shoal::hub
