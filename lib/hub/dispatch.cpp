#include "hub/dispatch.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace shoal::hub {

using base::Code;
using base::text;

namespace {

constexpr std::uint32_t kMostAttempts = 8;  // a request that was on so many boards when they were lost is left alone
constexpr std::uint32_t kTurnsTried = 16;   // for a replica with room
constexpr std::chrono::milliseconds kLinkPause{250};  // before what a broken link lost is sent again

// Throws invalid_argument naming the input unless these are what the graph takes.
void check_inputs(const graph::Graph& graph, const std::vector<Tensor>& inputs) {
    if (inputs.size() != graph.inputs.size())
        base::fail(Code::invalid_argument, "the model takes ", graph.inputs.size(), " inputs; the request has ",
                   inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const auto& wanted = graph.type(graph.inputs[i].value);
        if (!(inputs[i].type() == wanted))
            base::fail(Code::invalid_argument, "the input '", graph.inputs[i].name, "' is ", wanted,
                       "; the request has ", inputs[i].type());
    }
}

// Boards know each attempt by a number of its own, so that parts of two attempts are never put together.
constexpr std::uint32_t kAttemptBits = 4;
static_assert(kMostAttempts < 1U << kAttemptBits);
std::uint64_t number_on_boards(const Request& request) {
    return request.number << kAttemptBits | request.attempts;
}

bool any_usable(const Membership& membership) {
    const auto& members = membership.members();
    return std::any_of(members.begin(), members.end(), [](const auto& entry) { return entry.second.usable(); });
}

std::uint32_t remaining_ms(TimePoint deadline, TimePoint now) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now).count();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 1, wire::kMaxRemainingMs));
}

}  // namespace

Dispatch::Dispatch(const HubLimits& limits, Catalogue& catalogue, const Membership& membership, Outbox& outbox)
    : catalogue_(catalogue), membership_(membership), outbox_(outbox), requests_(limits) {}

void Dispatch::refuse(PeerId client, std::uint64_t client_number, const base::Error& error) {
    tell(outbox_, client, wire::RequestFailed{client_number, error.code(), error.what()});
}

void Dispatch::submit(PeerId client, wire::Submit message, TimePoint now) {
    Model* model = catalogue_.find(message.model);
    const std::uint64_t client_number = message.request;
    if (requests_.find(client, client_number) != nullptr) return;  // it came twice
    if (model == nullptr || model->users.count(client) == 0) {
        refuse(client, client_number, {Code::not_found, text("this client has no model ", message.model, " open")});
        return;
    }
    try {
        check_inputs(*model->spec.graphs[0].graph, message.inputs);
        if (model->phase == Phase::failed) throw base::Error(*model->failure);
        Request* request = requests_.add(client, std::move(message), now);
        if (request == nullptr) return;
        model->last_used = now;
        model->queue.push_back(request->number);
    } catch (const base::Error& error) {
        ++model->failed;
        refuse(client, client_number, error);
        return;
    }
    pump(*model, now);
}

// The next turn whose stages all have room. Where nothing is replicated every turn is the same.
std::optional<Dealt> Dispatch::next_dealt(Model& model) const {
    const Deployment& deployment = *model.deployment;
    if (!deployment.any_room()) return std::nullopt;
    const std::uint32_t tried = deployment.layout().fed_stages().size() > 1 ? kTurnsTried : 1;
    for (std::uint32_t i = 0; i < tried; ++i) {
        Dealt dealt = deployment.layout().deal(model.next_turn + i);
        if (!deployment.has_room(dealt)) continue;
        model.next_turn += i + 1;
        return dealt;
    }
    return std::nullopt;
}

void Dispatch::pump(Model& model, TimePoint now) {
    while (model.serves() && !model.queue.empty() && now >= model.held_until) {
        Request* request = requests_.find(model.queue.front());
        if (request == nullptr) {
            model.queue.pop_front();
            continue;
        }
        if (request->attempts >= kMostAttempts) {
            fail(*request, Code::unavailable, text("boards were lost ", request->attempts, " times under this request"),
                 false);
            continue;
        }
        auto dealt = next_dealt(model);
        if (!dealt) return;
        model.queue.pop_front();
        send(model, *request, std::move(*dealt), now);
    }
}

