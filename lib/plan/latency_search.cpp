#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/error.hpp"
#include "plan/latency_bound.hpp"
#include "plan/reach.hpp"
#include "plan/search.hpp"

namespace shoal::plan {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kFirstBeam = 64, kBeamGrowth = 8;
constexpr std::size_t kMostLabels = 8U << 20;
constexpr int kRounds = 150;  // of improving the bound's prices

// When the message at `position` has arrived at a board of `entry` at the earliest.
struct Label {
    std::uint32_t entry, position;
    double time;
};

// What is known of one choice of boards.
struct Node {
    std::vector<Label> labels;
    double promise = 0;  // the least that a pipeline which goes on from here can take
};

std::vector<Moves> all_moves(const Instance& instance) {
    std::vector<Moves> out;
    for (std::uint32_t q = 0; q < instance.kinds(); ++q)
        out.emplace_back(instance, q, nullptr, true);
    return out;
}

// Layer by layer, one board more each. Labels that cannot beat the best pipeline known are dropped at once; a layer
// that grows beyond the beam keeps its most promising choices, and the bound remembers what was let go. Wider and wider
// beams, until nothing was let go that could be better.
class LatencySearch {
public:
    LatencySearch(const Instance& instance, const Lattice& lattice, const SearchOptions& options)
        : instance_(instance),
          lattice_(lattice),
          options_(options),
          size_(instance.size()),
          entries_(instance.entries()),
          moves_(all_moves(instance)),
          bound_(instance, lattice, moves_),
          finished_(size_ + 1, kInfinity),
          reached_(std::size_t{entries_} * (size_ + 1), kInfinity) {
        for (std::uint32_t q = 0; q < instance.kinds(); ++q) {
            for (std::uint32_t e = 0; e < entries_; ++e) {
                for (std::uint32_t cut = 0; cut <= size_; ++cut)
                    transfer_.push_back(instance.transfer_s(q, e, cut));
            }
        }
    }

    std::optional<SearchResult> run() {
        start_with_any();
        double lower = bound_.whole();
        for (std::size_t beam = kFirstBeam; sweep(beam); beam *= kBeamGrowth) {
            lower = std::max(lower, std::min(let_go_, best_));
            if (lower >= best_) break;
            if (beam != kFirstBeam) continue;
            if (best_ < kInfinity) bound_.tighten(best_, kRounds);
            lower = std::max(lower, bound_.whole());
            sweep(beam);
        }
        if (best_stages_.empty()) return std::nullopt;
        const double value = instance_.latency_of(best_stages_);
        return SearchResult{best_stages_, value, std::min(value, lower)};
    }

private:
    // Some pipeline, so that there is something to beat.
    void start_with_any() {
        FurthestReach reach(instance_, lattice_);
        reach.run(kInfinity);
        std::uint32_t found = 0;
        for (std::uint32_t state = 1; state < lattice_.size(); ++state) {
            const bool wanted = options_.stages == 0 || lattice_.boards(state) == options_.stages;
            if (reach.done(state) && wanted && (found == 0 || lattice_.boards(state) < lattice_.boards(found)))
                found = state;
        }
        if (found == 0) return;
        best_stages_ = reach.stages(found);
        best_ = instance_.latency_of(best_stages_);
    }

    // False when the effort ran out on the way.
    bool sweep(std::size_t beam) {
        nodes_.clear();
        nodes_.emplace(0, Node{});
        let_go_ = kInfinity;
        labels_ = 0;
        std::vector<std::uint32_t> layer{0};
        for (std::uint32_t boards = 1; !layer.empty() && (options_.stages == 0 || boards <= options_.stages);
             ++boards) {
            std::vector<std::uint32_t> next;
            for (const auto state : successors(layer)) {
                if (used_ > options_.effort || labels_ > kMostLabels) return false;
                if (visit(state)) next.push_back(state);
            }
            keep_best(next, beam);
            layer = std::move(next);
        }
        return true;
    }

    [[nodiscard]] std::vector<std::uint32_t> successors(const std::vector<std::uint32_t>& layer) const {
        std::vector<std::uint32_t> out;
        for (const auto state : layer)
            for_each_kind(lattice_.free(state), [&](std::uint32_t q) { out.push_back(state + lattice_.stride(q)); });
        std::sort(out.begin(), out.end());
        out.erase(std::unique(out.begin(), out.end()), out.end());
        return out;
    }

