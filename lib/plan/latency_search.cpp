#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/error.hpp"
#include "plan/moves.hpp"
#include "plan/search.hpp"

namespace shoal::plan {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::uint64_t kMostLabelBytes = 128ULL << 20;
constexpr std::size_t kFirstBeam = 64;

// Layer by layer, one board more each: for every choice of boards, entry and position the earliest time at which the
// message for the next stage has arrived. What cannot beat the best pipeline known is dropped at once; a layer that
// grows too wide keeps its most promising choices, and the bound remembers what was let go.
class LatencySearch {
public:
    LatencySearch(const Instance& instance, const Lattice& lattice, const SearchOptions& options)
        : instance_(instance),
          lattice_(lattice),
          options_(options),
          size_(instance.size()),
          entries_(instance.entries()),
          state_bytes_(std::uint64_t{entries_} * (size_ + 1) * sizeof(double)) {
        for (std::uint32_t q = 0; q < instance.kinds(); ++q)
            moves_.emplace_back(instance, q, nullptr, true);
        find_rest();
        find_transfers();
    }

    std::optional<SearchResult> run() {
        sweep(kFirstBeam);
        if (let_go_ < best_) sweep(std::max<std::size_t>(kMostLabelBytes / state_bytes_, kFirstBeam));
        if (best_stages_.empty()) return std::nullopt;
        const double value = instance_.latency_of(best_stages_);
        return SearchResult{best_stages_, value, std::min(value, let_go_)};
    }

private:
    using Labels = std::vector<double>;  // [entry * (size + 1) + position]

    // rest_[i]: kernels from i on, each on the board that is best at it, and the answer's way home.
    void find_rest() {
        rest_.assign(size_ + 1, kInfinity);
        for (std::uint32_t q = 0; q < instance_.kinds(); ++q)
            rest_[size_] = std::min(rest_[size_], instance_.output_s(q));
        for (std::uint32_t k = size_; k-- > 0;) {
            double least = kInfinity;
            for (std::uint32_t q = 0; q < instance_.kinds(); ++q)
                least = std::min(least, instance_.seconds(q, k, k + 1));
            rest_[k] = rest_[k + 1] + least;
        }
    }

    void find_transfers() {
        for (std::uint32_t q = 0; q < instance_.kinds(); ++q) {
            for (std::uint32_t e = 0; e < entries_; ++e) {
                for (std::uint32_t cut = 0; cut <= size_; ++cut)
                    transfer_.push_back(instance_.transfer_s(q, e, cut));
            }
        }
    }

    void sweep(std::size_t beam) {
        labels_.clear();
        let_go_ = kInfinity;
        labels_.emplace(0, Labels{});
        std::vector<std::uint32_t> layer{0};
        while (!layer.empty()) {
            std::vector<std::uint32_t> next;
            for (const auto state : layer)
                expand(state, next);
            std::sort(next.begin(), next.end());
            const std::uint64_t room = kMostLabelBytes / state_bytes_;
            const std::size_t kept = labels_.size() - next.size();
            keep_best(next, std::min<std::size_t>(beam, room > kept ? room - kept : 1));
            layer = std::move(next);
        }
    }

    void expand(std::uint32_t state, std::vector<std::uint32_t>& next) {
        if (options_.stages != 0 && lattice_.boards(state) >= options_.stages) return;
        for_each_kind(lattice_.free(state), [&](std::uint32_t q) {
            if (used_ > options_.effort) {
                let_go_ = std::min(let_go_, promise(state));
                return;
            }
            used_ += size_;
            arrive(state, q);
            leave(q);
            const std::uint32_t after = state + lattice_.stride(q);
            finish(state, after, q);
            if (lattice_.free(after) != 0) hand_over(after, q, next);
        });
    }

    // arrival_[i]: when a board of kind q, new to `state`, has the message at i; infinity where that is too late.
    void arrive(std::uint32_t state, std::uint32_t q) {
        arrival_.assign(size_ + 1, kInfinity);
        if (state == 0) {
            arrival_[0] = instance_.input_s(q);
            return;
        }
        const Labels& labels = labels_.at(state);
        const double* const from = &labels[std::size_t{instance_.entry(q)} * (size_ + 1)];
        for (std::uint32_t i = 1; i < size_; ++i) {
            if (from[i] + rest_[i] < best_) arrival_[i] = from[i];
        }
    }

