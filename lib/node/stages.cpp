#include "node/stages.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/units.hpp"

namespace shoal::node {

using base::Code;
using base::fail;

namespace {

constexpr std::size_t kMostStages = 4096;
constexpr std::size_t kMostRemembered = 4096;
constexpr std::chrono::milliseconds kStarvedLook{2};       // what the network takes is told by nobody
constexpr std::chrono::milliseconds kBrokenPatience{750};  // for the way to a consumer to come back
constexpr std::chrono::milliseconds kPreparingLook{10};

}  // namespace

Stages::Stages(std::string board, std::vector<Device>& devices, MemoryMeter& meter, Blobs& blobs,
               std::shared_ptr<Inbox> inbox, Outbox& outbox)
    : board_(std::move(board)),
      devices_(devices),
      meter_(meter),
      outbox_(outbox),
      preparation_(devices, meter, blobs, inbox, outbox, callbacks()),
      runner_(devices, meter, inbox, [this](Outcome outcome) { done(std::move(outcome)); }) {}

Preparation::Callbacks Stages::callbacks() {
    Preparation::Callbacks out;
    out.find = [this](const StageKey& key, std::uint64_t serial) { return find(key, serial); };
    out.reusable = [this](const Stage& stage) { return reusable(stage); };
    out.may_get_room = [this](const Stage& stage) { return may_get_room(stage); };
    out.ready = [this](Stage& stage) { ready(stage); };
    out.failed = [this](const StageKey& key, Code code, const std::string& why) { failed(key, code, why); };
    return out;
}

Stage* Stages::find(const StageKey& key) {
    const auto at = stages_.find(key);
    return at != stages_.end() ? at->second.get() : nullptr;
}

Stage* Stages::find(const StageKey& key, std::uint64_t serial) {
    Stage* out = find(key);
    return out != nullptr && out->serial == serial ? out : nullptr;
}

std::shared_ptr<Compiled> Stages::reusable(const Stage& wanted) const {
    for (const auto& [key, stage] : stages_) {
        const auto& compiled = stage->compiled;
        if (compiled && compiled->digest == wanted.digest && compiled->device == wanted.device) return compiled;
    }
    return nullptr;
}

bool Stages::may_get_room(const Stage& wanted) const {
    const auto first = stages_.lower_bound({wanted.key.deployment, 0, 0});
    if (first != stages_.end() && first->first.deployment == wanted.key.deployment &&
        first->first.epoch < wanted.key.epoch)
        return true;
    if (meter_.passing() > 0) return true;
    // What another stage took over stays, however long anybody waits.
    const auto is_kept = [this](const std::shared_ptr<Compiled>& compiled) {
        return std::any_of(stages_.begin(), stages_.end(),
                           [&](const auto& entry) { return entry.second->compiled == compiled; });
    };
    return std::any_of(leaving_.begin(), leaving_.end(), [&](const auto& left) {
        const auto compiled = left.lock();
        return compiled && !is_kept(compiled);
    });
}

void Stages::deploy(wire::Deploy message, base::TimePoint now) {
    const StageKey key{message.deployment, message.epoch, message.stage};
    if (stages_.count(key) != 0) fail(Code::network, "stage ", key.stage, " was deployed twice");
    if (stages_.size() >= kMostStages) {
        return static_cast<void>(outbox_.to_hub(wire::encode(
            wire::DeployFailed{key.deployment, key.epoch, key.stage, Code::refused,
                               base::text("this board has ", stages_.size(), " stages; more are not taken")})));
    }
    std::unique_ptr<Stage> made;
    try {
        made = std::make_unique<Stage>(std::move(message), now);
    } catch (const base::Error& error) {  // sizes that nothing could hold
        outbox_.to_hub(
            wire::encode(wire::DeployFailed{key.deployment, key.epoch, key.stage, Code::does_not_fit, error.what()}));
        return;
    }
    Stage& stage = *stages_.emplace(key, std::move(made)).first->second;
    stage.serial = ++last_serial_;
    preparation_.begin(stage);
    std::deque<EarlyCredit> early;
    early.swap(early_);
    for (auto& each : early)
        credit(each.board, each.credit);
}

void Stages::ready(Stage& stage) {
    const auto& memory = stage.compiled->memory;
    outbox_.to_hub(wire::encode(wire::Ready{stage.key.deployment, stage.key.epoch, stage.key.stage, memory.weights,
                                            memory.activations, memory.results, stage.fetched_s, stage.compiled_s}));
    for (std::size_t sender = 0; sender < stage.inputs.senders().size(); ++sender)
        grant(stage, sender, stage.inputs.allowance(sender));
    outbox_.tell(Event::Kind::stage_ready,
                 base::text(stage.name(), stage.was_reused ? ", as compiled before, " : " ", "on ",
                            devices_[stage.device].info.name, ": ", base::format_bytes(memory.total())));
}

void Stages::failed(const StageKey& key, Code code, const std::string& why) {
    const auto at = stages_.find(key);
    if (at == stages_.end()) return;
    outbox_.to_hub(wire::encode(wire::DeployFailed{key.deployment, key.epoch, key.stage, code, why}));
    outbox_.tell(Event::Kind::stage_failed, why);
    drop(at);
}

Stages::Table::iterator Stages::drop(Table::iterator at) {
    Stage& stage = *at->second;
    for (auto& [number, run] : stage.running)
        run.cancellation.cancel();
    if (stage.compiled) leaving_.emplace_back(stage.compiled);
    if (stage.phase == Stage::Phase::ready) outbox_.tell(Event::Kind::stage_dropped, stage.name());
    return stages_.erase(at);
}

void Stages::undeploy(const wire::Undeploy& message) {
    auto at = stages_.lower_bound({message.deployment, 0, 0});
    while (at != stages_.end() && at->first.deployment == message.deployment && at->first.epoch <= message.epoch)
        at = drop(at);
    if (gone_.size() >= kMostRemembered) gone_.erase(gone_.begin());
    auto& epoch = gone_[message.deployment];
    epoch = std::max(epoch, std::uint64_t{message.epoch} + 1);
    std::erase_if(early_, [&](const EarlyCredit& early) { return is_gone(early.credit); });
}

bool Stages::is_gone(const wire::Credit& credit) const {
    const auto at = gone_.find(credit.deployment);
    return at != gone_.end() && credit.epoch < at->second;
}

void Stages::drop_unready() {
    for (auto at = stages_.begin(); at != stages_.end();)
        at = at->second->phase != Stage::Phase::ready ? drop(at) : std::next(at);
}

void Stages::drop_all(const std::string& why) {
    if (!stages_.empty()) base::log_info("node", "dropping ", stages_.size(), " stages: ", why);
    for (auto at = stages_.begin(); at != stages_.end();)
        at = drop(at);
    early_.clear();
    gone_.clear();
}

template <class Unwanted>
void Stages::drop_complete(Stage& stage, Unwanted&& unwanted) {
    for (auto each = stage.complete.begin(); each != stage.complete.end();) {
        if (!unwanted(*each)) {
            ++each;
            continue;
        }
        const Returned senders = std::move(each->senders);
        each = stage.complete.erase(each);
        stage.inputs.give_back(senders);
        give_back(stage, senders);
    }
}

void Stages::cancel(const wire::Cancel& message) {
    for (auto at = stages_.lower_bound({message.deployment, 0, 0});
         at != stages_.end() && at->first.deployment == message.deployment; ++at) {
        Stage& stage = *at->second;
        for (auto& [number, run] : stage.running) {
            if (run.request == message.request) run.cancellation.cancel();
        }
        drop_complete(stage, [&](const Inputs& inputs) { return inputs.request == message.request; });
        give_back(stage, stage.inputs.cancel(message.request));
    }
}

void Stages::cancel_runs() noexcept {
    for (auto& [key, stage] : stages_) {
        for (auto& [number, run] : stage->running)
            run.cancellation.cancel();
    }
}

std::vector<wire::StageCounters> Stages::counters() const {
    std::vector<wire::StageCounters> out;
    for (const auto& [key, stage] : stages_) {
        if (stage->phase != Stage::Phase::ready) continue;
        out.push_back(stage->counters);
        out.back().in_flight = static_cast<std::uint32_t>(stage->running.size() + stage->complete.size());
    }
    return out;
}

std::uint32_t Stages::queued(std::uint32_t device) const {
    std::size_t out = 0;
    for (const auto& [key, stage] : stages_) {
        if (stage->device == device) out += stage->complete.size() + stage->running.size();
    }
    return static_cast<std::uint32_t>(out);
}

bool Stages::any_waits() const {
    return std::any_of(stages_.begin(), stages_.end(),
                       [](const auto& entry) { return entry.second->phase == Stage::Phase::waiting; });
}

void Stages::step(base::TimePoint now) {
    std::erase_if(leaving_, [](const auto& left) { return left.expired(); });
    std::vector<StageKey> preparing;
    std::vector<std::vector<Stage*>> by_device(devices_.size());
    for (const auto& [key, stage] : stages_) {
        if (stage->phase != Stage::Phase::ready) {
            preparing.push_back(key);
            continue;
        }
        expire(*stage, now);
        if (!stage->complete.empty()) by_device[stage->device].push_back(stage.get());
    }
    starved_ = false;
    for (std::uint32_t device = 0; device < devices_.size(); ++device)
        starved_ = runner_.start_runs(device, by_device[device]) || starved_;
    for (const auto& key : preparing) {
        if (Stage* stage = find(key)) preparation_.step(*stage, now);
    }
}

void Stages::expire(Stage& stage, base::TimePoint now) {
    give_back(stage, stage.inputs.expire(now));
    drop_complete(stage, [&](const Inputs& inputs) { return inputs.deadline <= now; });
    // The hub may reach both boards and not know that they do not reach each other.
    const auto lost = stage.complete.empty() ? std::nullopt : stage.consumers.broken_for(kBrokenPatience, now);
    if (!lost) return;
    const auto why = base::text("'", stage.routes->consumers()[*lost].board, "' cannot be reached");
    drop_complete(stage, [&](const Inputs& inputs) {
        report(stage.key, inputs.request, Code::network, why);
        return true;
    });
}

base::TimePoint Stages::next(base::TimePoint now) const {
    auto out = starved_ ? now + kStarvedLook : base::TimePoint::max();
    for (const auto& [key, stage] : stages_) {
        if (stage->phase != Stage::Phase::ready) out = std::min(out, now + kPreparingLook);
        out = std::min(out, stage->inputs.earliest_deadline());
        for (const auto& inputs : stage->complete)
            out = std::min(out, inputs.deadline);
    }
    return out;
}

}  // namespace shoal::node