    // Finds the labels of a choice of boards from those with one board less. True when any is worth going on from.
    bool visit(std::uint32_t state) {
        std::fill(reached_.begin(), reached_.end(), kInfinity);
        for (std::uint32_t q = 0; q < instance_.kinds(); ++q) {
            if (lattice_.count(state, q) == 0) continue;
            const std::uint32_t before = state - lattice_.stride(q);
            const auto at = nodes_.find(before);
            if (at == nodes_.end()) continue;
            arrive(before, at->second, q);
            if (arrivals_.empty()) continue;
            const std::uint32_t last = leave(q);
            if (last == size_) finish(before, q);
            hand_over(q, arrivals_.front().first + 1, std::min(last, size_ - 1));
        }
        return lattice_.free(state) != 0 && keep(state);
    }

    // arrivals_: when a board of kind q, new to `state`, has which message, in order; what comes too late is left out.
    void arrive(std::uint32_t state, const Node& node, std::uint32_t q) {
        arrivals_.clear();
        if (state == 0 && bits::test(moves_[q].live.data(), 0)) arrivals_.emplace_back(0, instance_.input_s(q));
        for (const Label& label : node.labels) {
            if (label.entry == instance_.entry(q) && bits::test(moves_[q].live.data(), label.position) &&
                label.time + bound_.rest(state, label.entry, label.position) < best_)
                arrivals_.emplace_back(label.position, label.time);
        }
    }

    // finished_[end]: the earliest time at which a stage of kind q that ends there is through, for every end behind the
    // first arrival up to the last that any arrival reaches, which is returned.
    std::uint32_t leave(std::uint32_t q) {
        const Moves& moves = moves_[q];
        const double* const total = instance_.total_seconds(q);
        const std::uint32_t first = arrivals_.front().first;
        std::uint32_t last = moves.base[arrivals_.back().first];
        for (const auto& [start, time] : arrivals_) {
            if (bits::test(moves.odd.data(), start)) last = std::max(last, bits::last(moves.extra_row(start), size_));
        }
        std::fill(finished_.begin() + first, finished_.begin() + last + 1, kInfinity);
        window_.clear();
        std::size_t front = 0, next = 0;
        for (std::uint32_t end = first + 1; end <= last; ++end) {
            if (next < arrivals_.size() && arrivals_[next].first == end - 1) {
                const double head_start = arrivals_[next].second - total[end - 1];
                while (window_.size() > front && window_.back().second >= head_start)
                    window_.pop_back();
                window_.emplace_back(end - 1, head_start);
                ++next;
            }
            while (front < window_.size() && moves.base[window_[front].first] < end)
                ++front;
            if (front < window_.size()) finished_[end] = window_[front].second + total[end];
        }
        for (const auto& [start, time] : arrivals_) {
            if (!bits::test(moves.odd.data(), start)) continue;
            const bits::Word* const row = moves.extra_row(start);
            for (auto end = bits::next(row, 0, size_ + 1); end <= size_; end = bits::next(row, end + 1, size_ + 1))
                finished_[end] = std::min(finished_[end], time - total[start] + total[end]);
        }
        used_ += last - first + 16;
        return last;
    }

    void finish(std::uint32_t before, std::uint32_t q) {
        if (options_.stages != 0 && lattice_.boards(before) + 1 != options_.stages) return;
        const double value = finished_[size_] + instance_.output_s(q);
        if (!(value < best_)) return;
        best_ = value;
        best_stages_ = way_back(before, q);
    }

    void hand_over(std::uint32_t q, std::uint32_t first, std::uint32_t last) {
        for (std::uint32_t e = 0; e < entries_; ++e) {
            const double* const way = &transfer_[(std::size_t{q} * entries_ + e) * (size_ + 1)];
            double* const reached = &reached_[std::size_t{e} * (size_ + 1)];
            for (std::uint32_t i = first; i <= last; ++i)
                reached[i] = std::min(reached[i], finished_[i] + way[i]);
        }
        if (first <= last) used_ += std::uint64_t{entries_} * (last - first + 1) / 4;
    }

