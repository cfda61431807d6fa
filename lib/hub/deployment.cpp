#include "hub/deployment.hpp"

#include <algorithm>

namespace shoal::hub {
namespace {

constexpr double kNewest = 0.3;       // how much the latest stage times count
constexpr double kFarOff = 1.5;       // between mean and expectation
constexpr double kNoticeable = 1e-3;  // seconds: less is not worth a move
constexpr std::uint32_t kOffInARow = 4;
constexpr std::uint64_t kFewRuns = 10;

Layout layout_of(std::uint64_t number, std::uint32_t epoch, const plan::Plan& plan, const ClusterView& view,
                 const OpenSpec& spec) {
    LayoutRequest request;
    request.deployment = number;
    request.epoch = epoch;
    request.plan = plan;
    for (const auto& graph : spec.graphs)
        request.models.push_back(graph.graph);
    request.places = view.places;
    for (const auto& setting : spec.settings) {
        if (setting.name.rfind("plan.", 0) != 0) request.settings.push_back(setting);
    }
    return Layout(request);
}

}  // namespace

Deployment::Deployment(std::uint64_t number, std::uint32_t epoch, plan::Plan plan, ClusterView view,
                       const OpenSpec& spec)
    : number_(number),
      epoch_(epoch),
      plan_(std::move(plan)),
      view_(std::move(view)),
      layout_(layout_of(number, epoch, plan_, view_, spec)),
      stages_(layout_.stages().size()) {
    for (const auto& stage : layout_.stages()) {
        boards_.insert(stage.board);
        if (stage.leaf < plan_.prediction.stages.size())
            stages_[stage.deploy.stage].planned_s = plan_.prediction.stages[stage.leaf].compute_s;
        stages_[stage.deploy.stage].expected_s = stages_[stage.deploy.stage].planned_s;
    }
}

bool Deployment::ready() const {
    return ready_stages() == stages_.size();
}

std::size_t Deployment::ready_stages() const {
    return static_cast<std::size_t>(
        std::count_if(stages_.begin(), stages_.end(), [](const Stage& stage) { return stage.ready; }));
}

std::set<std::string> Deployment::unready_boards() const {
    std::set<std::string> out;
    for (const auto& stage : layout_.stages()) {
        if (!stages_[stage.deploy.stage].ready) out.insert(stage.board);
    }
    return out;
}

bool Deployment::send(Outbox& outbox, const Membership& membership, TimePoint now) {
    progressed_ = now;
    return std::all_of(layout_.stages().begin(), layout_.stages().end(), [&](const LayoutStage& stage) {
        const auto peer = membership.peer_of(stage.board);
        return peer != PeerId::none && tell(outbox, peer, stage.deploy);
    });
}

bool Deployment::owns(const std::string& board, std::uint32_t epoch, std::uint32_t stage) const {
    return epoch == epoch_ && stage < stages_.size() && layout_.stages()[stage].board == board;
}

bool Deployment::stage_ready(const std::string& board, const wire::Ready& message, TimePoint now) {
    if (!owns(board, message.epoch, message.stage)) return false;
    Stage& stage = stages_[message.stage];
    stage.ready = true;
    stage.memory_bytes = message.weight_bytes + message.activation_bytes + message.result_bytes;
    progressed_ = now;
    return true;
}

bool Deployment::progress(const std::string& board, const wire::DeployProgress& message, TimePoint now) {
    if (!owns(board, message.epoch, message.stage)) return false;
    stages_[message.stage].phase = message.phase;
    progressed_ = now;
    return true;
}

bool Deployment::credit(const std::string& board, const wire::Credit& message) {
    if (!owns(board, message.epoch, message.stage)) return false;
    Stage& stage = stages_[message.stage];
    // Nobody has more room than was asked for, whatever they say.
    const std::uint32_t most = layout_.stages()[message.stage].deploy.credits;
    stage.credits = std::min(most, stage.credits + std::min(most, message.count));
    return true;
}

void Deployment::counters(const std::string& board, const wire::StageCounters& counters) {
    if (counters.deployment != number_ || !owns(board, counters.epoch, counters.stage)) return;
    Stage& stage = stages_[counters.stage];
    const auto& before = stage.counters;
    // A stage's very first run touches memory and code for the first time: what it took says little of the others, and
    // the first report has it among its runs.
    if (before.runs > 0 && counters.runs > before.runs && counters.computed_s >= before.computed_s) {
        const double mean =
            (counters.computed_s - before.computed_s) / static_cast<double>(counters.runs - before.runs);
        stage.mean_compute_s =
            stage.mean_compute_s == 0 ? mean : stage.mean_compute_s + kNewest * (mean - stage.mean_compute_s);
    }
    const bool ran = counters.runs > before.runs;
    stage.counters = counters;
    if (!ran || counters.runs < kFewRuns || stage.mean_compute_s == 0) return;
    const double low = std::min(stage.mean_compute_s, stage.expected_s);
    const double high = std::max(stage.mean_compute_s, stage.expected_s);
    stage.off = high > low * kFarOff && high - low > kNoticeable ? stage.off + 1 : 0;
}

std::map<Seat, double> Deployment::off_pace(const std::string& board) {
    std::map<Seat, double> out;
    for (const auto& placed : layout_.stages()) {
        Stage& stage = stages_[placed.deploy.stage];
        if (placed.board != board || stage.off < kOffInARow || stage.planned_s <= 0) continue;
        out[{board, placed.deploy.device}] = stage.mean_compute_s / stage.planned_s;
        stage.expected_s = stage.mean_compute_s;
        stage.off = 0;
    }
    return out;
}

double Deployment::planned_scale(const Seat& seat) const {
    for (std::size_t i = 0; i < view_.scales.size(); ++i) {
        if (view_.places[i].board == seat.board && view_.places[i].device == seat.device) return view_.scales[i];
    }
    return 1;
}

bool Deployment::has_room(const Dealt& dealt) const {
    return std::all_of(dealt.feeds.begin(), dealt.feeds.end(),
                       [&](const Feed& feed) { return stages_[feed.stage].credits > 0; });
}

void Deployment::take_room(const Dealt& dealt) {
    for (const Feed& feed : dealt.feeds)
        --stages_[feed.stage].credits;
}

bool Deployment::any_room() const {
    const auto& fed = layout_.fed_stages();
    return fed.empty() || std::any_of(fed.begin(), fed.end(), [&](auto stage) { return stages_[stage].credits > 0; });
}

double Deployment::longest_stage_s(const std::string& board) const {
    double out = 0;
    for (const auto& stage : layout_.stages()) {
        if (stage.board != board) continue;
        if (stage.leaf < plan_.prediction.stages.size())
            out = std::max(out, plan_.prediction.stages[stage.leaf].compute_s);
        out = std::max(out, stages_[stage.deploy.stage].mean_compute_s);  // what runs have shown
    }
    return out;
}

bool Deployment::untried(const std::string& board) const {
    return std::any_of(layout_.stages().begin(), layout_.stages().end(), [&](const LayoutStage& stage) {
        return stage.board == board && stages_[stage.deploy.stage].counters.runs == 0;
    });
}

std::uint32_t Deployment::natural_flight() const {
    const auto stages = static_cast<std::uint64_t>(std::max<std::size_t>(stages_.size(), 1));
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(stages * std::max(plan_.credits, 1U), 1U << 16));
}

}  // namespace shoal::hub
