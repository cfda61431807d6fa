// The state of the cluster as people see it, gathered from all parts of the hub.
#include "hub/core.hpp"

namespace shoal::hub {
namespace {

wire::BoardStatus board_status(const Member& member, TimePoint now) {
    wire::BoardStatus out;
    out.board = member.name;
    out.state = member.hung && member.connected() ? wire::BoardState::lost : member.state;
    out.address = member.address;
    out.software = member.info.software;
    out.devices = member.info.devices;
    if (member.last.devices.size() == member.info.devices.size()) out.loads = member.last.devices;
    out.memory_used_bytes = member.last.memory_used_bytes;
    out.memory_limit_bytes = member.info.memory_limit_bytes;
    out.cached_bytes = member.last.cached_bytes;
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - member.heard).count();
    out.heartbeat_age_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(age, 0, ~std::uint32_t{0}));
    out.facts = member.info.facts;
    out.readings = member.last.readings;
    return out;
}

wire::ModelState state_of(Phase phase) {
    switch (phase) {
        case Phase::weights:
        case Phase::measuring:
        case Phase::planning: return wire::ModelState::planning;
        case Phase::deploying: return wire::ModelState::deploying;
        case Phase::serving: return wire::ModelState::serving;
        case Phase::failed: return wire::ModelState::failed;
    }
    return wire::ModelState::failed;
}

wire::StageStatus stage_status(const Deployment& deployment, std::uint32_t number) {
    const LayoutStage& placed = deployment.layout().stages()[number];
    const Deployment::Stage& stage = deployment.stages()[number];
    wire::StageStatus out;
    out.stage = number;
    out.board = placed.board;
    out.device = placed.deploy.device;
    out.work = placed.work;
    out.ready = stage.ready;
    out.memory_bytes = stage.memory_bytes;
    out.memory_allowed_bytes = placed.deploy.memory_bytes;
    out.runs = stage.counters.runs;
    out.failures = stage.counters.failures;
    if (stage.counters.runs > 0) {
        out.mean_compute_ms = stage.counters.computed_s * 1e3 / static_cast<double>(stage.counters.runs);
        out.mean_queue_ms = stage.counters.queued_s * 1e3 / static_cast<double>(stage.counters.runs);
    }
    out.in_flight = stage.counters.in_flight;
    return out;
}

wire::ModelStatus model_status(const Model& model, TimePoint now) {
    wire::ModelStatus out;
    out.model = model.number;
    for (const auto& graph : model.spec.graphs)
        out.names.push_back(graph.graph->name);
    out.state = state_of(model.phase);
    out.epoch = model.epoch;
    if (model.deployment) {
        out.plan = model.deployment->plan();
        out.boards = board_names(model.deployment->view());
        for (std::uint32_t i = 0; i < model.deployment->stages().size(); ++i)
            out.stages.push_back(stage_status(*model.deployment, i));
    }
    out.in_flight = static_cast<std::uint32_t>(model.in_flight.size());
    out.queued = static_cast<std::uint32_t>(model.queue.size());
    out.answered = model.answered;
    out.failed = model.failed;
    out.repeated = model.repeated;
    out.requests_per_s = model.times.rate(now);
    out.p50_ms = model.times.percentile(now, 0.5);
    out.p99_ms = model.times.percentile(now, 0.99);
    if (model.phase == Phase::failed && model.failure) out.text = model.failure->what();
    return out;
}

void measured(const Links& links, wire::LinkStatus& link) {
    if (const auto known = links.known(link.from, link.to)) {
        link.measured_latency_s = known->latency_s;
        link.measured_bytes_per_s = known->bytes_per_s;
    }
}

}  // namespace

// Links that were measured and carry nothing.
void Core::add_quiet_links(std::vector<wire::LinkStatus>& links) const {
    std::set<std::pair<std::string, std::string>> shown;
    for (const auto& link : links)
        shown.insert({link.from, link.to});
    for (const auto& [ends, link] : links_.all()) {
        const auto gone = [&](const std::string& end) {
            return !end.empty() && membership_.peer_of(end) == PeerId::none;
        };
        if (shown.count(ends) != 0 || gone(ends.first) || gone(ends.second)) continue;
        wire::LinkStatus out;
        out.from = ends.first;
        out.to = ends.second;
        measured(links_, out);
        links.push_back(std::move(out));
    }
}

wire::Status Core::status() const {
    wire::Status out;
    const TimePoint at = now();
    out.hub = options_.name;
    out.software = SHOAL_VERSION;
    out.uptime_s = std::chrono::duration<double>(at - started_).count();
    for (const auto& [name, member] : membership_.members()) {
        out.boards.push_back(board_status(member, at));
        if (!member.connected()) continue;
        wire::LinkStatus down;
        down.to = name;
        const auto counters = outbox_.counters(member.peer);
        down.messages = counters.messages_sent;
        down.bytes = counters.bytes_sent;
        measured(links_, down);
        out.links.push_back(std::move(down));
        for (const auto& said : member.last.links) {
            wire::LinkStatus link;
            link.from = name;
            link.to = said.peer;
            link.messages = said.messages_sent;
            link.bytes = said.bytes_sent;
            if (said.messages_sent > 0) link.mean_ms = said.sending_s * 1e3 / static_cast<double>(said.messages_sent);
            measured(links_, link);
            out.links.push_back(std::move(link));
        }
    }
    add_quiet_links(out.links);
    for (const auto& [number, model] : catalogue_.models()) {
        if (!model.plan_only) out.models.push_back(model_status(model, at));
    }
    for (const auto& [id, peer] : peers_) {
        if (peer.role != Role::client) continue;
        out.clients.push_back(
            {peer.name, peer.caller.address, static_cast<std::uint32_t>(dispatch_.requests().of(id).size())});
    }
    const auto rejections = outbox_.rejections();
    out.refused_handshakes = rejections.handshakes;
    out.cut_peers = rejections.cuts;
    out.dropped_messages = dropped_ + rejections.messages;
    out.broken_messages = broken_;
    return out;
}

}  // namespace shoal::hub
