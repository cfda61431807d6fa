#include "client/conversation.hpp"

#include <algorithm>
#include <chrono>

#include "base/log.hpp"
#include "client/tell.hpp"

namespace shoal::client {

using base::Code;
using base::Error;
using base::TimePoint;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kRepeatBusy{20};   // before a repeated request that found the hub full
constexpr milliseconds kLookAtUnsent{2};  // while weights wait for the network

wire::RemainingMs remaining_ms(TimePoint deadline, TimePoint now) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - now).count();
    return static_cast<wire::RemainingMs>(std::clamp<std::int64_t>(left, 1, wire::kMaxRemainingMs));
}

}  // namespace

Conversation::Conversation(const ClientOptions& options, std::string software, Line& line, Joined joined)
    : options_(options), software_(std::move(software)), line_(line), joined_(std::move(joined)) {}

bool Conversation::say(wire::Frames frames) {
    return line_.send(std::move(frames));
}

// --- The hub comes and goes ------------------------------------------------------------------------------------------

void Conversation::connected(TimePoint) {
    (void)say(wire::encode(wire::ClientHello{options_.name, software_}));
}

void Conversation::disconnected(TimePoint now, const std::string& why) {
    lose(now, why.empty() ? "the connection broke" : why);
}

void Conversation::refused(const std::string& why) {
    trouble_ = why;
    joined_(Error(Code::refused, base::text("the hub at ", options_.hub_endpoint, " does not let us in: ", why)));
}

void Conversation::lose(TimePoint now, const std::string& why) {
    trouble_ = why;
    if (!up_) return;
    up_ = false;
    base::log_warning("client", "lost the hub at ", options_.hub_endpoint, ": ", why);
    weights_.forget_asked();
    for (auto& [id, model] : models_) {
        model.task = model.at_hub = 0;
        model.ask_at = {};
    }
    for (const auto ticket : submissions_.sent()) {
        if (options_.retry)
            submissions_.take_back(ticket, {});
        else
            fail_request(ticket, Error(Code::network, base::text("the hub was lost before it answered: ", why)));
    }
    (void)tick(now);
}

void Conversation::hear(const wire::Welcome& message, TimePoint now) {
    up_ = true;
    trouble_.clear();
    joined_(message);
    for (const auto& [id, model] : std::map(models_))
        ask_to_open(id, now);
    if (!status_calls_.empty()) (void)say(wire::encode(wire::StatusRequest{}));
}

void Conversation::hear(const wire::Goodbye& message, TimePoint now) {
    lose(now, message.reason.empty() ? "it left" : base::text("it left: ", message.reason));
}

void Conversation::message(const wire::Frames& frames, TimePoint now) {
    try {
        auto heard = wire::decode_client_from_hub(frames);
        const bool greeting = std::holds_alternative<wire::Welcome>(heard) ||
                              std::holds_alternative<wire::Refused>(heard) ||
                              std::holds_alternative<wire::Goodbye>(heard);
        if (up_ || greeting) std::visit([&](auto& own) { hear(own, now); }, heard);
    } catch (const Error& error) {
        if (error.code() == Code::refused && !up_)
            refused(error.what());
        else
            base::log_warning("client", "a message of the hub was dropped: ", error.what());
    }
}

// --- Requests --------------------------------------------------------------------------------------------------------

void Conversation::submit(Submission submission, TimePoint now) {
    const auto model = submission.model, ticket = submission.ticket;
    submissions_.add(std::move(submission));
    if (!models_.contains(model)) return fail_request(ticket, Error(Code::cancelled, "the model was closed"));
    (void)send_waiting(model, now);
}

bool Conversation::send_waiting(std::uint64_t id, TimePoint now) {
    const auto at = models_.find(id);
    if (!up_ || at == models_.end() || at->second.at_hub == 0) return true;
    const auto most = at->second.call.options.max_in_flight;
    const auto full = [&] { return most != 0 && submissions_.sent_of(id) >= most; };
    if (full()) return true;  // an answer makes room
    for (const auto ticket : submissions_.waiting(id, now)) {
        if (full()) return true;
        if (line_.unsent_bytes() >= Weights::kUnsentBytes) return false;
        const Submission& own = submissions_.at(ticket);
        if (own.deadline <= now) continue;  // tick() answers it
        const auto number = next_number_++;
        try {
            if (!say(
                    wire::encode(wire::Submit{at->second.at_hub, number, remaining_ms(own.deadline, now), own.inputs})))
                return false;
            submissions_.mark_sent(ticket, number);
        } catch (const Error& error) {
            fail_request(ticket, error);
        }
    }
    return true;
}

void Conversation::answer(std::uint64_t ticket, Reply reply) {
    const Submission own = submissions_.take(ticket);
    tell(own.done, std::move(reply));
}

void Conversation::fail_request(std::uint64_t ticket, Error error) {
    Reply reply;
    reply.error = std::move(error);
    reply.attempts = std::max<std::uint32_t>(submissions_.at(ticket).sent, 1);
    answer(ticket, std::move(reply));
}