    // finished_[k]: the earliest time at which a stage of kind q that ends at k is through, whatever its start.
    void leave(std::uint32_t q) {
        const Moves& moves = moves_[q];
        const double* const total = instance_.total_seconds(q);
        finished_.assign(size_ + 1, kInfinity);
        window_.clear();
        std::size_t front = 0;
        for (std::uint32_t end = 1; end <= size_; ++end) {
            const std::uint32_t start = end - 1;
            if (arrival_[start] < kInfinity && bits::test(moves.live.data(), start)) {
                const double head_start = arrival_[start] - total[start];
                while (window_.size() > front && window_.back().second >= head_start)
                    window_.pop_back();
                window_.emplace_back(start, head_start);
            }
            while (front < window_.size() && moves.base[window_[front].first] < end)
                ++front;
            if (front < window_.size()) finished_[end] = window_[front].second + total[end];
        }
        for (std::uint32_t start = bits::next(moves.odd.data(), 0, size_); start < size_;
             start = bits::next(moves.odd.data(), start + 1, size_)) {
            if (arrival_[start] == kInfinity) continue;
            const bits::Word* const row = moves.extra_row(start);
            for (std::uint32_t end = bits::next(row, 0, size_ + 1); end <= size_;
                 end = bits::next(row, end + 1, size_ + 1))
                finished_[end] = std::min(finished_[end], arrival_[start] - total[start] + total[end]);
        }
    }

    void finish(std::uint32_t before, std::uint32_t after, std::uint32_t q) {
        if (options_.stages != 0 && lattice_.boards(after) != options_.stages) return;
        const double value = finished_[size_] + instance_.output_s(q);
        if (!(value < best_)) return;
        best_ = value;
        best_stages_ = way_back(before, q);
    }

    void hand_over(std::uint32_t after, std::uint32_t q, std::vector<std::uint32_t>& next) {
        for (std::uint32_t e = 0; e < entries_; ++e) {
            const double* const way = &transfer_[(std::size_t{q} * entries_ + e) * (size_ + 1)];
            double* target = nullptr;
            for (std::uint32_t i = 1; i < size_; ++i) {
                const double value = finished_[i] + way[i];
                if (!(value + rest_[i] < best_)) continue;
                if (target == nullptr) target = &labels_of(after, next)[std::size_t{e} * (size_ + 1)];
                target[i] = std::min(target[i], value);
            }
        }
    }

    Labels& labels_of(std::uint32_t state, std::vector<std::uint32_t>& next) {
        const auto [at, fresh] = labels_.try_emplace(state);
        if (fresh) {
            at->second.assign(std::size_t{entries_} * (size_ + 1), kInfinity);
            next.push_back(state);
        }
        return at->second;
    }

    // The least that a pipeline which goes on from here can take.
    [[nodiscard]] double promise(std::uint32_t state) const {
        const Labels& labels = labels_.at(state);
        if (labels.empty()) return rest_[0];
        double out = kInfinity;
        for (std::uint32_t e = 0; e < entries_; ++e) {
            for (std::uint32_t i = 1; i < size_; ++i)
                out = std::min(out, labels[std::size_t{e} * (size_ + 1) + i] + rest_[i]);
        }
        return out;
    }

    void keep_best(std::vector<std::uint32_t>& layer, std::size_t most) {
        if (layer.size() <= most) return;
        std::vector<std::pair<double, std::uint32_t>> order;
        for (const auto state : layer)
            order.emplace_back(promise(state), state);
        std::sort(order.begin(), order.end());
        layer.clear();
        for (std::size_t i = 0; i < order.size(); ++i) {
            if (i < most) {
                layer.push_back(order[i].second);
            } else {
                if (order[i].first < best_) let_go_ = std::min(let_go_, order[i].first);
                labels_.erase(order[i].second);
            }
        }
        std::sort(layer.begin(), layer.end());
    }

    // The stages of the pipeline whose last stage a board of kind `last` takes after the boards of `state`.
    std::vector<KindStage> way_back(std::uint32_t state, std::uint32_t last) {
        std::vector<KindStage> out;
        std::uint32_t q = last, end = size_;
        for (;;) {
            const std::uint32_t start = best_start(state, q, end).first;
            out.push_back({q, start, end});
            if (start == 0) break;
            const std::uint32_t entry = instance_.entry(q);
            double least = kInfinity;
            std::uint32_t next = 0;
            for (std::uint32_t p = 0; p < instance_.kinds(); ++p) {
                if (lattice_.count(state, p) == 0 || labels_.count(state - lattice_.stride(p)) == 0) continue;
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
        const Labels& labels = labels_.at(state);
        for (std::uint32_t start = state == 0 ? 0 : 1; start < (state == 0 ? 1 : end); ++start) {
            const double arrival =
                state == 0 ? instance_.input_s(q) : labels[std::size_t{instance_.entry(q)} * (size_ + 1) + start];
            if (!moves_[q].can_end(start, end)) continue;
            const double value = arrival + instance_.seconds(q, start, end);
            if (value < out.second) out = {start, value};
        }
        return out;
    }

    const Instance& instance_;
    const Lattice& lattice_;
    const SearchOptions& options_;
    std::uint32_t size_, entries_;
    std::uint64_t state_bytes_, used_ = 0;
    std::vector<Moves> moves_;
    Labels rest_, transfer_, arrival_, finished_;
    std::vector<std::pair<std::uint32_t, double>> window_;
    std::unordered_map<std::uint32_t, Labels> labels_;
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