    bool keep(std::uint32_t state) {
        Node node{{}, kInfinity};
        for (std::uint32_t e = 0; e < entries_; ++e) {
            const double* const reached = &reached_[std::size_t{e} * (size_ + 1)];
            for (std::uint32_t i = 1; i < size_; ++i) {
                if (reached[i] == kInfinity) continue;
                const double promise = reached[i] + bound_.rest(state, e, i);
                if (!(promise < best_)) continue;
                node.labels.push_back({e, i, reached[i]});
                node.promise = std::min(node.promise, promise);
            }
        }
        used_ += reached_.size() / 4;
        if (node.labels.empty()) return false;
        labels_ += node.labels.size();
        nodes_.emplace(state, std::move(node));
        return true;
    }

    void keep_best(std::vector<std::uint32_t>& layer, std::size_t most) {
        if (layer.size() <= most) return;
        std::sort(layer.begin(), layer.end(), [&](std::uint32_t a, std::uint32_t b) {
            const double pa = nodes_.at(a).promise, pb = nodes_.at(b).promise;
            return pa < pb || (pa == pb && a < b);
        });
        let_go_ = std::min(let_go_, nodes_.at(layer[most]).promise);
        for (std::size_t i = most; i < layer.size(); ++i) {
            labels_ -= nodes_.at(layer[i]).labels.size();
            nodes_.erase(layer[i]);
        }
        layer.resize(most);
    }

    // The stages of the pipeline whose last stage a board of kind `last` takes after the boards of `state`.
    [[nodiscard]] std::vector<KindStage> way_back(std::uint32_t state, std::uint32_t last) const {
        std::vector<KindStage> out;
        std::uint32_t q = last, end = size_;
        for (;;) {
            const std::uint32_t start = best_start(state, q, end).first;
            out.push_back({q, start, end});
            if (state == 0) break;
            const std::uint32_t entry = instance_.entry(q);
            double least = kInfinity;
            std::uint32_t next = 0;
            for (std::uint32_t p = 0; p < instance_.kinds(); ++p) {
                if (lattice_.count(state, p) == 0) continue;
                const double value =
                    best_start(state - lattice_.stride(p), p, start).second + instance_.transfer_s(p, entry, start);
                if (value < least) least = value, next = p;
            }
            base::ensure(least < kInfinity, "no way back to position ", start);
            state -= lattice_.stride(next);
            q = next;
            end = start;
        }
        std::reverse(out.begin(), out.end());
        return out;
    }

    // From where a board of kind q, new to `state`, is through with `end` first, and when.
    [[nodiscard]] std::pair<std::uint32_t, double> best_start(std::uint32_t state, std::uint32_t q,
                                                              std::uint32_t end) const {
        std::pair<std::uint32_t, double> out{0, kInfinity};
        const auto consider = [&](std::uint32_t start, double arrival) {
            if (start >= end || !moves_[q].can_end(start, end)) return;
            const double value = arrival + instance_.seconds(q, start, end);
            if (value < out.second) out = {start, value};
        };
        if (state == 0) consider(0, instance_.input_s(q));
        const auto at = nodes_.find(state);
        if (at == nodes_.end()) return out;
        for (const Label& label : at->second.labels) {
            if (label.entry == instance_.entry(q)) consider(label.position, label.time);
        }
        return out;
    }

    const Instance& instance_;
    const Lattice& lattice_;
    const SearchOptions& options_;
    std::uint32_t size_, entries_;
    std::vector<Moves> moves_;
    LatencyBound bound_;
    std::vector<double> transfer_;            // [(kind * entries + entry) * (size + 1) + cut]
    std::vector<double> finished_, reached_;  // of the visit at hand; [entry * (size + 1) + cut]
    std::vector<std::pair<std::uint32_t, double>> arrivals_, window_;
    std::unordered_map<std::uint32_t, Node> nodes_;
    std::size_t labels_ = 0;
    std::uint64_t used_ = 0;
    double best_ = kInfinity, let_go_ = kInfinity;
    std::vector<KindStage> best_stages_;
};

}  // namespace

std::optional<SearchResult> shortest_latency(Instance& instance, const Lattice& lattice, const SearchOptions& options) {
    for (;;) {
        auto found = LatencySearch(instance, lattice, options).run();
        if (!found || instance.confirm(found->stages)) return found;
    }
}

}  // namespace shoal::plan
