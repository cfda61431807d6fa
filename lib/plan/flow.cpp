#include "plan/flow.hpp"

#include <algorithm>
#include <cmath>

#include "base/checked.hpp"
#include "plan/cost.hpp"

namespace shoal::plan {

using base::Code;
using base::fail;

std::vector<Chain> make_chains(const Problem& problem) {
    const std::uint64_t alignment = arena_alignment(problem.cluster);
    std::vector<Chain> out;
    for (const Model& model : problem.models)
        out.emplace_back(*model.graph, alignment);
    return out;
}

double batch_seconds(const std::vector<KernelCost>& costs, const device::DeviceInfo& device, std::int64_t rows,
                     std::int64_t batch) {
    const double launch = usable_rates(device).launch_s;
    const double part = static_cast<double>(rows) / static_cast<double>(batch);
    double out = 0;
    for (const KernelCost& cost : costs) {
        const double fixed = std::min(launch, cost.seconds);
        out += fixed + (cost.seconds - fixed) * part;
    }
    return out;
}

std::int64_t batch_extent(const graph::Graph& graph) {
    std::int64_t extent = -1;
    for (const auto* ports : {&graph.inputs, &graph.outputs}) {
        for (const auto& port : *ports) {
            const auto& shape = graph.type(port.value).shape;
            if (shape.rank() == 0 || (extent >= 0 && shape[0] != extent)) return 0;
            extent = shape[0];
        }
    }
    return std::max<std::int64_t>(extent, 0);
}

namespace {

std::uint64_t part_of(std::uint64_t bytes, std::int64_t rows, std::int64_t batch) {
    // Rounded up; in double because bytes times rows may not fit, and generous by its rounding.
    return static_cast<std::uint64_t>(
        std::ceil(static_cast<double>(bytes) * static_cast<double>(rows) / static_cast<double>(batch)));
}

class Flattener {
public:
    Flattener(const Problem& problem, const std::vector<Chain>& chains, std::uint32_t credits)
        : problem_(problem), chains_(chains), credits_(credits) {}

    Flow flow(const Node& node) const {
        if (node.is_leaf()) return route({&node, 1});
        if (node.axis == Axis::operators) return route(node.children);
        Flow out{node.axis, {}, {}, node.shares};
        if (node.axis != Axis::models && node.shares.size() != node.children.size())
            fail(Code::invalid_argument, node.shares.size(), " shares for ", node.children.size(), " parts of a plan");
        if (node.axis == Axis::batch) return batch(node, std::move(out));
        for (const Node& child : node.children)
            out.children.push_back(flow(child));
        return out;
    }

private:
    Flow route(std::span<const Node> nodes) const {
        Flow out;
        std::uint32_t at = 0;
        for (const Node& node : nodes) {
            if (!node.is_leaf()) fail(Code::unsupported, "a stage that is divided along ", name(node.axis));
            const Work& work = node.work;
            check(work);
            if (work.first_group != at || work.model != nodes[0].work.model)
                fail(Code::invalid_argument, "a stage begins at kernel ", work.first_group, " of model ", work.model,
                     "; the one before ended at ", at, " of model ", nodes[0].work.model);
            out.stages.push_back(stage(work));
            at = work.last_group;
        }
        const std::uint32_t size = chains_[nodes[0].work.model].size();
        if (at != size) fail(Code::invalid_argument, "stages end at kernel ", at, " of ", size);
        return out;
    }

    Flow batch(const Node& node, Flow out) const {
        const Node& first = node.children[0];
        if (!first.is_leaf()) fail(Code::unsupported, "a part of a batch that is itself divided");
        check(first.work);
        const std::int64_t extent = batch_extent(*problem_.models[first.work.model].graph);
        if (extent == 0) fail(Code::invalid_argument, "a model without a batch axis cannot be divided along it");
        const auto rows = whole_shares(node.shares, extent);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const Node& child = node.children[i];
            if (!child.is_leaf()) fail(Code::unsupported, "a part of a batch that is itself divided");
            check(child.work);
            const Chain& chain = chains_[child.work.model];
            if (child.work.first_group != 0 || child.work.last_group != chain.size())
                fail(Code::unsupported, "a part of a batch on a part of a model");
            Flow part;
            part.stages.push_back(batch_stage(problem_, chain, child.work, rows[i], extent, credits_));
            out.children.push_back(std::move(part));
        }
        return out;
    }

    void check(const Work& work) const {
        if (work.model >= problem_.models.size() || work.board >= problem_.cluster.boards.size())
            fail(Code::invalid_argument, "the plan uses model ", work.model, " and board ", work.board, "; there are ",
                 problem_.models.size(), " and ", problem_.cluster.boards.size());
        if (work.first_group > work.last_group || work.last_group > chains_[work.model].size())
            fail(Code::invalid_argument, "the plan uses kernels ", work.first_group, " to ", work.last_group, " of ",
                 chains_[work.model].size());
    }

    FlowStage stage(const Work& work) const {
        const Chain& chain = chains_[work.model];
        const auto& costs = problem_.models[work.model].costs[work.board];
        return {work, stage_seconds(costs, work.first_group, work.last_group), chain.cut_bytes(work.first_group),
                chain.cut_bytes(work.last_group),
                stage_memory(chain, costs, work.first_group, work.last_group, credits_).total()};
    }

    const Problem& problem_;
    const std::vector<Chain>& chains_;
    std::uint32_t credits_;
};

void collect(const Flow& flow, std::vector<const FlowStage*>& out) {
    for (const FlowStage& stage : flow.stages)
        out.push_back(&stage);
    for (const Flow& child : flow.children)
        collect(child, out);
}

}  // namespace

FlowStage batch_stage(const Problem& problem, const Chain& chain, const Work& work, std::int64_t rows,
                      std::int64_t batch, std::uint32_t credits) {
    const auto& costs = problem.models[work.model].costs[work.board];
    const StageMemory whole = stage_memory(chain, costs, 0, chain.size(), credits);
    FlowStage out{work, batch_seconds(costs, problem.cluster.boards[work.board].device, rows, batch),
                  part_of(chain.cut_bytes(0), rows, batch), part_of(chain.cut_bytes(chain.size()), rows, batch), 0};
    // Every tensor of a part may round up to the alignment; one alignment a kernel covers it.
    const std::uint64_t rounding = arena_alignment(problem.cluster) * chain.size();
    out.memory_bytes = whole.weights + std::min(whole.arena, part_of(whole.arena, rows, batch) + rounding) +
                       whole.workspace + credits * (out.in_bytes + out.out_bytes);
    return out;
}

Flow flow_of(const Problem& problem, const std::vector<Chain>& chains, const Plan& plan) {
    return Flattener(problem, chains, plan.credits).flow(plan.root);
}

std::vector<const FlowStage*> stages_of(const Flow& flow) {
    std::vector<const FlowStage*> out;
    collect(flow, out);
    return out;
}

}  // namespace shoal::plan