void Conversation::cancel(std::uint64_t ticket) {
    if (!submissions_.has(ticket)) return;
    const auto number = submissions_.at(ticket).number;
    if (up_ && number != 0) (void)say(wire::encode(wire::CancelRequest{number}));
    fail_request(ticket, Error(Code::cancelled, "the request was taken back"));
}

void Conversation::hear(wire::Answer& message, TimePoint) {
    const auto ticket = submissions_.ticket_of(message.request);
    if (!ticket) return;
    const Submission& own = submissions_.at(*ticket);
    const auto& models = models_.at(own.model).call.models;
    const auto& graph = models.at(0).graph;
    bool fits = message.outputs.size() == graph.outputs.size();
    for (std::size_t i = 0; fits && models.size() == 1 && i < message.outputs.size(); ++i)
        fits = message.outputs[i].type() == graph.type(graph.outputs[i].value);
    if (!fits) return fail_request(*ticket, Error(Code::network, "the hub's answer has other outputs than the model"));
    answer(*ticket,
           {std::move(message.outputs), {}, message.queued_ms, message.ran_ms, std::max(message.attempts, own.sent)});
}

void Conversation::hear(const wire::RequestFailed& message, TimePoint now) {
    const auto ticket = submissions_.ticket_of(message.request);
    if (!ticket) return;
    // Whoever asked once must not hear that the hub is full because its return had everybody ask again.
    const bool repeated = submissions_.at(*ticket).sent > 1;
    if (message.code == Code::busy && repeated) return submissions_.take_back(*ticket, now + kRepeatBusy);
    fail_request(*ticket, Error(message.code, message.text));
}

Error Conversation::late(const Submission& submission) const {
    if (!up_)
        return Error(Code::timeout, base::text("the deadline passed while the hub at ", options_.hub_endpoint,
                                               " was away", trouble_.empty() ? "" : ": ", trouble_));
    const auto at = models_.find(submission.model);
    if (at != models_.end() && at->second.trouble)
        return Error(at->second.trouble->code(),
                     base::text("the deadline passed before the model could run: ", at->second.trouble->what()));
    return Error(Code::timeout, "the deadline passed before the hub answered");
}

// --- Status, time, end -----------------------------------------------------------------------------------------------

void Conversation::status(StatusCall call, TimePoint) {
    status_calls_.push_back(std::move(call));
    if (up_) (void)say(wire::encode(wire::StatusRequest{}));
}

void Conversation::hear(const wire::Status& message, TimePoint) {
    for (const auto& waiting : std::exchange(status_calls_, {}))
        tell(waiting.done, message);
}

TimePoint Conversation::tick(TimePoint now) {
    for (const auto ticket : submissions_.expired(now)) {
        const Submission& own = submissions_.at(ticket);
        const Error error = late(own);
        if (up_ && own.number != 0) (void)say(wire::encode(wire::CancelRequest{own.number}));
        fail_request(ticket, error);
    }
    std::vector<std::uint64_t> late_models;
    TimePoint next = now + base::kLongestWait;
    for (const auto& [id, model] : models_) {
        if (model.waiting && model.deadline <= now) late_models.push_back(id);
        if (model.waiting) next = std::min(next, std::max(model.deadline, now));
    }
    for (const auto id : late_models)
        finish_opening(
            id, Error(Code::timeout, base::text("the hub at ", options_.hub_endpoint, " did not open the model in time",
                                                trouble_.empty() ? "" : ": ", trouble_)));
    for (std::size_t i = 0; i < status_calls_.size();) {
        next = std::min(next, std::max(status_calls_[i].deadline, now));
        if (status_calls_[i].deadline > now) {
            ++i;
            continue;
        }
        const auto done = std::move(status_calls_[i].done);
        status_calls_.erase(status_calls_.begin() + static_cast<std::ptrdiff_t>(i));
        tell(done, Error(Code::timeout, base::text("no answer from the hub at ", options_.hub_endpoint)));
    }
    if (up_) {
        std::vector<std::uint64_t> due;
        for (const auto& [id, model] : models_) {
            if (model.at_hub == 0 && model.task == 0) {
                if (model.ask_at <= now) due.push_back(id);
                next = std::min(next, std::max(model.ask_at, now));
            }
        }
        for (const auto id : due)
            ask_to_open(id, now);
        bool held_up = false;
        for (const auto& [id, model] : models_)
            held_up |= !send_waiting(id, now);
        while (weights_.asked() && line_.unsent_bytes() < Weights::kUnsentBytes) {
            if (!say(weights_.next())) break;
        }
        if (weights_.asked() || held_up) next = std::min(next, now + kLookAtUnsent);
    }
    if (const auto when = submissions_.next(now); when && (*when > now)) next = std::min(next, *when);
    return next;
}

void Conversation::stop() {
    const Error error(Code::cancelled, "the client ends");
    for (const auto ticket : submissions_.all())
        fail_request(ticket, error);
    while (!models_.empty()) {
        const auto id = models_.begin()->first;
        if (models_.begin()->second.waiting)
            finish_opening(id, error);
        else
            drop_model(id);
    }
    for (const auto& waiting : std::exchange(status_calls_, {}))
        tell(waiting.done, error);
    if (up_) (void)say(wire::encode(wire::Goodbye{"the client ends"}));
    up_ = false;
}

}  // namespace shoal::client
