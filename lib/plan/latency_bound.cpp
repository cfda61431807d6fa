#include "plan/latency_bound.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace shoal::plan {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The ends that a start may reach, best first: a queue whose values rise, filled from the chain's end on.
struct Window {
    std::vector<std::pair<std::uint32_t, double>> ends;
    std::size_t front = 0;

    void push(std::uint32_t end, double value) {
        while (ends.size() > front && ends.back().second >= value)
            ends.pop_back();
        ends.emplace_back(end, value);
    }
    void drop_behind(std::uint32_t last) {
        while (front < ends.size() && ends[front].first > last)
            ++front;
    }
};

}  // namespace

LatencyBound::LatencyBound(const Instance& instance, const Lattice& lattice, const std::vector<Moves>& moves)
    : instance_(instance),
      lattice_(lattice),
      moves_(moves),
      size_(instance.size()),
      entries_(instance.entries()),
      price_(instance.kinds(), 0) {
    for (std::uint32_t q = 0; q < instance.kinds(); ++q) {
        for (std::uint32_t e = 0; e < entries_; ++e) {
            for (std::uint32_t cut = 0; cut <= size_; ++cut)
                transfer_.push_back(instance.transfer_s(q, e, cut));
        }
    }
    solve();
    charge_states();
}

void LatencyBound::solve() {
    rest_.assign(std::size_t{entries_} * (size_ + 1), kInfinity);
    by_kind_.assign(rest_.size(), 0);
    by_end_.assign(rest_.size(), 0);
    whole_ = kInfinity;
    std::vector<Window> windows(instance_.kinds());
    std::vector<std::vector<double>> through(instance_.kinds(), std::vector<double>(size_ + 1, kInfinity));
    for (std::uint32_t start = size_; start-- > 0;) {
        for (std::uint32_t q = 0; q < instance_.kinds(); ++q) {
            const std::uint32_t end = start + 1;
            double& on = through[q][end];
            if (end == size_) on = instance_.output_s(q);
            for (std::uint32_t e = 0; e < entries_ && end < size_; ++e) {
                const std::size_t at = std::size_t{e} * (size_ + 1) + end;
                on = std::min(on, transfer_[(std::size_t{q} * entries_ + e) * (size_ + 1) + end] + rest_[at]);
            }
            const double* const total = instance_.total_seconds(q);
            on += total[end];
            windows[q].push(end, on);
            windows[q].drop_behind(moves_[q].base[start]);
            if (!bits::test(moves_[q].live.data(), start)) continue;
            std::pair<std::uint32_t, double> best{0, kInfinity};
            if (windows[q].front < windows[q].ends.size()) best = windows[q].ends[windows[q].front];
            if (bits::test(moves_[q].odd.data(), start)) {
                const bits::Word* const row = moves_[q].extra_row(start);
                for (std::uint32_t last = bits::next(row, end, size_ + 1); last <= size_;
                     last = bits::next(row, last + 1, size_ + 1)) {
                    if (through[q][last] < best.second) best = {last, through[q][last]};
                }
            }
            const double value = best.second - total[start] + price_[q];
            const std::size_t at = std::size_t{instance_.entry(q)} * (size_ + 1) + start;
            if (value < rest_[at]) rest_[at] = value, by_kind_[at] = q, by_end_[at] = best.first;
            if (start == 0 && value + instance_.input_s(q) < whole_)
                whole_ = value + instance_.input_s(q), first_kind_ = q, first_end_ = best.first;
        }
    }
    for (std::uint32_t q = 0; q < instance_.kinds(); ++q)
        whole_ -= price_[q] * static_cast<double>(instance_.boards(q).size());
}

// How often the relaxed best uses each kind of board.
void LatencyBound::uses(std::vector<int>& counts) const {
    std::fill(counts.begin(), counts.end(), 0);
    std::uint32_t q = first_kind_, end = first_end_;
    for (;;) {
        ++counts[q];
        if (end >= size_) return;
        std::uint32_t next = 0;
        double least = kInfinity;
        for (std::uint32_t e = 0; e < entries_; ++e) {
            const double value = transfer_[(std::size_t{q} * entries_ + e) * (size_ + 1) + end] +
                                 rest_[std::size_t{e} * (size_ + 1) + end];
            if (value < least) least = value, next = e;
        }
        const std::size_t at = std::size_t{next} * (size_ + 1) + end;
        q = by_kind_[at];
        end = by_end_[at];
    }
}

void LatencyBound::tighten(double target, int rounds) {
    if (whole_ == kInfinity) return;
    std::vector<double> best_price = price_;
    double best = whole_, pace = 1;
    std::vector<int> counts(instance_.kinds());
    int idle = 0;
    for (int round = 0; round < rounds && target - best > 1e-9 * target; ++round) {
        uses(counts);
        double length = 0;
        for (std::uint32_t q = 0; q < instance_.kinds(); ++q) {
            counts[q] -= static_cast<int>(instance_.boards(q).size());
            if (counts[q] > 0 || price_[q] > 0) length += counts[q] * counts[q];
        }
        if (length == 0) break;  // nothing is used too often: the relaxed best is a pipeline
        const double step = pace * (target - whole_) / length;
        for (std::uint32_t q = 0; q < instance_.kinds(); ++q)
            price_[q] = std::max(0.0, price_[q] + step * counts[q]);
        solve();
        idle = whole_ > best ? 0 : idle + 1;
        if (whole_ > best) best = whole_, best_price = price_;
        if (idle == 8) pace /= 2, idle = 0, price_ = best_price, solve();
    }
    price_ = best_price;
    solve();
    charge_states();
}

void LatencyBound::charge_states() {
    left_.assign(lattice_.size(), 0);
    for (std::uint32_t state = lattice_.size(); state-- > 0;)
        for_each_kind(lattice_.free(state),
                      [&](std::uint32_t q) { left_[state] = left_[state + lattice_.stride(q)] + price_[q]; });
}

}  // namespace shoal::plan
