#include "plan/division.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.hpp"
#include "plan/instance.hpp"
#include "plan/link_classes.hpp"
#include "plan/replicas.hpp"
#include "plan/search.hpp"

namespace shoal::plan {
namespace {

using Boards = std::vector<std::uint32_t>;

constexpr std::uint64_t kMostStates = 1ULL << 18;
constexpr std::uint64_t kFewStates = 1ULL << 12;
constexpr std::size_t kMostKinds = 18;
constexpr double kLinkSpread = 1.25;
constexpr double kShortest = 1e-12;
constexpr double kBetter = 1 + 1e-9;

bool searchable(const std::vector<Boards>& kinds) {
    Boards counts;
    for (const auto& kind : kinds)
        counts.push_back(static_cast<std::uint32_t>(kind.size()));
    return kinds.size() <= kMostKinds && Lattice::states(counts) <= kMostStates;
}

SearchOptions search_options(const Problem& problem) {
    return {problem.options.stages, problem.options.effort};
}

// Most first. All of them where they are few; memory decides which is best.
std::vector<std::uint32_t> credit_choices(std::uint32_t most) {
    std::vector<std::uint32_t> out;
    for (std::uint32_t credits = most; credits > 4; credits /= 2)
        out.push_back(credits);
    for (std::uint32_t credits = std::min(most, 4U); credits > 0; --credits)
        out.push_back(credits);
    return out;
}

Boards all_boards(const std::vector<Boards>& kinds) {
    Boards out;
    for (const auto& kind : kinds)
        out.insert(out.end(), kind.begin(), kind.end());
    return out;
}

// Boards dealt into the fewest parts that can be searched, all parts as alike as can be.
std::vector<Boards> dealt(const Problem& problem, const CostTable& costs, const Boards& boards) {
    const Boards order = all_boards(board_kinds(problem.cluster, costs, boards));
    for (std::size_t parts = 1;; ++parts) {
        std::vector<Boards> out(parts);
        for (std::size_t i = 0; i < order.size(); ++i)
            out[i % parts].push_back(order[i]);
        const bool all = std::all_of(out.begin(), out.end(), [&](const Boards& part) {
            return searchable(board_kinds(problem.cluster, costs, part));
        });
        if (all) return out;
    }
}

// Small tables are made for the links as they are, large ones for a few kinds of them.
Cluster fewer_links(const Problem& problem, const CostTable& costs, const Boards& part) {
    Boards counts;
    for (const auto& kind : board_kinds(problem.cluster, costs, part))
        counts.push_back(static_cast<std::uint32_t>(kind.size()));
    if (Lattice::states(counts) <= kFewStates) return problem.cluster;
    return with_link_classes(problem.cluster, kLinkSpread);
}

class Divider {
public:
    Divider(const Problem& problem, const Chain& chain, std::uint32_t model, const Boards& boards,
            std::uint32_t credits)
        : problem_(problem),
          chain_(chain),
          costs_(problem.models[model].costs),
          credits_(credits),
          parts_(dealt(problem, costs_, boards)),
          alike_(fewer_links(problem, costs_, parts_[0])) {}

    Division run(double most_rate) {
        Division out{{}, credits_, 0};
        for (const Boards& part : parts_)
            add(part, most_rate, out);
        leave_out(out, most_rate);
        return out;
    }

    /// No division with these credits answers more; of the last run.
    [[nodiscard]] double rate_bound() const {
        return parts_.size() == 1 && alike_ == problem_.cluster ? rate_bound_ : std::numeric_limits<double>::infinity();
    }

private:
    // The cells of a part as boards' places in it: parts of the same kinds are divided alike.
    using Places = std::vector<std::vector<std::size_t>>;

    void add(const Boards& part, double most_rate, Division& out) {
        std::vector<std::uint64_t> key;
        for (const auto& kind : board_kinds(problem_.cluster, costs_, part))
            key.push_back(kind_of(kind[0]) << 32 | kind.size());
        const auto [at, fresh] = divided_.try_emplace(key);
        if (fresh) at->second = divide(part, most_rate);
        for (const auto& places : at->second) {
            Boards cell;
            for (const auto place : places)
                cell.push_back(part[place]);
            if (auto found = refine(cell)) out.cells.push_back(std::move(*found));
        }
    }