void Dispatch::send(Model& model, Request& request, Dealt dealt, TimePoint now) {
    Deployment& deployment = *model.deployment;
    deployment.take_room(dealt);
    request.in_flight = true;
    request.sent = now;
    ++request.attempts;
    request.results.clear();
    request.dealt = std::move(dealt);
    model.in_flight.insert(request.number);
    if (request.attempts > 1) ++model.repeated;
    try {
        for (const Feed& feed : request.dealt.feeds) {
            wire::Activation message;
            message.deployment = deployment.number();
            message.request = number_on_boards(request);
            message.epoch = deployment.epoch();
            message.stage = feed.stage;
            message.turn = feed.turn;
            message.remaining_ms = remaining_ms(request.deadline, now);
            for (const FeedPart& part : feed.parts)
                message.parts.push_back({part.port, part.source, take(request.inputs[part.input], part.part)});
            // When the board is not there any more, its loss is about to be known and the request is sent again.
            tell(outbox_, membership_.peer_of(deployment.layout().stages()[feed.stage].board), message);
        }
        if (request.dealt.awaited.empty()) answer(model, request, now);
    } catch (const base::Error& error) {
        fail(request, error.code(), error.what(), true);
    }
}

bool Dispatch::result(const std::string& board, const wire::Result& message, TimePoint now) {
    Model* model = catalogue_.find(message.deployment);
    if (model == nullptr || !model->deployment || !model->deployment->owns(board, message.epoch, message.stage))
        return false;
    Request* request = requests_.find(message.request >> kAttemptBits);
    if (request == nullptr || request->model != model->number || !request->in_flight) return false;
    if (number_on_boards(*request) != message.request) return false;  // of an attempt before
    const auto& graph = model->deployment->layout().stages()[message.stage].deploy.graph;
    const auto& awaited = request->dealt.awaited;
    for (const auto& part : message.parts) {
        const StagePort port{message.stage, part.port};
        if (!std::binary_search(awaited.begin(), awaited.end(), port) || part.port >= graph.outputs.size())
            return false;
        if (!(graph.type(graph.outputs[part.port].value) == part.tensor.type())) return false;
    }
    for (const auto& part : message.parts)
        request->results.emplace(StagePort{message.stage, part.port}, part.tensor);
    if (request->results.size() == awaited.size()) answer(*model, *request, now);
    return true;
}

void Dispatch::answer(Model& model, Request& request, TimePoint now) {
    wire::Answer out;
    out.request = request.client_number;
    out.queued_ms = base::to_ms(request.sent - request.received);
    out.ran_ms = base::to_ms(now - request.sent);
    out.attempts = request.attempts;
    try {
        const auto result = [&](const StagePort& port) -> const Tensor& {
            const auto at = request.results.find(port);
            base::ensure(at != request.results.end(), "no result of stage ", port.stage, " for output ", port.port);
            return at->second;
        };
        // What only passes through every stage (no kernels at all) comes back like anything else.
        out.outputs = assemble(request.dealt.answer, result);
        outbox_.send(request.client, encode(out));
    } catch (const base::Error& error) {
        fail(request, error.code(), error.what(), true);
        return;
    }
    for (const auto stage : request.dealt.stages)  // those within a pipeline say nothing of their own
        model.deployment->succeeded(stage);
    ++model.answered;
    model.last_used = now;
    model.times.add(now, base::to_ms(now - request.received));
    end(request, false);
}

