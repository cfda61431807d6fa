#include "graph/liveness.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/checked.hpp"

namespace shoal::graph {

std::vector<std::uint32_t> last_uses(const Graph& graph) {
    std::vector<std::uint32_t> out(graph.values.size(), 0);
    for (std::uint32_t i = 0; i < graph.ops.size(); ++i) {
        for (const auto id : graph.ops[i].inputs) {
            if (id != kNoValue) out[id] = i;
        }
    }
    for (const auto& port : graph.outputs)
        out[port.value] = static_cast<std::uint32_t>(graph.ops.size());
    return out;
}

std::vector<bool> materialised(const Graph& graph) {
    std::vector<std::uint32_t> maker(graph.values.size(), std::numeric_limits<std::uint32_t>::max());
    std::vector<bool> out(graph.values.size(), false);
    for (const Op& op : graph.ops) {
        for (const auto id : op.inputs) {
            if (id != kNoValue && !graph.is_constant(id) && maker[id] != op.group) out[id] = true;
        }
        for (const auto id : op.outputs)
            maker[id] = op.group;
    }
    for (const auto& port : graph.outputs)
        out[port.value] = true;
    return out;
}

std::uint64_t peak_live_bytes(const Graph& graph) {
    const auto last = last_uses(graph);
    const auto kept = materialised(graph);
    std::vector<std::int64_t> change(graph.ops.size() + 2, 0);
    for (std::size_t i = 0; i < graph.ops.size(); ++i) {
        for (const auto id : graph.ops[i].outputs) {
            if (!kept[id] || last[id] >= graph.ops.size()) continue;
            const auto bytes = static_cast<std::int64_t>(graph.type(id).size_bytes());
            change[i] += bytes;
            change[std::max<std::size_t>(last[id], i) + 1] -= bytes;
        }
    }
    std::int64_t live = 0, peak = 0;
    for (const auto delta : change)
        peak = std::max(peak, live += delta);
    return static_cast<std::uint64_t>(peak);
}

Packing pack(std::span<const Lifetime> lifetimes, std::uint64_t alignment) {
    Packing out{std::vector<std::uint64_t>(lifetimes.size(), 0), 0};
    std::vector<std::size_t> order(lifetimes.size()), placed;  // placed: by offset
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
    for (const std::size_t i : order) {
        const Lifetime& own = lifetimes[i];
        std::uint64_t best = std::numeric_limits<std::uint64_t>::max(), best_gap = best, end = 0;
        for (const std::size_t j : placed) {
            const Lifetime& other = lifetimes[j];
            if (other.last < own.first || other.first > own.last) continue;
            if (out.offsets[j] >= end + own.bytes && out.offsets[j] - end < best_gap) {
                best = end;
                best_gap = out.offsets[j] - end;
            }
            end = std::max(end, base::round_up(out.offsets[j] + other.bytes, alignment));
        }
        out.offsets[i] = best_gap == std::numeric_limits<std::uint64_t>::max() ? end : best;
        out.total = std::max(out.total, out.offsets[i] + own.bytes);
        const auto at = std::upper_bound(placed.begin(), placed.end(), out.offsets[i],
                                         [&](std::uint64_t offset, std::size_t j) { return offset < out.offsets[j]; });
        placed.insert(at, i);
    }
    out.total = base::round_up(out.total, alignment);
    return out;
}

}  // namespace shoal::graph
