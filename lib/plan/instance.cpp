#include "plan/instance.hpp"

#include <algorithm>
#include <functional>

#include "plan/lattice.hpp"

namespace shoal::plan {
namespace {

using Boards = std::vector<std::uint32_t>;

// Whether a and b are the same to every board of `boards` beside them: both ways, or only as receivers.
bool same_links(const Cluster& cluster, const Boards& boards, std::uint32_t a, std::uint32_t b, bool both_ways) {
    if (cluster.links.empty()) return true;
    for (const auto x : boards) {
        if (x == a || x == b) continue;
        if (cluster.between(x, a) != cluster.between(x, b)) return false;
        if (both_ways ? cluster.between(a, x) != cluster.between(b, x)
                      : cluster.between(a, x).latency_s != cluster.between(b, x).latency_s)
            return false;
    }
    return !both_ways || cluster.between(a, b) == cluster.between(b, a);
}

bool same_kind(const Cluster& cluster, const CostTable& costs, const Boards& boards, std::uint32_t a, std::uint32_t b) {
    return cluster.boards[a].memory_bytes == cluster.boards[b].memory_bytes && costs[a] == costs[b] &&
           cluster.from_hub(a) == cluster.from_hub(b) && cluster.to_hub(a) == cluster.to_hub(b) &&
           same_links(cluster, boards, a, b, true);
}

// Boards that may be of one kind have equal fingerprints.
std::size_t fingerprint(const Cluster& cluster, const CostTable& costs, std::uint32_t board) {
    std::size_t out = std::hash<std::uint64_t>{}(cluster.boards[board].memory_bytes);
    for (const auto& cost : costs[board])
        out = out * 1099511628211U ^ std::hash<double>{}(cost.seconds) ^ cost.weight_bytes;
    return out;
}

}  // namespace

std::vector<Boards> board_kinds(const Cluster& cluster, const CostTable& costs, const Boards& boards) {
    std::vector<Boards> out;
    std::vector<std::size_t> prints;
    for (const auto board : boards) {
        const std::size_t print = fingerprint(cluster, costs, board);
        std::size_t kind = 0;
        while (kind < out.size() && !(prints[kind] == print && same_kind(cluster, costs, boards, out[kind][0], board)))
            ++kind;
        if (kind == out.size()) {
            out.emplace_back();
            prints.push_back(print);
        }
        out[kind].push_back(board);
    }
    return out;
}

Instance::Instance(const Chain& chain, const Cluster& cluster, const CostTable& costs, const Boards& boards,
                   std::uint32_t credits)
    : chain_(chain),
      cluster_(cluster),
      costs_(costs),
      size_(chain.size()),
      credits_(credits),
      words_(bits::words(size_ + 1)),
      kinds_(board_kinds(cluster, costs, boards)) {
    base::ensure(kinds_.size() <= Lattice::kMostKinds, kinds_.size(), " kinds of boards in one search");
    for (const auto& kind : kinds_) {
        memory_.push_back(cluster.boards[kind[0]].memory_bytes);
        from_hub_.push_back(cluster.from_hub(kind[0]));
        to_hub_.push_back(cluster.to_hub(kind[0]));
        double total = 0;
        total_s_.push_back(0);
        for (std::uint32_t k = 0; k < size_; ++k)
            total_s_.push_back(total += costs[kind[0]][k].seconds);
    }
    group_entries();
    find_ends();
}

Boards Instance::counts() const {
    Boards out;
    for (const auto& kind : kinds_)
        out.push_back(static_cast<std::uint32_t>(kind.size()));
    return out;
}

// Two kinds are one entry when every other board sends to both alike; a board does not send to itself, so that all of a
// cluster of equal links are one entry.
void Instance::group_entries() {
    Boards all;
    for (const auto& kind : kinds_)
        all.insert(all.end(), kind.begin(), kind.end());
    std::vector<Boards> members;
    for (std::uint32_t q = 0; q < kinds(); ++q) {
        const auto joins = [&](const Boards& entry) {
            return std::all_of(entry.begin(), entry.end(), [&](std::uint32_t other) {
                return same_links(cluster_, all, kinds_[q][0], kinds_[other][0], false);
            });
        };
        const auto at = std::find_if(members.begin(), members.end(), joins);
        entry_.push_back(static_cast<std::uint32_t>(at - members.begin()));
        if (at == members.end()) members.emplace_back();
        members[entry_.back()].push_back(q);
    }
    entries_ = static_cast<std::uint32_t>(members.size());
    for (std::uint32_t q = 0; q < kinds(); ++q) {
        for (std::uint32_t e = 0; e < entries_; ++e) {
            there_.push_back(sample(q, e, false));
            back_.push_back(sample(q, e, true));
        }
    }
}

// Any link from a board of `kind` to another board of `entry`; where there is none, nobody asks.
const Link& Instance::sample(std::uint32_t kind, std::uint32_t entry, bool back) const {
    for (std::uint32_t q = 0; q < kinds(); ++q) {
        if (entry_[q] != entry) continue;
        for (const auto board : kinds_[q]) {
            const auto from = kinds_[kind][0];
            if (board != from) return back ? cluster_.between(board, from) : cluster_.between(from, board);
        }
    }
    return cluster_.default_link;
}

double Instance::period_s(std::uint32_t kind, std::uint32_t entry, std::uint32_t cut) const {
    const std::size_t at = std::size_t{kind} * entries_ + entry;
    return message_period_s(there_[at], back_[at], chain_.cut_bytes(cut), credits_);
}
double Instance::input_s(std::uint32_t kind) const {
    return from_hub_[kind].seconds(static_cast<double>(chain_.cut_bytes(0)));
}
double Instance::input_period_s(std::uint32_t kind) const {
    return message_period_s(from_hub_[kind], to_hub_[kind], chain_.cut_bytes(0), credits_);
}
double Instance::output_s(std::uint32_t kind) const {
    return to_hub_[kind].seconds(static_cast<double>(chain_.cut_bytes(size_)));
}
double Instance::output_period_s(std::uint32_t kind) const {
    return wire_s(to_hub_[kind], chain_.cut_bytes(size_));
}

void Instance::find_ends() {
    ends_.assign(std::size_t{kinds()} * size_ * words_, 0);
    for (std::uint32_t first = 0; first < size_; ++first) {
        Chain::PeakScan scan(chain_, first);
        std::vector<std::uint64_t> weights(kinds(), 0), workspace(kinds(), 0);
        bool any = true;
        for (std::uint32_t k = first; k < size_ && any; ++k) {
            const std::uint64_t peak = scan.extend();
            const std::uint64_t messages = (chain_.cut_bytes(first) + chain_.cut_bytes(k + 1)) * credits_;
            any = false;
            for (std::uint32_t q = 0; q < kinds(); ++q) {
                const auto& row = costs_[kinds_[q][0]];
                weights[q] += row[k].weight_bytes;
                workspace[q] = std::max(workspace[q], row[k].workspace_bytes);
                for (const auto& shared : chain_.shared(k)) {
                    if (shared.previous >= first) weights[q] -= shared_bytes_saved(chain_, row, k, shared);
                }
                const std::uint64_t kept = weights[q] + peak + workspace[q];
                any = any || kept <= memory_[q];
                if (kept + messages <= memory_[q]) bits::set(&ends_[(std::size_t{q} * size_ + first) * words_], k + 1);
            }
        }
    }
}

bool Instance::fits(std::uint32_t kind, std::uint32_t first, std::uint32_t last) {
    const auto [at, fresh] = confirmed_.try_emplace({kind, first, last}, false);
    if (fresh)
        at->second = stage_memory(chain_, costs_[kinds_[kind][0]], first, last, credits_).total() <= memory_[kind];
    return at->second;
}

bool Instance::confirm(const std::vector<KindStage>& stages) {
    constexpr std::uint32_t kNearStarts = 3, kNearEnds = 8;
    bool all = true;
    for (const auto& stage : stages) {
        if (fits(stage.kind, stage.first, stage.last)) continue;
        all = false;
        const std::uint32_t from = stage.first - std::min(stage.first, kNearStarts);
        for (std::uint32_t first = from; first <= std::min(stage.first + kNearStarts, size_ - 1); ++first) {
            bits::Word* const row = &ends_[(std::size_t{stage.kind} * size_ + first) * words_];
            const std::uint32_t until = std::min(stage.last + kNearEnds, size_);
            for (std::uint32_t last = stage.last - std::min(stage.last, kNearEnds); last <= until; ++last) {
                if (bits::test(row, last) && !fits(stage.kind, first, last)) bits::clear(row, last);
            }
        }
    }
    return all;
}

Pipeline Instance::assign(const std::vector<KindStage>& stages) const {
    Pipeline out;
    Boards taken(kinds(), 0);
    for (const auto& stage : stages)
        out.push_back({kinds_[stage.kind].at(taken[stage.kind]++), stage.first, stage.last});
    return out;
}

double Instance::latency_of(const std::vector<KindStage>& stages) const {
    return pipeline_latency_s(chain_, cluster_, costs_, assign(stages));
}

double Instance::period_of(const std::vector<KindStage>& stages) const {
    return pipeline_period_s(chain_, cluster_, costs_, assign(stages), credits_);
}

double Instance::longest_part(const std::vector<KindStage>& stages) const {
    if (stages.empty()) return 0;
    double out = std::max(input_period_s(stages.front().kind), output_period_s(stages.back().kind));
    for (std::size_t k = 0; k < stages.size(); ++k) {
        const auto& stage = stages[k];
        out = std::max(out, seconds(stage.kind, stage.first, stage.last));
        if (k + 1 < stages.size()) out = std::max(out, period_s(stage.kind, entry_[stages[k + 1].kind], stage.last));
    }
    return out;
}

}  // namespace shoal::plan
