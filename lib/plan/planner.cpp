#include "plan/planner.hpp"

#include <algorithm>
#include <limits>

#include "base/units.hpp"
#include "plan/batch_split.hpp"
#include "plan/bounds.hpp"
#include "plan/division.hpp"
#include "plan/ensemble.hpp"
#include "plan/misfit.hpp"
#include "plan/predict.hpp"
#include "plan/simulate.hpp"

namespace shoal::plan {
namespace {

using base::Code;
using base::fail;
using base::format_bytes;
using Boards = std::vector<std::uint32_t>;

constexpr double kUnknown = std::numeric_limits<double>::infinity();
constexpr double kWorthSplitting = 0.98;  // more boards for less than this are not worth their power and their risk
constexpr std::uint32_t kMostTried = 6;   // stages of pipelines that are tried one by one where links share a medium

struct Candidate {
    Plan plan;
    double gap = kUnknown;
};

// Plans for one model.
class Planner {
public:
    Planner(const Problem& problem, const std::vector<Chain>& chains)
        : problem_(problem),
          chains_(chains),
          chain_(chains[0]),
          whole_arena_(chain_.arena_bytes(0, chain_.size())),
          boards_(allowed_boards(problem)) {}

    Candidate run() {
        if (chain_.size() == 0) return nothing_to_compute();
        switch (problem_.options.mode) {
            case Mode::single_board: return single_board();
            case Mode::equal_split: return equal_split();
            case Mode::pipeline: return pipeline(problem_);
            case Mode::replicas: return replicas();
            case Mode::batch: return batch();
            case Mode::best: break;
        }
        return problem_.objective == Objective::latency ? lowest_latency() : highest_rate();
    }

private:
    [[nodiscard]] Candidate candidate(Node root, std::uint32_t credits, double gap) const {
        return {{problem_.objective, credits, std::move(root), {}}, gap};
    }
    [[nodiscard]] const std::vector<KernelCost>& costs(std::uint32_t board) const {
        return problem_.models[0].costs[board];
    }
    [[nodiscard]] double value(const Pipeline& pipeline, std::uint32_t credits) const {
        return problem_.objective == Objective::latency
                   ? pipeline_latency_s(chain_, problem_.cluster, problem_.models[0].costs, pipeline)
                   : pipeline_period_s(chain_, problem_.cluster, problem_.models[0].costs, pipeline, credits);
    }

    // A graph without operators hands its inputs back: by whichever board is nearest.
    [[nodiscard]] Candidate nothing_to_compute() const { return single_board(); }

    [[nodiscard]] bool fits_whole(std::uint32_t board, std::uint32_t credits) const {
        return stage_memory(chain_, costs(board), 0, chain_.size(), credits, whole_arena_).total() <=
               problem_.cluster.boards[board].memory_bytes;
    }

    [[nodiscard]] Candidate single_board() const {
        double least = kUnknown;
        Pipeline best;
        for (const auto board : boards_) {
            if (!fits_whole(board, 1)) continue;
            const Pipeline own{{board, 0, chain_.size()}};
            std::uint32_t credits = problem_.options.max_credits;
            while (credits > 1 && !fits_whole(board, credits))
                --credits;
            const double seconds = value(own, credits);
            if (seconds < least) least = seconds, best = own;
        }
        if (best.empty()) fail_to_fit_whole(problem_, chain_, 0, boards_);
        return candidate(pipeline_node(best, 0), most_credits(problem_, chain_, 0, best), kUnknown);
    }

