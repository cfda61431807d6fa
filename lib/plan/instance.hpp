// A pipeline problem as the searches see it: numbers only, equal boards collapsed into kinds, and for every kind and
// start the set of ends at which its memory still suffices.
//
// Memory is a hard limit and it is not monotone: a longer stage may need less when it ends where little crosses. So
// what fits is kept as sets of positions, not as a furthest one.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "plan/bit_row.hpp"
#include "plan/pipeline.hpp"

namespace shoal::plan {

/// Divides boards into kinds that no plan can tell apart: equal costs, memory and links. Each kind's boards in the
/// given order; kinds in the order of their first board.
[[nodiscard]] std::vector<std::vector<std::uint32_t>> board_kinds(const Cluster& cluster, const CostTable& costs,
                                                                  const std::vector<std::uint32_t>& boards);

/// A stage before it is known which board of its kind takes it.
struct KindStage {
    std::uint32_t kind = 0;
    std::uint32_t first = 0, last = 0;
};

/// Refers to chain, cluster and costs, which must outlive it. Only forbid() changes it.
class Instance {
public:
    /// Throws internal when the boards make more kinds than a Lattice tells apart.
    Instance(const Chain& chain, const Cluster& cluster, const CostTable& costs,
             const std::vector<std::uint32_t>& boards, std::uint32_t credits);

    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
    [[nodiscard]] std::uint32_t kinds() const noexcept { return static_cast<std::uint32_t>(kinds_.size()); }
    [[nodiscard]] const std::vector<std::uint32_t>& boards(std::uint32_t kind) const { return kinds_[kind]; }
    [[nodiscard]] std::vector<std::uint32_t> counts() const;
    [[nodiscard]] std::uint32_t credits() const noexcept { return credits_; }

    /// Compute of kernels [first, last) on a board of that kind.
    [[nodiscard]] double seconds(std::uint32_t kind, std::uint32_t first, std::uint32_t last) const {
        return total_s_[kind * (size_ + 1) + last] - total_s_[kind * (size_ + 1) + first];
    }
    /// Sums of compute before each position; size() + 1 entries.
    [[nodiscard]] const double* total_seconds(std::uint32_t kind) const { return &total_s_[kind * (size_ + 1)]; }

    /// Kinds into which every board sends alike are one entry: with equal links there is a single one.
    [[nodiscard]] std::uint32_t entries() const noexcept { return entries_; }
    [[nodiscard]] std::uint32_t entry(std::uint32_t kind) const { return entry_[kind]; }

    /// Seconds that the message at `cut` takes from a board of `kind` to one of `entry`, and its period.
    [[nodiscard]] double transfer_s(std::uint32_t kind, std::uint32_t entry, std::uint32_t cut) const {
        return there_[kind * entries_ + entry].seconds(static_cast<double>(chain_.cut_bytes(cut)));
    }
    [[nodiscard]] double period_s(std::uint32_t kind, std::uint32_t entry, std::uint32_t cut) const;
    [[nodiscard]] double input_s(std::uint32_t kind) const;  ///< the request, from the hub
    [[nodiscard]] double input_period_s(std::uint32_t kind) const;
    [[nodiscard]] double output_s(std::uint32_t kind) const;  ///< the answer, to the hub
    [[nodiscard]] double output_period_s(std::uint32_t kind) const;

    /// Positions at which a stage of `kind` that starts at `first` may end: bits::words(size() + 1) words.
    [[nodiscard]] const bits::Word* ends(std::uint32_t kind, std::uint32_t first) const {
        return &ends_[(std::size_t{kind} * size_ + first) * words_];
    }
    [[nodiscard]] const std::vector<bits::Word>& all_ends() const noexcept { return ends_; }
    [[nodiscard]] std::uint32_t words() const noexcept { return words_; }

    /// Holds the stages against their boards' memory as it will be packed. Stages that do not fit after all are
    /// forbidden, with their neighbours that do not either; false when there was one.
    bool confirm(const std::vector<KindStage>& stages);

    /// Gives the stages to boards: the first free one of each kind.
    [[nodiscard]] Pipeline assign(const std::vector<KindStage>& stages) const;

    [[nodiscard]] double latency_of(const std::vector<KindStage>& stages) const;
    [[nodiscard]] double period_of(const std::vector<KindStage>& stages) const;
    /// The longest stage or message: the period, unless a single credit makes them take turns.
    [[nodiscard]] double longest_part(const std::vector<KindStage>& stages) const;

private:
    void group_entries();
    void find_ends();
    [[nodiscard]] bool fits(std::uint32_t kind, std::uint32_t first, std::uint32_t last);
    [[nodiscard]] const Link& sample(std::uint32_t kind, std::uint32_t entry, bool back) const;

    const Chain& chain_;
    const Cluster& cluster_;
    const CostTable& costs_;
    std::uint32_t size_, credits_, words_, entries_ = 0;
    std::vector<std::vector<std::uint32_t>> kinds_;
    std::vector<std::uint64_t> memory_;
    std::vector<double> total_s_;
    std::vector<std::uint32_t> entry_;
    std::vector<Link> there_, back_, from_hub_, to_hub_;
    std::vector<bits::Word> ends_;
    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, bool> confirmed_;
};

}  // namespace shoal::plan
