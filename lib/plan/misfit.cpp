#include "plan/misfit.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/units.hpp"
#include "plan/instance.hpp"
#include "plan/kernels.hpp"
#include "plan/reach.hpp"

namespace shoal::plan {
namespace {

using base::Code;
using base::fail;
using base::format_bytes;
using Boards = std::vector<std::uint32_t>;

constexpr std::size_t kMostCandidates = 4;         // boards that are tried with more memory
constexpr std::uint64_t kMostStates = 1ULL << 16;  // choices of boards that are searched for that
constexpr std::uint64_t kStep = 1024;              // how finely

// A stage that is too large for a board, and by how much.
struct Excess {
    std::uint32_t board = 0;
    StageMemory needs{};
    std::uint64_t short_of = 0;
};

// The board that lacks least for kernels [first, last); nothing when one lacks nothing.
std::optional<Excess> least_excess(const Problem& problem, const Chain& chain, std::uint32_t model,
                                   const Boards& boards, std::uint32_t first, std::uint32_t last) {
    std::optional<Excess> out;
    const std::uint64_t arena = chain.arena_bytes(first, last);
    for (const auto board : boards) {
        const StageMemory needs = stage_memory(chain, problem.models[model].costs[board], first, last, 1, arena);
        const std::uint64_t has = problem.cluster.boards[board].memory_bytes;
        if (needs.total() <= has) return std::nullopt;
        if (!out || needs.total() - has < out->short_of) out = Excess{board, needs, needs.total() - has};
    }
    return out;
}

// What would help where boards keep weights larger than the model has them; "" where they do not, or it is too little.
std::string compact_hint(const Problem& problem, const Chain& chain, std::uint32_t model, std::uint32_t board,
                         std::uint64_t short_of) {
    const auto& graph = *problem.models[model].graph;
    const auto& own = problem.cluster.boards[board];
    const std::uint64_t stored = constant_bytes(graph);
    const auto constants = std::count_if(graph.values.begin(), graph.values.end(),
                                         [](const auto& value) { return value.constant.has_value(); });
    const std::uint64_t aligned = stored + static_cast<std::uint64_t>(constants) * own.device.buffer_alignment;
    const std::uint64_t kept = stage_memory(chain, problem.models[model].costs[board], 0, chain.size(), 1, 0).weights;
    if (stored == 0 || kept <= aligned + stored / 8 || kept - stored < short_of) return "";
    return base::text("; board '", own.name, "' keeps the model's weights in ", format_bytes(kept),
                      ", laid out for speed, and in about ", format_bytes(stored),
                      " when it is started with --compact");
}

std::string spelled(const Problem& problem, const Excess& excess) {
    const Board& board = problem.cluster.boards[excess.board];
    return base::text("needs ", format_bytes(excess.needs.total()), " (weights ", format_bytes(excess.needs.weights),
                      ", activations ", format_bytes(excess.needs.arena + excess.needs.workspace), ", messages ",
                      format_bytes(excess.needs.messages), ") on board '", board.name, "', which has ",
                      format_bytes(board.memory_bytes), ": ", format_bytes(excess.short_of), " short");
}

// The kernel that lacks most wherever it would lack least.
void fail_on_kernel(const Problem& problem, const Chain& chain, std::uint32_t model, const Boards& boards) {
    std::optional<Excess> worst;
    std::uint32_t kernel = 0;
    for (std::uint32_t k = 0; k < chain.size(); ++k) {
        const auto excess = least_excess(problem, chain, model, boards, k, k + 1);
        if (excess && (!worst || excess->short_of > worst->short_of)) worst = excess, kernel = k;
    }
    if (!worst) return;
    const auto& graph = *problem.models[model].graph;
    fail(Code::does_not_fit, "kernel ", kernel, " ", describe_kernel(graph, chain.kernel(kernel)), " alone ",
         spelled(problem, *worst), boards.size() > 1 ? "; the other boards lack as much or more" : "",
         compact_hint(problem, chain, model, worst->board, worst->short_of));
}

void fail_on_weights(const Problem& problem, const Chain& chain, std::uint32_t model, const Boards& boards) {
    std::uint64_t weights = 0, memory = 0;
    for (std::uint32_t k = 0; k < chain.size(); ++k) {
        std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
        for (const auto board : boards) {
            const auto& costs = problem.models[model].costs[board];
            std::uint64_t own = costs[k].weight_bytes;
            for (const auto& constant : chain.shared(k))
                own -= shared_bytes_saved(chain, costs, k, constant);
            least = std::min(least, own);
        }
        weights += least;
    }
    for (const auto board : boards)
        memory += problem.cluster.boards[board].memory_bytes;
    if (weights <= memory) return;
    fail(Code::does_not_fit, "the weights take ", format_bytes(weights), ", the memory of ",
         boards.size() == 1 ? std::string("the board") : base::text("all ", boards.size(), " boards together"), " is ",
         format_bytes(memory), ": ", format_bytes(weights - memory), " short",
         compact_hint(problem, chain, model, boards.front(), weights - memory));
}

bool any_pipeline(const Problem& problem, const Chain& chain, std::uint32_t model, const Boards& boards,
                  std::uint32_t richer, std::uint64_t more) {
    Cluster cluster = problem.cluster;
    cluster.boards[richer].memory_bytes += more;
    const Instance instance(chain, cluster, problem.models[model].costs, boards, 1);
    const Lattice lattice(instance.counts());
    FurthestReach reach(instance, lattice);
    reach.run(std::numeric_limits<double>::infinity());
    for (std::uint32_t state = 1; state < lattice.size(); ++state) {
        if (reach.done(state)) return true;
    }
    return false;
}

// What one board would need more, in steps; at most enough for the whole model.
std::uint64_t least_more(const Problem& problem, const Chain& chain, std::uint32_t model, const Boards& boards,
                         std::uint32_t richer) {
    const std::uint64_t whole = stage_memory(chain, problem.models[model].costs[richer], 0, chain.size(), 1).total();
    const std::uint64_t has = problem.cluster.boards[richer].memory_bytes;
    std::uint64_t low = 0, high = (whole > has ? whole - has : 0) / kStep + 1;
    while (high - low > 1) {
        const std::uint64_t middle = low + (high - low) / 2;
        (any_pipeline(problem, chain, model, boards, richer, middle * kStep) ? high : low) = middle;
    }
    return high * kStep;
}

}  // namespace

void fail_to_fit(const Problem& problem, const Chain& chain, std::uint32_t model, const Boards& boards) {
    fail_on_kernel(problem, chain, model, boards);
    fail_on_weights(problem, chain, model, boards);
    const auto kinds = board_kinds(problem.cluster, problem.models[model].costs, boards);
    Boards counts, candidates;
    for (const auto& kind : kinds) {
        counts.push_back(static_cast<std::uint32_t>(kind.size()));
        candidates.push_back(kind[0]);
    }
    if (kinds.size() > Lattice::kMostKinds || Lattice::states(counts) > kMostStates)
        fail(Code::does_not_fit, "no division of the model over ", boards.size(), " boards was found that fits them");
    std::stable_sort(candidates.begin(), candidates.end(), [&](std::uint32_t a, std::uint32_t b) {
        return problem.cluster.boards[a].memory_bytes > problem.cluster.boards[b].memory_bytes;
    });
    candidates.resize(std::min(candidates.size(), kMostCandidates));
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    std::uint32_t best = 0;
    for (const auto board : candidates) {
        const std::uint64_t more = least_more(problem, chain, model, boards, board);
        if (more < least) least = more, best = board;
    }
    const Board& board = problem.cluster.boards[best];
    fail(Code::does_not_fit, "no division of the model into stages fits the ", boards.size(), " boards; board '",
         board.name, "' lacks least: it would need ", format_bytes(board.memory_bytes + least), ", and has ",
         format_bytes(board.memory_bytes), ": ", format_bytes(least), " short",
         compact_hint(problem, chain, model, best, least));
}

void fail_to_fit_whole(const Problem& problem, const Chain& chain, std::uint32_t model, const Boards& boards) {
    const auto excess = least_excess(problem, chain, model, boards, 0, chain.size());
    base::ensure(excess.has_value(), "a model that fits a board was said not to");
    fail(Code::does_not_fit, "the whole model ", spelled(problem, *excess),
         boards.size() > 1 ? "; the other boards lack as much or more" : "",
         compact_hint(problem, chain, model, excess->board, excess->short_of));
}

}  // namespace shoal::plan
