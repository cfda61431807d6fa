// The part of the conversation that is about models: opening, opening again, weights, plans.
#include <algorithm>

#include "client/conversation.hpp"
#include "client/tell.hpp"

namespace shoal::client {

using base::Code;
using base::Error;
using base::TimePoint;

namespace {

constexpr std::chrono::milliseconds kAskAgain{500};  // between attempts to open a model again

// Asking again does not help, whoever comes or goes.
bool is_final(Code code) {
    return static_cast<int>(code) < static_cast<int>(Code::io) && code != Code::does_not_fit;
}

TimePoint deadline_of(const OpenOptions& options, TimePoint now) {
    const auto out = now + std::min<base::Duration>(options.timeout, base::kLongestWait);
    return options.deadline ? std::min(out, *options.deadline) : out;
}

}  // namespace

void Conversation::open(OpenCall call, TimePoint now) {
    const auto id = next_model_++;
    for (const auto& model : call.models)
        weights_.add(model.graph);
    Model& model = models_[id];
    model.deadline = deadline_of(call.options, now);
    model.call = std::move(call);
    if (up_) ask_to_open(id, now);
}

void Conversation::cancel_opening(std::uint64_t ticket) {
    const auto at = std::find_if(models_.begin(), models_.end(), [&](const auto& entry) {
        return entry.second.waiting && entry.second.call.ticket == ticket;
    });
    if (at != models_.end()) finish_opening(at->first, Error(Code::cancelled, "opening the model was taken back"));
}

void Conversation::ask_to_open(std::uint64_t id, TimePoint now) {
    Model& model = models_.at(id);
    wire::OpenModel out;
    out.task = model.task = next_task_++;
    out.models = model.call.models;
    out.objective = model.call.options.objective;
    out.merge = model.call.options.merge;
    out.weights = model.call.options.weights;
    out.max_in_flight = model.call.options.max_in_flight;
    out.plan_only = model.call.plan_only;
    if (const auto mode = model.call.options.mode; mode != plan::Mode::best)
        out.settings.push_back({"plan.mode", std::string(plan::name(mode))});
    try {
        if (!say(wire::encode(out))) model.task = 0, model.ask_at = now + kAskAgain;
    } catch (const Error& error) {
        model.task = 0;
        model.ask_at = now + kAskAgain;
        model.trouble = error;
        if (model.waiting) finish_opening(id, error);
    }
}

void Conversation::finish_opening(std::uint64_t id, OpenResult result) {
    Model& model = models_.at(id);
    const auto done = std::exchange(model.call.done, nullptr);
    model.waiting = false;
    if (!std::holds_alternative<std::uint64_t>(result)) drop_model(id);
    tell(done, std::move(result));
}

void Conversation::drop_model(std::uint64_t id) {
    const auto at = models_.find(id);
    if (at == models_.end()) return;
    for (const auto& model : at->second.call.models)
        weights_.remove(model.graph);
    models_.erase(at);
}

void Conversation::close(std::uint64_t id) {
    const auto at = models_.find(id);
    if (at == models_.end()) return;
    if (up_ && at->second.at_hub != 0) (void)say(wire::encode(wire::CloseModel{at->second.at_hub}));
    for (const auto ticket : submissions_.of_model(id))
        fail_request(ticket, Error(Code::cancelled, "the model was closed"));
    drop_model(id);
}

std::map<std::uint64_t, Conversation::Model>::iterator Conversation::model_of_task(std::uint64_t task) {
    return std::find_if(models_.begin(), models_.end(),
                        [&](const auto& entry) { return task != 0 && entry.second.task == task; });
}

Conversation::Model* Conversation::model_at_hub(std::uint64_t number) {
    const auto at = std::find_if(models_.begin(), models_.end(),
                                 [&](const auto& entry) { return number != 0 && entry.second.at_hub == number; });
    return at == models_.end() ? nullptr : &at->second;
}

void Conversation::hear(const wire::Refused& message, TimePoint now) {
    const Error error(message.code, message.text);
    if (message.subject == 0) {
        lose(now, message.text);
        trouble_ = message.text;
        joined_(error);
        return;
    }
    const auto at = model_of_task(message.subject);
    if (at == models_.end()) return;
    Model& model = at->second;
    model.task = 0;
    model.ask_at = now + kAskAgain;
    model.trouble = error;
    if (model.waiting) return finish_opening(at->first, error);
    if (!is_final(error.code())) return;
    for (const auto ticket : submissions_.of_model(at->first))
        fail_request(ticket, error);
}

void Conversation::hear(const wire::BlobRequest& message, TimePoint now) {
    weights_.ask(message);
    (void)tick(now);
}

void Conversation::hear(const wire::OpenProgress& message, TimePoint now) {
    const auto at = model_of_task(message.task);
    if (at == models_.end() || !at->second.waiting) return;
    Model& model = at->second;
    if (message.phase != model.phase || message.done != model.phase_done) {
        model.phase = message.phase;
        model.phase_done = message.done;
        model.deadline = deadline_of(model.call.options, now);
    }
    tell(model.call.options.on_progress, Progress{message.phase, message.done, message.total});
}

void Conversation::hear(const wire::Planned& message, TimePoint) {
    const auto at = model_of_task(message.task);
    if (at != models_.end() && at->second.call.plan_only) finish_opening(at->first, message);
}

void Conversation::hear(const wire::Opened& message, TimePoint now) {
    const auto at = model_of_task(message.task);
    if (at == models_.end() || at->second.call.plan_only) {
        (void)say(wire::encode(wire::CloseModel{message.model}));  // nobody waits for it any more
        return;
    }
    const auto id = at->first;
    Model& model = at->second;
    model.task = 0;
    model.at_hub = message.model;
    model.trouble.reset();
    model.call.view->set(message.plan, message.boards);
    const auto most = model.call.options.max_in_flight;
    model.call.view->set_max_in_flight(most == 0 ? message.max_in_flight : std::min(most, message.max_in_flight));
    if (model.waiting) finish_opening(id, id);
    (void)send_waiting(id, now);
}

void Conversation::hear(const wire::Replanned& message, TimePoint) {
    if (Model* model = model_at_hub(message.model)) {
        model->trouble.reset();
        model->call.view->set(message.plan, message.boards);
    }
}

void Conversation::hear(const wire::ModelFailed& message, TimePoint) {
    if (Model* model = model_at_hub(message.model)) model->trouble = Error(message.code, message.text);
}

}  // namespace shoal::client
