#include "plan/pipeline.hpp"

#include <algorithm>
#include <cmath>

#include "base/checked.hpp"

namespace shoal::plan {

std::uint64_t shared_bytes_saved(const Chain& chain, const std::vector<KernelCost>& costs, std::uint32_t kernel,
                                 const SharedConstant& shared) {
    // A board may store weights smaller than the graph does (halved), never shared ones larger than it can prove.
    double ratio = 1;
    for (const auto k : {kernel, shared.previous}) {
        const auto raw = static_cast<double>(chain.constant_bytes(k));
        if (raw > 0) ratio = std::min(ratio, static_cast<double>(costs[k].weight_bytes) / raw);
    }
    return static_cast<std::uint64_t>(std::floor(static_cast<double>(shared.bytes) * ratio));
}

StageMemory stage_memory(const Chain& chain, const std::vector<KernelCost>& costs, std::uint32_t first,
                         std::uint32_t last, std::uint32_t credits) {
    return stage_memory(chain, costs, first, last, credits, chain.arena_bytes(first, last));
}

StageMemory stage_memory(const Chain& chain, const std::vector<KernelCost>& costs, std::uint32_t first,
                         std::uint32_t last, std::uint32_t credits, std::uint64_t arena) {
    StageMemory out;
    for (std::uint32_t k = first; k < last; ++k) {
        out.weights = base::checked_add(out.weights, costs.at(k).weight_bytes, "weights of a stage");
        out.workspace = std::max(out.workspace, costs[k].workspace_bytes);
        for (const auto& shared : chain.shared(k)) {
            if (shared.previous >= first) out.weights -= shared_bytes_saved(chain, costs, k, shared);
        }
    }
    out.arena = arena;
    out.messages = base::checked_mul<std::uint64_t>(
        base::checked_add(chain.cut_bytes(first), chain.cut_bytes(last), "messages of a stage"), credits);
    return out;
}

double message_period_s(const Link& there, const Link& back, std::uint64_t bytes, std::uint32_t credits) {
    const double wire = wire_s(there, bytes);
    const double round = there.latency_s + wire + back.latency_s;
    return credits < 2 ? round : std::max(wire, round / static_cast<double>(credits - 1));
}

double stage_seconds(const std::vector<KernelCost>& costs, std::uint32_t first, std::uint32_t last) {
    double out = 0;
    for (std::uint32_t k = first; k < last; ++k)
        out += costs.at(k).seconds;
    return out;
}

namespace {

// Ends of the cluster in the order in which a request visits them: hub, boards, hub.
std::vector<std::size_t> ends_of(const Pipeline& pipeline) {
    std::vector<std::size_t> out{0};
    for (const Stage& stage : pipeline)
        out.push_back(stage.board + 1);
    out.push_back(0);
    return out;
}

}  // namespace

double pipeline_latency_s(const Chain& chain, const Cluster& cluster, const CostTable& costs,
                          const Pipeline& pipeline) {
    const auto ends = ends_of(pipeline);
    double out = 0;
    for (std::size_t k = 0; k < pipeline.size(); ++k) {
        out += cluster.link(ends[k], ends[k + 1]).seconds(static_cast<double>(chain.cut_bytes(pipeline[k].first)));
        out += stage_seconds(costs.at(pipeline[k].board), pipeline[k].first, pipeline[k].last);
    }
    return out + cluster.link(ends[pipeline.size()], 0).seconds(static_cast<double>(chain.cut_bytes(chain.size())));
}

double pipeline_period_s(const Chain& chain, const Cluster& cluster, const CostTable& costs, const Pipeline& pipeline,
                         std::uint32_t credits) {
    const auto ends = ends_of(pipeline);
    double out = 0;
    for (std::size_t k = 0; k < pipeline.size(); ++k) {
        const Stage& stage = pipeline[k];
        const double compute = stage_seconds(costs.at(stage.board), stage.first, stage.last);
        const double receive = message_period_s(cluster.link(ends[k], ends[k + 1]), cluster.link(ends[k + 1], ends[k]),
                                                chain.cut_bytes(stage.first), credits);
        const double send = wire_s(cluster.link(ends[k + 1], ends[k + 2]), chain.cut_bytes(stage.last));
        // One credit: a stage receives, computes and sends in turn. Two and more: all at once.
        out = std::max(out, credits < 2 ? compute + std::max(receive, send) : std::max({compute, receive, send}));
    }
    return out;
}

}  // namespace shoal::plan