std::uint32_t Dispatch::stage_error(const std::string& board, const wire::StageError& message, TimePoint now) {
    Model* model = catalogue_.find(message.deployment);
    if (model == nullptr || !model->deployment || !model->deployment->owns(board, message.epoch, message.stage))
        return 0;
    Request* request = requests_.find(message.request >> kAttemptBits);
    if (request == nullptr || request->model != model->number || !request->in_flight) return 0;
    if (number_on_boards(*request) != message.request) return 0;
    if (message.code == Code::network) {
        tell_cancelled(*model, *request);
        take_back(*model, *request);
        // All that were on their way tell the same at once; they count as one.
        if (now < model->held_until) return 1;
        model->held_until = now + kLinkPause;
        return model->deployment->failed(message.stage);
    }
    fail(*request, message.code, text("on board '", board, "': ", message.text), true);
    return model->deployment->failed(message.stage);
}

void Dispatch::cancel(PeerId client, std::uint64_t client_number) {
    Request* request = requests_.find(client, client_number);
    if (request != nullptr) fail(*request, Code::cancelled, "the client took the request back", true);
}

void Dispatch::client_gone(PeerId client) {
    for (const auto number : requests_.of(client))
        end(*requests_.find(number), true);
    requests_.client_gone(client);
}

void Dispatch::client_closed(PeerId client, std::uint64_t model) {
    for (const auto number : requests_.of(client)) {
        Request* request = requests_.find(number);
        if (request->model == model) fail(*request, Code::cancelled, "the client closed the model", true);
    }
}

void Dispatch::expire(TimePoint now) {
    for (const auto number : requests_.expired(now)) {
        Request* request = requests_.find(number);
        if (request == nullptr) continue;
        const Model* model = catalogue_.find(request->model);
        std::string where = request->in_flight ? "it was on the boards" : "it was in the hub's queue";
        if (model != nullptr && !request->in_flight && !model->serves())
            where = any_usable(membership_) ? "its model was being planned again" : "no board is left for its model";
        fail(*request, Code::timeout,
             text("no answer within ", base::to_ms(request->deadline - request->received), " ms; ", where), true);
    }
}

void Dispatch::take_back(Model& model) {
    const std::vector<std::uint64_t> flying(model.in_flight.rbegin(), model.in_flight.rend());
    for (const auto number : flying) {
        if (Request* request = requests_.find(number)) take_back(model, *request);
    }
    model.in_flight.clear();
    model.held_until = {};
}

void Dispatch::take_back(Model& model, Request& request) {
    request.in_flight = false;
    request.results.clear();
    model.in_flight.erase(request.number);
    model.queue.push_front(request.number);
}

void Dispatch::tell_cancelled(const Model& model, const Request& request) {
    if (!request.in_flight || !model.deployment) return;
    std::set<std::string> boards;
    for (const auto stage : request.dealt.stages)
        boards.insert(model.deployment->layout().stages()[stage].board);
    for (const auto& board : boards)
        tell(outbox_, membership_.peer_of(board), wire::Cancel{model.number, number_on_boards(request)});
}

void Dispatch::fail_all(Model& model, const base::Error& error) {
    const std::vector<std::uint64_t> queued(model.queue.begin(), model.queue.end());
    for (const auto number : queued) {
        if (Request* request = requests_.find(number)) fail(*request, error.code(), error.what(), false);
    }
    const std::vector<std::uint64_t> flying(model.in_flight.begin(), model.in_flight.end());
    for (const auto number : flying) {
        if (Request* request = requests_.find(number)) fail(*request, error.code(), error.what(), true);
    }
}

void Dispatch::fail(Request& request, Code code, const std::string& why, bool boards_too) {
    tell(outbox_, request.client, wire::RequestFailed{request.client_number, code, why});
    if (Model* model = catalogue_.find(request.model)) ++model->failed;
    end(request, boards_too);
}

void Dispatch::end(Request& request, bool boards_too) {
    if (Model* model = catalogue_.find(request.model)) {
        if (boards_too) tell_cancelled(*model, request);
        model->in_flight.erase(request.number);
        model->queue.erase(std::remove(model->queue.begin(), model->queue.end(), request.number), model->queue.end());
    }
    requests_.finish(request.number);
}

}  // namespace shoal::hub
