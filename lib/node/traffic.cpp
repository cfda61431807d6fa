// What stages exchange: activations, results and credits. The other part of stages.hpp.
#include <algorithm>

#include "node/stages.hpp"

namespace shoal::node {

using base::Code;
using base::fail;

namespace {

constexpr std::size_t kMostEarlyCredits = 1024;

wire::RemainingMs remaining(base::TimePoint deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - base::SteadyClock::now()).count();
    return static_cast<wire::RemainingMs>(std::clamp<std::int64_t>(left, 0, wire::kMaxRemainingMs));
}

std::uint32_t microseconds(double seconds) {
    return static_cast<std::uint32_t>(std::clamp(seconds * 1e6, 0.0, 4e9));
}

}  // namespace

void Stages::activation(const std::string& board, wire::Activation message, base::TimePoint now) {
    Stage* stage = find({message.deployment, message.epoch, message.stage});
    if (stage == nullptr || stage->phase != Stage::Phase::ready) return outbox_.count_dropped();
    auto added = stage->inputs.add(board, std::move(message), now, meter_);
    if (added.complete) stage->complete.push_back(std::move(*added.complete));
    give_back(*stage, added.returned);
}

void Stages::credit(const std::string& board, const wire::Credit& message) {
    Stage* stage = find({message.deployment, message.epoch, message.sender});
    if (stage == nullptr) {
        if (is_gone(message)) return outbox_.count_dropped();
        if (early_.size() >= kMostEarlyCredits) early_.pop_front();
        early_.push_back({board, message});
        return;
    }
    const auto& consumers = stage->routes->consumers();
    const auto at = std::find(consumers.begin(), consumers.end(), RouteTable::Consumer{board, message.stage});
    if (at == consumers.end())
        fail(Code::network, "credit for ", stage->name(), ", which sends nothing to stage ", message.stage, " there");
    stage->consumers.credit(static_cast<std::size_t>(at - consumers.begin()), message.count);
}

void Stages::grant(const Stage& stage, std::size_t index, std::uint32_t count) {
    if (count == 0) return;
    const Sender& sender = stage.inputs.senders().at(index);
    const wire::Credit credit{stage.key.deployment, stage.key.epoch, stage.key.stage, count, sender.stage};
    if (sender.board.empty())
        outbox_.to_hub(wire::encode(credit));
    else
        outbox_.to_sender(sender.board, wire::encode(credit));
}

void Stages::give_back(Stage& stage, const Returned& senders) {
    for (const auto sender : senders)
        grant(stage, sender, 1);
}

void Stages::sender_came(const std::string& board) {
    for (const auto& [key, stage] : stages_) {
        if (stage->phase != Stage::Phase::ready) continue;
        const auto& senders = stage->inputs.senders();
        for (std::size_t i = 0; i < senders.size(); ++i) {
            if (senders[i].board == board) grant(*stage, i, stage->inputs.allowance(i) - stage->inputs.held_of(i));
        }
    }
}

void Stages::consumer_lost(const std::string& board) {
    std::erase_if(early_, [&](const EarlyCredit& early) { return early.board == board; });
    for (const auto& [key, stage] : stages_) {
        const auto& consumers = stage->routes->consumers();
        for (std::size_t i = 0; i < consumers.size(); ++i) {
            if (consumers[i].board != board) continue;
            for (const auto request : stage->consumers.broken(i, base::SteadyClock::now()))
                report(key, request, Code::network, base::text("the connection to '", board, "' broke"));
        }
    }
}

void Stages::report(const StageKey& key, std::uint64_t request, Code code, const std::string& text) {
    outbox_.to_hub(wire::encode(wire::StageError{key.deployment, request, key.epoch, key.stage, code, text}));
}

void Stages::done(Outcome outcome) {
    Stage* stage = find(outcome.key, outcome.serial);
    if (stage == nullptr) return;
    const auto run = stage->running.find(outcome.run);
    if (run == stage->running.end()) return;
    const Returned senders = std::move(run->second.senders);
    const bool cancelled = run->second.cancellation.cancelled();
    stage->running.erase(run);

    auto& counters = stage->counters;
    counters.computed_s += outcome.computed_s;
    counters.queued_s += outcome.queued_s;
    if (outcome.failed || cancelled) {
        stage->consumers.give_back(outcome.chosen);
        const bool expected = cancelled || outcome.code == Code::timeout;
        if (!expected) {
            ++counters.failures;
            ++failures_;
            report(outcome.key, outcome.request, outcome.code, base::text(stage->name(), ": ", outcome.text));
        }
    } else {
        ++counters.runs;
        ++runs_;
        try {
            deliver(*stage, outcome);
        } catch (const base::Error& error) {  // outputs that no message can hold
            report(outcome.key, outcome.request, error.code(), base::text(stage->name(), ": ", error.what()));
        }
    }
    stage->inputs.give_back(senders);
    give_back(*stage, senders);
}

void Stages::deliver(Stage& stage, Outcome& outcome) {
    const StageKey& key = stage.key;
    for (auto& delivery : outcome.deliveries.to_boards) {
        const auto& consumer = stage.routes->consumers()[delivery.consumer];
        const wire::Activation message{key.deployment,           outcome.request, key.epoch,
                                       consumer.stage,           outcome.turn,    remaining(outcome.deadline),
                                       std::move(delivery.parts)};
        if (!stage.consumers.spend(delivery.consumer, outcome.request) ||
            !outbox_.to_consumer(consumer.board, wire::encode(message)))
            report(key, outcome.request, Code::network, base::text("'", consumer.board, "' cannot be reached"));
    }
    if (outcome.deliveries.to_hub.empty()) return;
    outbox_.to_hub(
        wire::encode(wire::Result{key.deployment, outcome.request, key.epoch, key.stage, microseconds(outcome.queued_s),
                                  microseconds(outcome.computed_s), std::move(outcome.deliveries.to_hub)}));
}

}  // namespace shoal::node
