#include "plan/ensemble.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include "base/units.hpp"
#include "plan/division.hpp"
#include "plan/misfit.hpp"
#include "plan/planner.hpp"
#include "plan/predict.hpp"

namespace shoal::plan {
namespace {

using base::Code;
using base::fail;
using Boards = std::vector<std::uint32_t>;

constexpr std::uint64_t kMostTried = 200'000;  // placements of whole models

// Places whole models one by one, the longest first, keeping the busiest board as idle as can be.
class Placement {
public:
    /// seconds[model][board], bytes[model][board]; load and room: of each board before any of these models.
    Placement(const std::vector<std::vector<double>>& seconds, const std::vector<std::vector<std::uint64_t>>& bytes,
              std::vector<double> load, std::vector<std::uint64_t> room)
        : seconds_(seconds), bytes_(bytes), load_(std::move(load)), room_(std::move(room)), order_(seconds.size()) {
        std::iota(order_.begin(), order_.end(), 0U);
        const auto least = [&](std::uint32_t model) {
            return *std::min_element(seconds_[model].begin(), seconds_[model].end());
        };
        std::stable_sort(order_.begin(), order_.end(), [&](auto a, auto b) { return least(a) > least(b); });
        place_.assign(seconds.size(), 0);
    }

    // A board (place in the rows) for each model; nothing when memory does not allow any.
    std::optional<std::vector<std::uint32_t>> run() {
        go(0, *std::max_element(load_.begin(), load_.end()));
        return best_;
    }

private:
    void go(std::size_t at, double busiest) {
        if (busiest >= least_ || ++tried_ > kMostTried) return;
        if (at == order_.size()) {
            least_ = busiest;
            best_ = place_;
            return;
        }
        const std::uint32_t model = order_[at];
        std::vector<std::pair<double, std::uint32_t>> choices;
        for (std::uint32_t b = 0; b < load_.size(); ++b) {
            if (bytes_[model][b] <= room_[b]) choices.emplace_back(load_[b] + seconds_[model][b], b);
        }
        std::sort(choices.begin(), choices.end());
        for (const auto& [load, b] : choices) {
            const double before = load_[b];
            load_[b] = load;
            room_[b] -= bytes_[model][b];
            place_[model] = b;
            go(at + 1, std::max(busiest, load));
            load_[b] = before;
            room_[b] += bytes_[model][b];
        }
    }

    const std::vector<std::vector<double>>& seconds_;
    const std::vector<std::vector<std::uint64_t>>& bytes_;
    std::vector<double> load_;
    std::vector<std::uint64_t> room_;
    std::vector<std::uint32_t> order_, place_;
    std::optional<std::vector<std::uint32_t>> best_;
    double least_ = std::numeric_limits<double>::infinity();
    std::uint64_t tried_ = 0;
};

class Ensemble {
public:
    Ensemble(const Problem& problem, const std::vector<Chain>& chains, std::uint32_t credits)
        : problem_(problem),
          chains_(chains),
          credits_(credits),
          boards_(allowed_boards(problem)),
          parts_(problem.models.size()),
          room_(boards_.size()),
          load_(boards_.size(), 0) {
        for (std::size_t b = 0; b < boards_.size(); ++b)
            room_[b] = problem.cluster.boards[boards_[b]].memory_bytes;
    }

    // Nothing when it does not fit with these credits; `last` says why instead.
    std::optional<Node> run(bool last) {
        if (!place_pipelines(last) || !place_whole(last)) return std::nullopt;
        if (problem_.objective == Objective::throughput) add_replicas();
        Node root;
        root.axis = Axis::models;
        root.merge = problem_.options.merge;
        root.weights = problem_.options.weights;
        root.children = parts_;
        return root;
    }

private:
    [[nodiscard]] const CostTable& costs(std::uint32_t model) const { return problem_.models[model].costs; }
    [[nodiscard]] std::uint64_t whole_bytes(std::uint32_t model, std::size_t b) const {
        return stage_memory(chains_[model], costs(model)[boards_[b]], 0, chains_[model].size(), credits_).total();
    }
    [[nodiscard]] bool fits_somewhere(std::uint32_t model) const {
        for (std::size_t b = 0; b < boards_.size(); ++b) {
            if (whole_bytes(model, b) <= room_[b]) return true;
        }
        return false;
    }

    // Models too large for any board, the largest first.
    bool place_pipelines(bool last) {
        std::vector<std::uint32_t> large;
        for (std::uint32_t m = 0; m < chains_.size(); ++m) {
            if (!fits_somewhere(m)) large.push_back(m);
        }
        std::stable_sort(large.begin(), large.end(),
                         [&](auto a, auto b) { return whole_bytes(a, 0) > whole_bytes(b, 0); });
        return std::all_of(large.begin(), large.end(), [&](auto model) { return place_pipeline(model, last); });
    }

    // The quickest pipeline in what room is left: few boards, so that the other models find theirs.
    bool place_pipeline(std::uint32_t model, bool last) {
        Problem rest{{problem_.models[model]}, problem_.cluster, Objective::latency, problem_.options};
        rest.options.max_credits = credits_;
        Boards free;
        for (std::size_t b = 0; b < boards_.size(); ++b) {
            rest.cluster.boards[boards_[b]].memory_bytes = std::max<std::uint64_t>(room_[b], 1);
            if (load_[b] == 0) free.push_back(boards_[b]);
        }
        const Chain& chain = chains_[model];
        auto found = free.empty() ? std::nullopt : best_pipeline(rest, chain, 0, free, Objective::latency);
        if (!found || found->credits < credits_) {
            auto anywhere = best_pipeline(rest, chain, 0, boards_, Objective::latency);
            if (!found || (anywhere && anywhere->credits > found->credits)) found = std::move(anywhere);
        }
        if (!found || found->credits < credits_) {
            if (last) fail_beside_others(rest, model);
            return false;
        }
        parts_[model] = pipeline_node(found->pipeline, model);
        for (const Stage& stage : found->pipeline) {
            const auto& row = costs(model)[stage.board];
            take(stage.board, stage_memory(chain, row, stage.first, stage.last, credits_).total(),
                 stage_seconds(row, stage.first, stage.last));
        }
        return true;
    }

