#include "hub/conductor.hpp"

#include <iomanip>
#include <sstream>

#include "base/log.hpp"

namespace shoal::hub {

using base::Code;
using base::text;

namespace {

constexpr std::size_t kMostOpeners = 256;  // of one model, who wait at a time

}  // namespace

Conductor::Conductor(Parts parts) : parts_(std::move(parts)), started_(parts_.clock.now()) {}

void Conductor::each(const std::function<void(Model&)>& what) {
    std::vector<std::uint64_t> numbers;  // models come and go meanwhile
    for (const auto& [number, model] : parts_.catalogue.models())
        numbers.push_back(number);
    for (const auto number : numbers)
        guarded(number, what);
}

void Conductor::guarded(std::uint64_t number, const std::function<void(Model&)>& what) {
    Model* model = parts_.catalogue.find(number);
    if (model == nullptr) return;
    try {
        what(*model);
    } catch (const base::Error& error) {
        base::log_warning("hub", "model ", number, " fails: ", error.what());
        Model* still = parts_.catalogue.find(number);
        if (still != nullptr) fail(*still, error);
    }
}

void Conductor::tick() {
    each([this](Model& model) { advance(model); });
    each([this](Model& model) { parts_.dispatch.pump(model, now()); });
}

void Conductor::open(PeerId client, wire::OpenModel message) {
    const std::uint64_t task = message.task;
    try {
        const bool plan_only = message.plan_only;
        OpenSpec spec = open_spec(std::move(message));
        const std::size_t before = parts_.catalogue.models().size();
        if (before >= parts_.options.limits.models) {
            if (Model* idle = parts_.catalogue.longest_idle(0)) drop(*idle);
        }
        // Who takes an opening back and opens again must not find the old one, which has failed.
        each([&](Model& model) {
            if (model.phase == Phase::weights && parts_.intake.state(model.number).error) gather_weights(model);
        });
        Model& model = parts_.catalogue.enter(std::move(spec), plan_only, now());
        const bool is_new = model.openers.empty() && model.users.empty() && !model.deployment;
        if (is_new && parts_.catalogue.models().size() > parts_.options.limits.models) {
            parts_.catalogue.remove(model.number);
            base::fail(Code::busy, "the hub has ", parts_.options.limits.models, " models open, as many as it may");
        }
        if (model.openers.size() >= kMostOpeners)
            base::fail(Code::busy, model.openers.size(), " requests to open '", model.name(), "' wait already");
        model.openers.push_back({client, task, {}});
        if (model.plan_only)
            enter(model, Phase::measuring);
        else if (is_new)
            parts_.intake.want(model.number, client, model.blobs);
        else if (model.phase == Phase::failed)
            enter(model, Phase::measuring);
        else if (model.serves())
            serve(model);
        if (Model* still = parts_.catalogue.find(model.number)) advance(*still);
    } catch (const base::Error& error) {
        forget_opener(client, task);
        tell(parts_.outbox, client, wire::Refused{task, error.code(), error.what()});
    }
}

void Conductor::forget_opener(PeerId client, std::uint64_t task) {
    each([&](Model& model) {
        const auto gone = std::erase_if(
            model.openers, [&](const Opener& opener) { return opener.client == client && opener.task == task; });
        if (gone > 0) unwanted(model);
    });
}

void Conductor::close(PeerId client, std::uint64_t number) {
    Model* model = parts_.catalogue.find(number);
    if (model == nullptr) return;
    const auto user = model->users.find(client);
    if (user == model->users.end() || --user->second > 0) return;
    model->users.erase(user);
    parts_.dispatch.client_closed(client, number);
    unwanted(*model);
}

void Conductor::client_gone(PeerId client) {
    each([&](Model& model) {
        const auto openers =
            std::erase_if(model.openers, [&](const Opener& opener) { return opener.client == client; });
        const auto users = model.users.erase(client);
        if (openers + users > 0) unwanted(model);
    });
}

// What serves stays until its place is needed; anything else is not worth finishing.
void Conductor::unwanted(Model& model) {
    if (model.wanted()) return;
    model.last_used = now();
    if (!model.serves()) drop(model);
}

void Conductor::drop(Model& model) {
    undeploy(model, model.epoch, model.holders);
    parts_.intake.cancel(model.number);
    parts_.catalogue.remove(model.number);
    for (auto& [number, other] : parts_.catalogue.models()) {  // there may be room for them now
        if (other.phase != Phase::failed) continue;
        other.restrictions.allowance.clear();
        other.considered = ~std::uint64_t{0};
    }
}

void Conductor::undeploy(Model& model, std::uint32_t epoch, const std::set<std::string>& boards) {
    if (epoch == 0) return;
    for (const auto& board : boards) {
        const auto peer = parts_.membership.peer_of(board);
        if (peer != PeerId::none) tell(parts_.outbox, peer, wire::Undeploy{model.number, epoch});
    }
}

bool Conductor::ready(const std::string& board, const wire::Ready& message) {
    Model* model = parts_.catalogue.find(message.deployment);
    Deployment* deployment = model != nullptr ? model->of_epoch(message.epoch) : nullptr;
    if (deployment == nullptr || !deployment->stage_ready(board, message, now())) return false;
    guarded(message.deployment, [this](Model& own) { advance(own); });
    return true;
}

bool Conductor::progress(const std::string& board, const wire::DeployProgress& message) {
    Model* model = parts_.catalogue.find(message.deployment);
    Deployment* deployment = model != nullptr ? model->of_epoch(message.epoch) : nullptr;
    return deployment != nullptr && deployment->progress(board, message, now());
}

bool Conductor::credit(const std::string& board, const wire::Credit& message) {
    Model* model = parts_.catalogue.find(message.deployment);
    Deployment* deployment = model != nullptr ? model->of_epoch(message.epoch) : nullptr;
    if (deployment == nullptr || !deployment->credit(board, message)) return false;
    parts_.dispatch.pump(*model, now());
    return true;
}

std::string in_words(const plan::Plan& plan, const ClusterView& view) {
    const auto works = plan::leaves(plan.root);
    std::ostringstream out;
    out << works.size() << (works.size() == 1 ? " stage on " : " stages on ");
    constexpr std::size_t kMostNamed = 8;
    for (std::size_t i = 0; i < works.size() && i < kMostNamed; ++i)
        out << (i == 0 ? "" : ", ") << view.cluster.boards.at(works[i].board).name;
    if (works.size() > kMostNamed) out << " and " << works.size() - kMostNamed << " more";
    out << std::fixed << std::setprecision(1) << "; " << plan.prediction.latency_s * 1e3 << " ms, "
        << plan.prediction.requests_per_s << " requests/s predicted";
    return out.str();
}

}  // namespace shoal::hub
