// A graph as a chain: its kernels in order, and what crosses each cut between two of them.
//
// A pipeline cuts the chain into stages. Whatever is made (or given to the graph) before a cut and needed behind it
// crosses the cut and is handed from stage to stage: several tensors, skip connections and late inputs alike. So what a
// message holds depends on where the cut is and on nothing else; that is what makes the search exact (docs/planner.md).
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.hpp"
#include "graph/liveness.hpp"

namespace shoal::plan {

/// A constant that an earlier kernel reads too: a stage with both keeps it once.
struct SharedConstant {
    std::uint64_t bytes = 0;
    std::uint32_t previous = 0;  ///< the last kernel before that reads it
};

/// Immutable once made. Positions are 0 to size(): cut c lies before kernel c; cut 0 is the graph's input, cut size()
/// its output.
class Chain {
public:
    /// Tensors in an arena start at multiples of `alignment`.
    explicit Chain(const graph::Graph& graph, std::uint64_t alignment = 128);

    [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(kernels_.size()); }
    [[nodiscard]] const graph::GroupRange& kernel(std::uint32_t i) const { return kernels_.at(i); }

    /// Values that a message at this cut holds, by id.
    [[nodiscard]] const std::vector<graph::ValueId>& crossing(std::uint32_t cut) const { return crossing_.at(cut); }
    [[nodiscard]] std::uint64_t cut_bytes(std::uint32_t cut) const { return cut_bytes_.at(cut); }

    /// Constants that a kernel reads, as the graph holds them, each once.
    [[nodiscard]] std::uint64_t constant_bytes(std::uint32_t kernel) const { return constant_bytes_.at(kernel); }
    [[nodiscard]] const std::vector<SharedConstant>& shared(std::uint32_t kernel) const { return shared_.at(kernel); }

    /// Bytes of the arena that holds the inner values of kernels [first, last), packed as a device packs them. What the
    /// stage receives and sends is not in it.
    [[nodiscard]] std::uint64_t arena_bytes(std::uint32_t first, std::uint32_t last) const;

    /// The most bytes of inner values that live at a time in [first, last), for one `first` and a growing `last`.
    /// Never above arena_bytes, and it never falls as the stage grows.
    class PeakScan {
    public:
        PeakScan(const Chain& chain, std::uint32_t first) : chain_(chain), first_(first), last_(first) {}
        /// Takes one more kernel in and returns the peak.
        std::uint64_t extend();

    private:
        const Chain& chain_;
        std::uint32_t first_, last_;
        std::vector<std::uint64_t> live_{};  // by kernel, from first_
        std::uint64_t peak_ = 0;
    };

private:
    // A value made by a kernel, from there to its last reader.
    struct Inner {
        std::uint64_t bytes;
        std::uint32_t maker;
    };

    void find_values(const graph::Graph& graph, const std::vector<std::uint32_t>& kernel_of, std::uint64_t alignment);
    void find_constants(const graph::Graph& graph);

    std::vector<graph::GroupRange> kernels_;
    std::vector<std::vector<graph::ValueId>> crossing_;
    std::vector<std::uint64_t> cut_bytes_, constant_bytes_;
    std::vector<std::vector<SharedConstant>> shared_;
    std::vector<std::vector<Inner>> ends_at_;  // by the kernel that reads the value last; the graph's outputs: nowhere
    std::uint64_t alignment_;
};

/// Kernels [first, last) as a graph of their own whose inputs are all that crosses cut `first` and whose outputs are
/// all that crosses cut `last`, in the chain's order and named after the values (whose names must be unique); what only
/// passes through is both. Stages so made compose to the whole graph.
[[nodiscard]] graph::Graph stage_graph(const graph::Graph& graph, const Chain& chain, std::uint32_t first,
                                       std::uint32_t last);

}  // namespace shoal::plan
