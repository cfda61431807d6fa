#include "plan/failover.hpp"

#include <algorithm>
#include <limits>

#include "plan/division.hpp"
#include "plan/instance.hpp"
#include "plan/link_classes.hpp"
#include "plan/planner.hpp"
#include "plan/predict.hpp"
#include "plan/reach.hpp"
#include "plan/replicas.hpp"

namespace shoal::plan {
namespace {

constexpr std::uint64_t kQuickEffort = 2'000'000;  // steps of a search: some hundredths of a second

}  // namespace

Problem without_boards(Problem problem, const std::vector<std::uint32_t>& lost) {
    auto& excluded = problem.options.excluded;
    excluded.insert(excluded.end(), lost.begin(), lost.end());
    return problem;
}

Plan replan(const Problem& problem, const std::vector<std::uint32_t>& lost) {
    return make_plan(without_boards(problem, lost));
}

struct Failover::Prepared {
    // The instance refers to what stands before it.
    Problem problem;
    std::vector<Chain> chains;
    std::uint32_t credits;
    std::optional<Instance> instance{};
    std::optional<Lattice> lattice{};
    std::optional<ReplicaTable> table{};

    [[nodiscard]] static std::vector<std::uint32_t> counts_of(const std::vector<std::vector<std::uint32_t>>& boards) {
        std::vector<std::uint32_t> out;
        for (const auto& kind : boards)
            out.push_back(static_cast<std::uint32_t>(kind.size()));
        return out;
    }

    // Boards of each kind that are left.
    [[nodiscard]] std::vector<std::vector<std::uint32_t>> left(const std::vector<std::uint32_t>& lost) const {
        std::vector<std::vector<std::uint32_t>> out(instance->kinds());
        for (std::uint32_t q = 0; q < instance->kinds(); ++q) {
            for (const auto board : instance->boards(q)) {
                if (std::find(lost.begin(), lost.end(), board) == lost.end()) out[q].push_back(board);
            }
        }
        return out;
    }

    // A pipeline of these boards, at most so many of each kind, within the period; of the fewest of them.
    [[nodiscard]] std::optional<std::vector<KindStage>> reach(const std::vector<std::uint32_t>& counts,
                                                              double period) const {
        const Lattice part(counts);
        FurthestReach engine(*instance, part);
        engine.run(period);
        std::uint32_t best = 0;
        for (std::uint32_t state = 1; state < part.size(); ++state) {
            if (engine.done(state) && (best == 0 || part.boards(state) < part.boards(best))) best = state;
        }
        if (best == 0) return std::nullopt;
        auto stages = engine.stages(best);
        for (const auto& stage : stages) {
            const auto board = instance->boards(stage.kind)[0];
            const auto memory =
                stage_memory(chains[0], problem.models[0].costs[board], stage.first, stage.last, credits);
            if (memory.total() > problem.cluster.boards[board].memory_bytes) return std::nullopt;
        }
        return stages;
    }

    [[nodiscard]] std::optional<Node> divided(std::vector<std::vector<std::uint32_t>> boards) const {
        Node root;
        root.axis = Axis::requests;
        for (const auto cell : table->cells(lattice->state_of(counts_of(boards)))) {
            std::vector<std::uint32_t> used;
            for (std::uint32_t q = 0; q < instance->kinds(); ++q)
                used.push_back(lattice->count(cell, q));
            // The table's period may rest on more than one reach finds; any pipeline is better than none.
            auto stages = reach(used, table->period(cell));
            if (!stages) stages = reach(used, std::numeric_limits<double>::infinity());
            if (!stages) return std::nullopt;
            root.children.push_back(pipeline_node(taken(*stages, boards), 0));
            root.shares.push_back(1 / std::max(instance->period_of(*stages), 1e-12));
        }
        return finished(std::move(root));
    }

    // Takes boards for the stages out of those that are left.
    static Pipeline taken(const std::vector<KindStage>& stages, std::vector<std::vector<std::uint32_t>>& boards) {
        Pipeline out;
        for (const auto& stage : stages) {
            out.push_back({boards[stage.kind].back(), stage.first, stage.last});
            boards[stage.kind].pop_back();
        }
        return out;
    }

    static std::optional<Node> finished(Node root) {
        if (root.children.empty()) return std::nullopt;
        if (root.children.size() == 1) return Node(root.children[0]);
        double total = 0;
        for (const double share : root.shares)
            total += share;
        for (double& share : root.shares)
            share /= total;
        return root;
    }

    // A latency search that is content with little.
    [[nodiscard]] std::optional<Node> one_pipeline(std::vector<std::vector<std::uint32_t>> boards) const {
        Instance own = *instance;
        const auto found = shortest_latency(own, Lattice(counts_of(boards)), {problem.options.stages, kQuickEffort});
        if (!found) return std::nullopt;
        return pipeline_node(taken(found->stages, boards), 0);
    }
};

Failover::Failover(Problem problem, std::uint32_t credits) {
    validate(problem);
    auto chains = make_chains(problem);
    auto prepared = std::make_unique<Prepared>(Prepared{std::move(problem), std::move(chains), credits});
    const Problem& own = prepared->problem;
    const auto boards = allowed_boards(own);
    const bool one_table = own.models.size() == 1 && prepared->chains[0].size() > 0 &&
                           searchable_boards(own, 0, boards, false).size() == boards.size();
    if (one_table) {
        prepared->instance.emplace(prepared->chains[0], own.cluster, own.models[0].costs, boards, credits);
        prepared->lattice.emplace(prepared->instance->counts());
        if (own.objective == Objective::throughput)
            prepared->table.emplace(*prepared->instance, *prepared->lattice,
                                    SearchOptions{own.options.stages, own.options.effort});
    }
    prepared_ = std::move(prepared);
}

Failover::~Failover() = default;
Failover::Failover(Failover&&) noexcept = default;
Failover& Failover::operator=(Failover&&) noexcept = default;

std::optional<Plan> Failover::without(const std::vector<std::uint32_t>& lost) const {
    const Prepared& own = *prepared_;
    if (!own.instance || own.problem.options.mode != Mode::best) return std::nullopt;
    auto root = own.table ? own.divided(own.left(lost)) : own.one_pipeline(own.left(lost));
    if (!root) return std::nullopt;
    Plan plan{own.problem.objective, own.credits, std::move(*root), {}};
    complete(without_boards(own.problem, lost), own.chains, std::numeric_limits<double>::infinity(), plan);
    return plan;
}

}  // namespace shoal::plan
