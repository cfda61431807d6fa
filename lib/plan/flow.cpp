#include "plan/flow.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <span>

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

    Flow flow(const Node& node) {
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
    Flow route(std::span<const Node> nodes) {
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
            part.stages.push_back(
                BatchPart(problem_, chain, child.work.model, child.work.board, extent).stage(rows[i], credits_));
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

    FlowStage stage(const Work& work) {
        const Chain& chain = chains_[work.model];
        const auto& costs = problem_.models[work.model].costs[work.board];
        // Packing is the costly part of it and the same on every board.
        const auto [arena, fresh] = arenas_.try_emplace({work.model, work.first_group, work.last_group}, 0);
        if (fresh) arena->second = chain.arena_bytes(work.first_group, work.last_group);
        return {work, stage_seconds(costs, work.first_group, work.last_group), chain.cut_bytes(work.first_group),
                chain.cut_bytes(work.last_group),
                stage_memory(chain, costs, work.first_group, work.last_group, credits_, arena->second).total()};
    }

    const Problem& problem_;
    const std::vector<Chain>& chains_;
    std::uint32_t credits_;
    std::map<std::array<std::uint32_t, 3>, std::uint64_t> arenas_;
};

void collect(const Flow& flow, std::vector<const FlowStage*>& out) {
    for (const FlowStage& stage : flow.stages)
        out.push_back(&stage);
    for (const Flow& child : flow.children)
        collect(child, out);
}

}  // namespace

BatchPart::BatchPart(const Problem& problem, const Chain& chain, std::uint32_t model, std::uint32_t board,
                     std::int64_t batch)
    : work_{model, board, 0, chain.size()},
      batch_(batch),
      whole_(stage_memory(chain, problem.models[model].costs[board], 0, chain.size(), 1)),
      in_bytes_(chain.cut_bytes(0)),
      out_bytes_(chain.cut_bytes(chain.size())),
      // Every tensor of a part may round up to the alignment; one alignment a kernel covers those that live together.
      rounding_(arena_alignment(problem.cluster) * chain.size()) {
    const double launch = usable_rates(problem.cluster.boards[board].device).launch_s;
    for (const KernelCost& cost : problem.models[model].costs[board]) {
        const double fixed = std::min(launch, cost.seconds);
        fixed_s_ += fixed;
        scaled_s_ += cost.seconds - fixed;
    }
}

FlowStage BatchPart::stage(std::int64_t rows, std::uint32_t credits) const {
    FlowStage out{work_, fixed_s_ + scaled_s_ * static_cast<double>(rows) / static_cast<double>(batch_),
                  part_of(in_bytes_, rows, batch_), part_of(out_bytes_, rows, batch_), 0};
    out.memory_bytes = whole_.weights + std::min(whole_.arena, part_of(whole_.arena, rows, batch_) + rounding_) +
                       whole_.workspace + credits * (out.in_bytes + out.out_bytes);
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
