#include "plan/chain.hpp"

#include <algorithm>
#include <unordered_set>

#include "base/checked.hpp"

namespace shoal::plan {

using graph::Graph;
using graph::kNoValue;
using graph::ValueId;

namespace {

std::vector<std::uint32_t> kernels_of_ops(const Graph& graph, const std::vector<graph::GroupRange>& kernels) {
    std::vector<std::uint32_t> out(graph.ops.size());
    for (std::uint32_t k = 0; k < kernels.size(); ++k)
        std::fill(out.begin() + kernels[k].first, out.begin() + kernels[k].last, k);
    return out;
}

// Where a value lives: made by kernel `made - 1` (0: it is an input of the graph), read last by kernel `read`.
struct Life {
    std::uint32_t made = 0, read = 0;
    bool wanted = false;  // by any kernel or by the graph's outputs
};

std::vector<Life> lives_of(const Graph& graph, const std::vector<std::uint32_t>& kernel_of, std::uint32_t size) {
    std::vector<Life> out(graph.values.size());
    for (std::uint32_t i = 0; i < graph.ops.size(); ++i) {
        for (const auto id : graph.ops[i].outputs)
            out[id] = {kernel_of[i] + 1, kernel_of[i], false};
        for (const auto id : graph.ops[i].inputs) {
            if (id == kNoValue) continue;
            out[id].read = kernel_of[i];
            out[id].wanted = true;
        }
    }
    for (const auto& port : graph.outputs) {
        out[port.value].read = size;
        out[port.value].wanted = true;
    }
    return out;
}

}  // namespace

Chain::Chain(const Graph& graph, std::uint64_t alignment)
    : kernels_(graph::groups(graph)),
      crossing_(kernels_.size() + 1),
      cut_bytes_(kernels_.size() + 1, 0),
      constant_bytes_(kernels_.size(), 0),
      shared_(kernels_.size()),
      ends_at_(kernels_.size()),
      alignment_(std::max<std::uint64_t>(alignment, 1)) {
    find_values(graph, kernels_of_ops(graph, kernels_), alignment_);
    find_constants(graph);
}

void Chain::find_values(const Graph& graph, const std::vector<std::uint32_t>& kernel_of, std::uint64_t alignment) {
    const auto lives = lives_of(graph, kernel_of, size());
    std::vector<bool> defined(graph.values.size(), false);
    for (const auto& port : graph.inputs)
        defined[port.value] = true;
    for (const auto& op : graph.ops) {
        for (const auto id : op.outputs)
            defined[id] = true;
    }
    const auto inner = graph::materialised(graph);
    for (ValueId id = 0; id < graph.values.size(); ++id) {
        if (!defined[id] || graph.is_constant(id)) continue;
        const Life& life = lives[id];
        const std::uint64_t bytes = graph.type(id).size_bytes();
        if (life.wanted) {
            for (std::uint32_t cut = life.made; cut <= life.read; ++cut) {
                crossing_[cut].push_back(id);
                cut_bytes_[cut] = base::checked_add(cut_bytes_[cut], bytes, "bytes across a cut");
            }
        }
        // A result that nobody reads still needs room while its kernel runs.
        const bool kept = life.made > 0 && life.read < size() && (inner[id] || !life.wanted);
        if (kept) ends_at_[life.read].push_back({base::round_up(bytes, alignment), life.made - 1});
    }
}

void Chain::find_constants(const Graph& graph) {
    constexpr std::uint32_t kNobody = ~std::uint32_t{0};
    std::vector<std::uint32_t> reader(graph.values.size(), kNobody);
    for (std::uint32_t k = 0; k < size(); ++k) {
        for (std::uint32_t i = kernels_[k].first; i < kernels_[k].last; ++i) {
            for (const auto id : graph.ops[i].inputs) {
                if (id == kNoValue || !graph.is_constant(id) || reader[id] == k) continue;
                const std::uint64_t bytes = graph.type(id).size_bytes();
                constant_bytes_[k] = base::checked_add(constant_bytes_[k], bytes, "constants of a kernel");
                if (reader[id] != kNobody) shared_[k].push_back({bytes, reader[id]});
                reader[id] = k;
            }
        }
    }
}

std::uint64_t Chain::arena_bytes(std::uint32_t first, std::uint32_t last) const {
    std::vector<graph::Lifetime> lifetimes;
    for (std::uint32_t k = first; k < last; ++k) {
        for (const Inner& value : ends_at_[k]) {
            if (value.maker >= first) lifetimes.push_back({value.bytes, value.maker, k});
        }
    }
    return graph::pack(lifetimes, alignment_).total;
}

std::uint64_t Chain::PeakScan::extend() {
    const std::uint32_t taken = last_++;
    live_.push_back(0);
    for (const Inner& value : chain_.ends_at_[taken]) {
        if (value.maker < first_) continue;
        for (std::uint32_t k = value.maker; k <= taken; ++k)
            peak_ = std::max(peak_, live_[k - first_] += value.bytes);
    }
    return peak_;
}

Graph stage_graph(const Graph& graph, const Chain& chain, std::uint32_t first, std::uint32_t last) {
    base::ensure(first <= last && last <= chain.size(), "stage of kernels ", first, " to ", last, " of ", chain.size());
    Graph out;
    out.name = graph.name;
    std::vector<ValueId> map(graph.values.size(), kNoValue);
    const auto taken = [&](ValueId id) {
        if (id == kNoValue) return kNoValue;
        if (map[id] == kNoValue) {
            map[id] = static_cast<ValueId>(out.values.size());
            out.values.push_back(graph.values[id]);
        }
        return map[id];
    };
    for (const auto id : chain.crossing(first)) {
        const ValueId inside = taken(id);
        out.inputs.push_back({graph.value(id).name, inside});
    }
    for (std::uint32_t k = first; k < last; ++k) {
        for (std::uint32_t i = chain.kernel(k).first; i < chain.kernel(k).last; ++i) {
            graph::Op op = graph.ops[i];
            std::transform(op.inputs.begin(), op.inputs.end(), op.inputs.begin(), taken);
            std::transform(op.outputs.begin(), op.outputs.end(), op.outputs.begin(), taken);
            out.ops.push_back(std::move(op));
        }
    }
    for (const auto id : chain.crossing(last)) {
        const ValueId inside = taken(id);
        out.outputs.push_back({graph.value(id).name, inside});
    }
    return out;
}

}  // namespace shoal::plan