    void take(std::uint32_t board, std::uint64_t bytes, double seconds) {
        const auto b = static_cast<std::size_t>(std::find(boards_.begin(), boards_.end(), board) - boards_.begin());
        room_[b] -= std::min(room_[b], bytes);
        load_[b] += std::max(seconds, std::numeric_limits<double>::min());
    }

    [[noreturn]] void fail_beside_others(const Problem& rest, std::uint32_t model) const {
        try {
            fail_to_fit(rest, chains_[model], 0, boards_);
        } catch (const base::Error& error) {
            fail(Code::does_not_fit, "model '", problem_.models[model].graph->name, "' (", model + 1, " of ",
                 problem_.models.size(), ") does not fit beside the others: ", error.what());
        }
    }

    bool place_whole(bool last) {
        std::vector<std::uint32_t> models;
        std::vector<std::vector<double>> seconds;
        std::vector<std::vector<std::uint64_t>> bytes;
        for (std::uint32_t m = 0; m < chains_.size(); ++m) {
            if (!parts_[m].is_leaf() || parts_[m].work.last_group != 0) continue;  // placed already
            models.push_back(m);
            seconds.emplace_back();
            bytes.emplace_back();
            for (std::size_t b = 0; b < boards_.size(); ++b) {
                const Pipeline whole{{boards_[b], 0, chains_[m].size()}};
                seconds.back().push_back(problem_.objective == Objective::latency
                                             ? pipeline_latency_s(chains_[m], problem_.cluster, costs(m), whole)
                                             : stage_seconds(costs(m)[boards_[b]], 0, chains_[m].size()));
                bytes.back().push_back(whole_bytes(m, b));
            }
        }
        if (models.empty()) return true;
        if (const auto places = Placement(seconds, bytes, load_, room_).run()) {
            for (std::size_t i = 0; i < models.size(); ++i) {
                const std::uint32_t b = (*places)[i];
                parts_[models[i]] = Node{{models[i], boards_[b], 0, chains_[models[i]].size()}};
                take(boards_[b], bytes[i][b], seconds[i][b]);
            }
            return true;
        }
        // Whole models do not all fit: the largest is divided over what is left, and then the rest are tried again.
        const auto largest = std::max_element(models.begin(), models.end(),
                                              [&](auto a, auto b) { return whole_bytes(a, 0) < whole_bytes(b, 0); });
        return place_pipeline(*largest, last) && place_whole(last);
    }

    [[nodiscard]] double rate() const {
        Node root;
        root.axis = Axis::models;
        root.children = parts_;
        Plan plan;
        plan.credits = credits_;
        plan.root = root;
        return predicted_rate(Traffic(flow_of(problem_, chains_, plan), problem_.cluster, credits_));
    }

    // Boards without work take over part of the requests of whichever model that helps most, while it helps.
    void add_replicas() {
        for (std::size_t b = 0; b < boards_.size(); ++b) {
            if (load_[b] > 0) continue;
            double best = rate() * (1 + 1e-6);
            std::optional<std::pair<std::uint32_t, Node>> choice;
            for (std::uint32_t m = 0; m < chains_.size(); ++m) {
                if (whole_bytes(m, b) > room_[b]) continue;
                Node replicas = with_replica(m, boards_[b]);
                std::swap(parts_[m], replicas);
                const double own = rate();
                std::swap(parts_[m], replicas);
                if (own > best) best = own, choice = {m, std::move(replicas)};
            }
            if (!choice) continue;
            parts_[choice->first] = std::move(choice->second);
            take(boards_[b], whole_bytes(choice->first, b), 1);
        }
    }

    [[nodiscard]] Node with_replica(std::uint32_t model, std::uint32_t board) const {
        Node out = parts_[model];
        if (out.is_leaf() || out.axis != Axis::requests) {
            Node root;
            root.axis = Axis::requests;
            root.children.push_back(std::move(out));
            out = std::move(root);
        }
        out.children.push_back({{model, board, 0, chains_[model].size()}});
        out.shares.clear();
        double total = 0;
        for (const Node& child : out.children) {
            Pipeline pipeline;
            for (const Work& work : leaves(child))
                pipeline.push_back({work.board, work.first_group, work.last_group});
            const double period = pipeline_period_s(chains_[model], problem_.cluster, costs(model), pipeline, credits_);
            out.shares.push_back(1 / std::max(period, 1e-12));
            total += out.shares.back();
        }
        for (double& share : out.shares)
            share /= total;
        return out;
    }

    const Problem& problem_;
    const std::vector<Chain>& chains_;
    std::uint32_t credits_;
    Boards boards_;
    std::vector<Node> parts_;
    std::vector<std::uint64_t> room_;
    std::vector<double> load_;
};

}  // namespace

Plan ensemble_plan(const Problem& problem, const std::vector<Chain>& chains) {
    for (std::uint32_t credits = problem.options.max_credits; credits > 0; --credits) {
        if (auto root = Ensemble(problem, chains, credits).run(credits == 1))
            return {problem.objective, credits, std::move(*root), {}};
    }
    fail(Code::does_not_fit, "the models do not fit the boards together");
}

}  // namespace shoal::plan