    // With links of their own no two boards are alike to all others; each part is then divided for itself.
    std::uint64_t kind_of(std::uint32_t board) {
        if (!problem_.cluster.links.empty()) return board;
        const auto known = std::find_if(known_.begin(), known_.end(), [&](std::uint32_t other) {
            return problem_.cluster.boards[other].memory_bytes == problem_.cluster.boards[board].memory_bytes &&
                   costs_[other] == costs_[board];
        });
        if (known == known_.end()) {
            known_.push_back(board);
            return board;
        }
        return *known;
    }

    Places divide(const Boards& part, double most_rate) {
        const Instance instance(chain_, alike_, costs_, part, credits_);
        const Lattice lattice(instance.counts());
        const ReplicaTable table(instance, lattice, search_options(problem_));
        rate_bound_ = table.rate_bound();
        const std::uint32_t all = lattice.size() - 1;
        std::uint32_t best = all;
        const double enough = std::min(table.rate(all), parts_.size() == 1 ? most_rate : table.rate(all)) / kBetter;
        for (std::uint32_t state = 0; state < lattice.size(); ++state) {
            if (table.rate(state) >= enough && lattice.boards(state) < lattice.boards(best)) best = state;
        }
        Places out;
        std::vector<std::uint32_t> taken(lattice.kinds(), 0);
        for (const auto cell : table.cells(best)) {
            out.emplace_back();
            for (std::uint32_t q = 0; q < lattice.kinds(); ++q) {
                for (std::uint32_t i = lattice.count(cell, q); i > 0; --i) {
                    const auto at = std::find(part.begin(), part.end(), instance.boards(q)[taken[q]++]);
                    out.back().push_back(static_cast<std::size_t>(at - part.begin()));
                }
            }
        }
        return out;
    }

    // The exact search on the cell's own boards and links; cells of equal boards have equal stages.
    std::optional<Cell> refine(const Boards& cell) {
        std::vector<std::uint64_t> key;
        for (const auto board : cell)
            key.push_back(kind_of(board));
        const auto [at, fresh] = refined_.try_emplace(key);
        if (fresh) {
            Instance instance(chain_, problem_.cluster, costs_, cell, credits_);
            const Lattice lattice(instance.counts());
            if (const auto found = shortest_period(instance, lattice, search_options(problem_)))
                at->second = Cell{instance.assign(found->stages), std::max(found->value, kShortest)};
        }
        if (!at->second) return std::nullopt;
        Cell out = *at->second;
        if (fresh) {
            first_.emplace(key, cell);
            return out;
        }
        const Boards& known = first_.at(key);
        for (Stage& stage : out.pipeline) {
            const auto place = std::find(known.begin(), known.end(), stage.board) - known.begin();
            stage.board = cell[static_cast<std::size_t>(place)];
        }
        return out;
    }

    // Cells beyond what the hub can feed only cost: the slowest go.
    static void leave_out(Division& division, double most_rate) {
        auto& cells = division.cells;
        std::stable_sort(cells.begin(), cells.end(),
                         [](const Cell& a, const Cell& b) { return a.period_s < b.period_s; });
        double rate = division.rate();
        while (cells.size() > 1 && rate - 1 / cells.back().period_s >= most_rate / kBetter) {
            rate -= 1 / cells.back().period_s;
            cells.pop_back();
        }
    }

    const Problem& problem_;
    const Chain& chain_;
    const CostTable& costs_;
    std::uint32_t credits_;
    std::vector<Boards> parts_;
    Cluster alike_;  // what tables are made for
    double rate_bound_ = 0;
    Boards known_;
    std::map<std::vector<std::uint64_t>, Places> divided_;
    std::map<std::vector<std::uint64_t>, std::optional<Cell>> refined_;
    std::map<std::vector<std::uint64_t>, Boards> first_;
};

}  // namespace

Boards searchable_boards(const Problem& problem, std::uint32_t model, const Boards& boards, bool by_memory) {
    const auto& costs = problem.models[model].costs;
    if (searchable(board_kinds(problem.cluster, costs, boards))) return boards;
    Boards order = boards, kind_of(problem.cluster.boards.size(), 0), counts;
    std::vector<double> seconds(problem.cluster.boards.size(), 0);
    std::uint32_t kinds = 0;
    for (const auto& kind : board_kinds(problem.cluster, costs, boards)) {
        for (const auto board : kind)
            kind_of[board] = kinds;
        ++kinds;
    }
    for (const auto board : boards)
        seconds[board] = stage_seconds(costs[board], 0, static_cast<std::uint32_t>(costs[board].size()));
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        const auto memory = [&](std::uint32_t board) { return problem.cluster.boards[board].memory_bytes; };
        return by_memory ? memory(a) > memory(b) : seconds[a] < seconds[b];
    });
    std::map<std::uint32_t, std::uint32_t> taken;
    Boards out;
    for (const auto board : order) {
        ++taken[kind_of[board]];
        counts.clear();
        for (const auto& [kind, count] : taken)
            counts.push_back(count);
        if (counts.size() > kMostKinds || Lattice::states(counts) > kMostStates) break;
        out.push_back(board);
    }
    return out;
}