    [[nodiscard]] Candidate equal_split() const {
        Pipeline out;
        const auto parts = std::min<std::uint64_t>(boards_.size(), chain_.size());
        for (std::uint64_t i = 0; i < parts; ++i) {
            const auto cut = [&](std::uint64_t k) { return static_cast<std::uint32_t>(k * chain_.size() / parts); };
            out.push_back({boards_[i], cut(i), cut(i + 1)});
            const Stage& stage = out.back();
            const auto needs = stage_memory(chain_, costs(stage.board), stage.first, stage.last, 1).total();
            const Board& board = problem_.cluster.boards[stage.board];
            if (needs > board.memory_bytes)
                fail(Code::does_not_fit, "in an equal split, kernels ", stage.first, " to ", stage.last - 1, " need ",
                     format_bytes(needs), " on board '", board.name, "', which has ", format_bytes(board.memory_bytes),
                     ": ", format_bytes(needs - board.memory_bytes), " short");
        }
        return candidate(pipeline_node(out, 0), most_credits(problem_, chain_, 0, out), kUnknown);
    }

    [[nodiscard]] Candidate pipeline(const Problem& problem) const {
        const auto found = best_pipeline(problem, chain_, 0, boards_, problem.objective);
        if (!found) fail_to_fit(problem, chain_, 0, boards_);
        return candidate(pipeline_node(found->pipeline, 0), found->credits, found->gap);
    }

    [[nodiscard]] Candidate replicas() const {
        if (problem_.objective == Objective::latency) return single_board();
        std::optional<Division> best;
        for (std::uint32_t credits = problem_.options.max_credits; credits > 0; --credits) {
            Division own{{}, credits, kUnknown};
            for (const auto board : boards_) {
                const Pipeline whole{{board, 0, chain_.size()}};
                if (fits_whole(board, credits)) own.cells.push_back({whole, std::max(value(whole, credits), 1e-12)});
            }
            if (!best || own.rate() > best->rate() * (1 + 1e-9)) best = std::move(own);
        }
        if (!best || best->cells.empty()) fail_to_fit_whole(problem_, chain_, 0, boards_);
        return division_plan(*best);
    }

    [[nodiscard]] Candidate batch() const {
        if (!can_split_batch(*problem_.models[0].graph))
            fail(Code::invalid_argument, "the batch of '", problem_.models[0].graph->name,
                 "' cannot be divided: it is ", batch_extent(*problem_.models[0].graph),
                 ", or rows of the outputs need other rows of the inputs");
        auto root = batch_over_all(problem_, chain_, 0, boards_);
        if (!root) fail_to_fit_whole(problem_, chain_, 0, boards_);
        return candidate(std::move(*root), 1, kUnknown);
    }

    [[nodiscard]] Candidate division_plan(const Division& division) const {
        if (division.cells.size() == 1)
            return candidate(pipeline_node(division.cells[0].pipeline, 0), division.credits, division.gap);
        Node root;
        root.axis = Axis::requests;
        for (const Cell& cell : division.cells) {
            root.children.push_back(pipeline_node(cell.pipeline, 0));
            root.shares.push_back(1 / cell.period_s / division.rate());
        }
        return candidate(std::move(root), division.credits, division.gap);
    }

    [[nodiscard]] Candidate lowest_latency() const {
        const auto found = best_pipeline(problem_, chain_, 0, boards_, Objective::latency);
        std::optional<Candidate> best;
        if (found) best = candidate(pipeline_node(found->pipeline, 0), found->credits, found->gap);
        if (problem_.options.stages == 0) {
            if (auto split = split_batch(problem_, chain_, 0, boards_)) {
                Candidate own = candidate(std::move(*split), 1, kUnknown);
                const Flow flow = flow_of(problem_, chains_, own.plan);
                if (!found || predicted_latency_s(flow, problem_.cluster) < found->value * kWorthSplitting)
                    best = std::move(own);
            }
        }
        if (!best) fail_to_fit(problem_, chain_, 0, boards_);
        return std::move(*best);
    }

