#include "plan/batch_split.hpp"

#include <algorithm>

#include "graph/shard.hpp"
#include "plan/flow.hpp"

namespace shoal::plan {
namespace {

using Boards = std::vector<std::uint32_t>;

constexpr std::size_t kMostBoards = 64;  // one hub feeds all parts of a batch; the fastest boards are enough

// A board's part, and when it is back when the hub is busy until `sent`.
class Part {
public:
    Part(const Problem& problem, const Chain& chain, std::uint32_t model, std::uint32_t board, std::int64_t batch)
        : there_(problem.cluster.from_hub(board)),
          back_(problem.cluster.to_hub(board)),
          memory_(problem.cluster.boards[board].memory_bytes),
          part_(problem, chain, model, board, batch) {}

    [[nodiscard]] double back_at(double sent, std::int64_t rows) const {
        const FlowStage stage = part_.stage(rows, 1);
        return sent + there_.seconds(static_cast<double>(stage.in_bytes)) + stage.compute_s +
               back_.seconds(static_cast<double>(stage.out_bytes));
    }
    [[nodiscard]] double sending(std::int64_t rows) const { return wire_s(there_, part_.stage(rows, 1).in_bytes); }

    // The most of `left` rows that fit and are back within `limit`.
    [[nodiscard]] std::int64_t most_rows(double sent, double limit, std::int64_t left) const {
        std::int64_t low = 0, high = left + 1;
        while (high - low > 1) {
            const std::int64_t middle = low + (high - low) / 2;
            const bool can = part_.stage(middle, 1).memory_bytes <= memory_ && back_at(sent, middle) <= limit;
            (can ? low : high) = middle;
        }
        return low;
    }

private:
    Link there_, back_;
    std::uint64_t memory_;
    BatchPart part_;
};

std::vector<std::int64_t> rows_within(const std::vector<Part>& parts, double limit, std::int64_t batch) {
    std::vector<std::int64_t> out;
    double sent = 0;
    for (const Part& part : parts) {
        const std::int64_t rows = part.most_rows(sent, limit, batch);
        if (rows > 0) sent += part.sending(rows);
        batch -= rows;
        out.push_back(rows);
    }
    if (batch > 0) out.clear();
    return out;
}

}  // namespace

bool can_split_batch(const graph::Graph& graph) {
    const std::int64_t batch = batch_extent(graph);
    if (batch < 2) return false;
    try {
        const auto row = graph::shard(graph, 0, 0, 1);
        // Where a row of the output needs other rows of the input, parts would do each other's work again.
        return std::all_of(row.inputs.begin(), row.inputs.end(), [](const auto& input) {
            return input.slice == graph::InputSlice{0, 0, 1};
        });
    } catch (const base::Error&) {
        return false;  // an operator that cannot say how it divides is not divided
    }
}

std::vector<std::int64_t> batch_rows(const Problem& problem, const Chain& chain, std::uint32_t model,
                                     const Boards& boards) {
    const std::int64_t batch = batch_extent(*problem.models[model].graph);
    std::vector<Part> parts;
    double high = 0;
    for (const auto board : boards) {
        parts.emplace_back(problem, chain, model, board, batch);
        high += parts.back().back_at(0, batch);
    }
    std::vector<std::int64_t> best = rows_within(parts, high, batch);
    double low = 0;
    while (!best.empty() && high - low > 1e-6 * high) {
        const double middle = (low + high) / 2;
        auto rows = rows_within(parts, middle, batch);
        (rows.empty() ? low : high) = middle;
        if (!rows.empty()) best = std::move(rows);
    }
    return best;
}

std::optional<Node> batch_over_all(const Problem& problem, const Chain& chain, std::uint32_t model,
                                   const Boards& boards) {
    const std::int64_t batch = batch_extent(*problem.models[model].graph);
    Boards left = boards;
    // Who does not hold its rows leaves them to the others, which may then be too many for one of these.
    while (!left.empty()) {
        Node out;
        out.axis = Axis::batch;
        out.merge = Merge::concatenate;
        for (const auto board : left) {
            out.children.push_back({{model, board, 0, chain.size()}});
            out.shares.push_back(1 /
                                 std::max(stage_seconds(problem.models[model].costs[board], 0, chain.size()), 1e-12));
        }
        const auto rows = whole_shares(out.shares, batch);
        Boards holding;
        for (std::size_t i = 0; i < left.size(); ++i) {
            const BatchPart part(problem, chain, model, left[i], batch);
            const bool holds = part.stage(rows[i], 1).memory_bytes <= problem.cluster.boards[left[i]].memory_bytes;
            if (rows[i] > 0 && holds) holding.push_back(left[i]);
        }
        if (holding.size() == left.size()) {
            for (std::size_t i = 0; i < rows.size(); ++i)
                out.shares[i] = static_cast<double>(rows[i]) / static_cast<double>(batch);
            if (out.children.size() > 1) return out;
            return Node{{model, left[0], 0, chain.size()}};
        }
        left = std::move(holding);
    }
    return std::nullopt;
}

std::optional<Node> split_batch(const Problem& problem, const Chain& chain, std::uint32_t model, const Boards& boards) {
    const graph::Graph& graph = *problem.models[model].graph;
    if (!can_split_batch(graph)) return std::nullopt;
    Boards order = boards;
    const auto whole = [&](std::uint32_t board) {
        return stage_seconds(problem.models[model].costs[board], 0, chain.size());
    };
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return whole(a) < whole(b); });
    order.resize(std::min(order.size(), kMostBoards));
    const auto rows = batch_rows(problem, chain, model, order);
    Node out;
    out.axis = Axis::batch;
    out.merge = Merge::concatenate;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] == 0) continue;
        out.children.push_back({{model, order[i], 0, chain.size()}});
        out.shares.push_back(static_cast<double>(rows[i]) / static_cast<double>(batch_extent(graph)));
    }
    if (out.children.size() < 2) return std::nullopt;
    return out;
}

}  // namespace shoal::plan