std::uint32_t most_credits(const Problem& problem, const Chain& chain, std::uint32_t model, const Pipeline& pipeline) {
    std::uint64_t credits = problem.options.max_credits;
    for (const Stage& stage : pipeline) {
        const StageMemory one =
            stage_memory(chain, problem.models[model].costs[stage.board], stage.first, stage.last, 1);
        const std::uint64_t has = problem.cluster.boards[stage.board].memory_bytes, kept = one.total() - one.messages;
        if (one.messages > 0) credits = std::min(credits, (has - std::min(has, kept)) / one.messages);
    }
    return static_cast<std::uint32_t>(std::max<std::uint64_t>(credits, 1));
}

std::optional<PipelineChoice> best_pipeline(const Problem& problem, const Chain& chain, std::uint32_t model,
                                            const Boards& boards, Objective objective) {
    const auto& costs = problem.models[model].costs;
    std::optional<PipelineChoice> best;
    double lower = std::numeric_limits<double>::infinity();
    for (const bool by_memory : {false, true}) {
        const Boards chosen = searchable_boards(problem, model, boards, by_memory);
        const bool all = chosen.size() == boards.size();
        const bool latency = objective == Objective::latency;
        std::vector<bits::Word> seen;
        for (const auto credits :
             latency ? std::vector<std::uint32_t>{1} : credit_choices(problem.options.max_credits)) {
            Instance instance(chain, problem.cluster, costs, chosen, credits);
            // Where fewer credits let nothing more fit, they only slow down.
            if (seen == instance.all_ends()) continue;
            seen = instance.all_ends();
            const Lattice lattice(instance.counts());
            const auto found = latency ? shortest_latency(instance, lattice, search_options(problem))
                                       : shortest_period(instance, lattice, search_options(problem));
            if (!found) continue;
            lower = all ? std::min(lower, found->lower_bound) : 0;
            if (best && found->value * kBetter >= best->value) continue;
            best = PipelineChoice{instance.assign(found->stages), credits, found->value, 0};
        }
        if (all) break;
    }
    // What rounding makes of an exact search is no gap.
    if (best && best->value > lower * (1 + 1e-6)) best->gap = best->value / lower - 1;
    if (best && objective == Objective::latency) best->credits = most_credits(problem, chain, model, best->pipeline);
    return best;
}

std::optional<Division> best_division(const Problem& problem, const Chain& chain, std::uint32_t model,
                                      const Boards& boards, double most_rate) {
    // Fewer credits are tried while they might let so much more fit that it shows; where tables are small, always.
    constexpr double kGoodEnough = 0.95;
    std::optional<Division> best;
    double bound = 0, alone = 0;
    for (const auto board : boards)
        alone += 1 / std::max(stage_seconds(problem.models[model].costs[board], 0, chain.size()), kShortest);
    for (const auto credits : credit_choices(problem.options.max_credits)) {
        Divider divider(problem, chain, model, boards, credits);
        Division found = divider.run(most_rate);
        bound = std::max(bound, divider.rate_bound());
        if (!found.cells.empty() && (!best || found.rate() > best->rate() * kBetter)) best = std::move(found);
        if (best && best->rate() * kBetter >= most_rate) break;
        if (best && std::isinf(bound) && best->rate() >= kGoodEnough * alone) break;
    }
    if (best) best->gap = std::max(0.0, std::min(bound, most_rate) / best->rate() - 1);
    return best;
}

}  // namespace shoal::plan