    [[nodiscard]] Candidate highest_rate() const {
        const double most = ingest_rate_bound(problem_, chains_);
        std::vector<Candidate> candidates;
        const auto division = best_division(problem_, chain_, 0, boards_, most);
        if (division) candidates.push_back(division_plan(*division));
        if (!division || shares_media()) {
            if (auto found = best_pipeline(problem_, chain_, 0, boards_, Objective::throughput))
                candidates.push_back(candidate(pipeline_node(found->pipeline, 0), found->credits, kUnknown));
        }
        for (std::uint32_t stages = 1; shares_media() && problem_.options.stages == 0 && stages <= kMostTried;
             ++stages) {
            Problem fixed = problem_;
            fixed.options.stages = stages;
            if (auto found = best_pipeline(fixed, chain_, 0, boards_, Objective::throughput))
                candidates.push_back(candidate(pipeline_node(found->pipeline, 0), found->credits, kUnknown));
        }
        if (candidates.empty()) fail_to_fit(problem_, chain_, 0, boards_);
        return best_simulated(std::move(candidates));
    }

    [[nodiscard]] bool shares_media() const {
        const auto& cluster = problem_.cluster;
        if (cluster.links.empty()) return cluster.default_link.medium >= 0;
        return std::any_of(cluster.links.begin(), cluster.links.end(), [](const auto& row) {
            return std::any_of(row.begin(), row.end(), [](const Link& link) { return link.medium >= 0; });
        });
    }

    [[nodiscard]] Candidate best_simulated(std::vector<Candidate> candidates) const {
        if (candidates.size() == 1) return std::move(candidates[0]);
        std::size_t best = 0;
        double highest = -1;
        for (std::size_t i = 0; i < candidates.size(); ++i) {
            SimulationOptions options;
            const Flow flow = flow_of(problem_, chains_, candidates[i].plan);
            options.requests = 100 + 40 * stages_of(flow).size();
            const double rate = simulate(flow, problem_.cluster, candidates[i].plan.credits, options).requests_per_s;
            if (rate > highest * (1 + 1e-9)) highest = rate, best = i;
        }
        // A medium that links share is not in the search's proof.
        candidates[best].gap = kUnknown;
        return std::move(candidates[best]);
    }

    const Problem& problem_;
    const std::vector<Chain>& chains_;
    const Chain& chain_;
    std::uint64_t whole_arena_;
    Boards boards_;
};

}  // namespace

Node pipeline_node(const Pipeline& pipeline, std::uint32_t model) {
    Node out;
    for (const Stage& stage : pipeline)
        out.children.push_back({{model, stage.board, stage.first, stage.last}});
    return out.children.size() == 1 ? Node(out.children[0]) : out;
}

void complete(const Problem& problem, const std::vector<Chain>& chains, double gap, Plan& plan) {
    const Flow flow = flow_of(problem, chains, plan);
    const auto memory = memory_by_board(flow, problem.cluster);
    for (std::size_t b = 0; b < memory.size(); ++b) {
        const Board& board = problem.cluster.boards[b];
        base::ensure(memory[b] <= board.memory_bytes, "the plan would keep ", format_bytes(memory[b]), " on board '",
                     board.name, "', which has ", format_bytes(board.memory_bytes));
    }
    plan.prediction = predict(problem, chains, plan);
    const Prediction& p = plan.prediction;
    const double beyond = problem.objective == Objective::latency ? p.latency_s / p.latency_bound_s
                                                                  : p.requests_per_s_bound / p.requests_per_s;
    // What rounding makes of an exact search is no gap.
    plan.prediction.gap = std::min(gap, beyond - 1);
    if (plan.prediction.gap < 1e-6) plan.prediction.gap = 0;
}

Plan make_plan(const Problem& problem) {
    validate(problem);
    const auto chains = make_chains(problem);
    if (problem.models.size() > 1) {
        Plan plan = ensemble_plan(problem, chains);
        complete(problem, chains, kUnknown, plan);
        return plan;
    }
    Candidate found = Planner(problem, chains).run();
    complete(problem, chains, found.gap, found.plan);
    return std::move(found.plan);
}

}  // namespace shoal::plan
