#include "plan/replicas.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "plan/reach.hpp"

namespace shoal::plan {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::uint64_t kMostExact = 300'000;  // choices of boards x kinds x kernels that are searched one by one
constexpr std::uint64_t kFine = 64, kCoarse = 16;
constexpr double kWidestGrid = 64;   // a pipeline so much slower than the best adds next to nothing
constexpr double kShortest = 1e-12;  // a period of nothing at all, so that rates stay finite
constexpr std::uint64_t kMostCellTests = 100'000'000;

double slowest_board(const Instance& instance) {
    double out = 0;
    for (std::uint32_t q = 0; q < instance.kinds(); ++q)
        out = std::max(
            {out, instance.seconds(q, 0, instance.size()), instance.input_period_s(q), instance.output_period_s(q)});
    return out;
}

// The shortest period that all boards together reach, roughly.
double quickest(FurthestReach& reach, const Lattice& lattice, double slow) {
    const auto reaches = [&](double period) {
        reach.run(period);
        for (std::uint32_t state = 1; state < lattice.size(); ++state) {
            if (reach.done(state)) return true;
        }
        return false;
    };
    double low = 0, high = slow;
    for (int i = 0; i < 12 && !reaches(high); ++i)
        high *= 2;
    while (high - low > 1e-3 * high)
        (reaches((low + high) / 2) ? high : low) = (low + high) / 2;
    return high;
}

}  // namespace

ReplicaTable::ReplicaTable(const Instance& instance, const Lattice& lattice, const SearchOptions& options)
    : instance_(instance), lattice_(lattice), rate_bound_(kInfinity), periods_(lattice.size(), kInfinity) {
    if (std::uint64_t{lattice.size()} * instance.kinds() * instance.size() <= kMostExact)
        search_each(options);
    else
        sweep(options);
    divide(periods_, worthwhile_cells(periods_, options));
}

void ReplicaTable::search_each(const SearchOptions& options) {
    Instance own = instance_;
    std::vector<double> lower(lattice_.size(), kInfinity);
    for (std::uint32_t state = 1; state < lattice_.size(); ++state) {
        std::vector<std::uint32_t> counts;
        for (std::uint32_t q = 0; q < lattice_.kinds(); ++q)
            counts.push_back(lattice_.count(state, q));
        const auto found = shortest_period(own, Lattice(std::move(counts)), options);
        if (!found) continue;
        periods_[state] = found->value;
        lower[state] = found->lower_bound;
    }
    // As if every bound were kept.
    divide(lower, worthwhile_cells(lower, options));
    rate_bound_ = rates_.back();
}

void ReplicaTable::sweep(const SearchOptions& options) {
    FurthestReach reach(instance_, lattice_);
    const double slow = std::max(slowest_board(instance_), kShortest);
    const double quick = std::max(quickest(reach, lattice_, slow), kShortest);
    const double last = std::clamp(slow, quick, quick * kWidestGrid);
    const auto grid = std::clamp<std::uint64_t>(options.effort / 2 / reach.steps(), kCoarse, kFine);
    std::vector<double> periods;
    for (std::uint64_t i = 0; i <= grid; ++i)
        periods.push_back(quick * std::pow(last / quick, static_cast<double>(i) / static_cast<double>(grid)));
    periods.push_back(std::max(slow, last * kWidestGrid));
    for (const double period : periods) {
        reach.run(period);
        for (std::uint32_t state = 1; state < lattice_.size(); ++state) {
            const bool wanted = options.stages == 0 || lattice_.boards(state) == options.stages;
            if (reach.done(state) && wanted) periods_[state] = std::min(periods_[state], period);
        }
    }
    // What some of the boards can do, all of them can.
    for (std::uint32_t state = 0; state < lattice_.size() && options.stages == 0; ++state) {
        for_each_kind(lattice_.free(state), [&](std::uint32_t q) {
            double& more = periods_[state + lattice_.stride(q)];
            more = std::min(more, periods_[state]);
        });
    }
}

// By their lowest kind, cells that no smaller one equals; when there are too many, those that make the most of what
// their boards could do alone.
ReplicaTable::Cells ReplicaTable::worthwhile_cells(const std::vector<double>& periods,
                                                   const SearchOptions& options) const {
    std::vector<double> worth(lattice_.kinds());
    for (std::uint32_t q = 0; q < lattice_.kinds(); ++q)
        worth[q] = 1 / std::max(instance_.seconds(q, 0, instance_.size()), kShortest);
    std::vector<std::vector<std::pair<double, std::uint32_t>>> found(lattice_.kinds());
    for (std::uint32_t state = 1; state < lattice_.size(); ++state) {
        if (periods[state] == kInfinity) continue;
        bool smaller = false;
        double whole = 0;
        std::uint32_t lowest = lattice_.kinds();
        for (std::uint32_t q = lattice_.kinds(); q-- > 0;) {
            const std::uint32_t count = lattice_.count(state, q);
            if (count == 0) continue;
            lowest = q;
            whole += worth[q] * count;
            smaller = smaller || (options.stages == 0 && periods[state - lattice_.stride(q)] <= periods[state]);
        }
        if (!smaller) found[lowest].emplace_back(-1 / (std::max(periods[state], kShortest) * whole), state);
    }
    Cells out(lattice_.kinds());
    for (std::uint32_t q = 0; q < lattice_.kinds(); ++q) {
        const std::size_t most = kMostCellTests / lattice_.size() + 64;
        std::sort(found[q].begin(), found[q].end());
        for (std::size_t i = 0; i < std::min(most, found[q].size()); ++i)
            out[q].push_back(found[q][i].second);
    }
    return out;
}

namespace {

// Counts side by side in one word, a spare bit above each: part <= whole in every count is one subtraction.
class PackedCounts {
public:
    explicit PackedCounts(const Lattice& lattice) : packed_(lattice.size(), 0) {
        int at = 0;
        for (std::uint32_t q = 0; q < lattice.kinds(); ++q) {
            const std::uint32_t most = lattice.count(lattice.size() - 1, q);
            for (std::uint32_t state = 0; state < lattice.size(); ++state)
                packed_[state] |= std::uint64_t{lattice.count(state, q)} << at;
            at += static_cast<int>(std::bit_width(most));
            guard_ |= std::uint64_t{1} << at++;
        }
    }
    [[nodiscard]] bool inside(std::uint32_t part, std::uint32_t whole) const {
        return (((packed_[whole] | guard_) - packed_[part]) & guard_) == guard_;
    }

private:
    std::vector<std::uint64_t> packed_;
    std::uint64_t guard_ = 0;
};

}  // namespace

// The board of the lowest kind is idle or in some cell; what is left is a smaller choice, divided already.
void ReplicaTable::divide(const std::vector<double>& periods, const Cells& cells) {
    const PackedCounts counts(lattice_);
    rates_.assign(lattice_.size(), 0);
    choice_.assign(lattice_.size(), 0);
    std::vector<std::uint32_t> lowest(lattice_.size(), 0);
    for (std::uint32_t state = 1; state < lattice_.size(); ++state) {
        while (lattice_.count(state, lowest[state]) == 0)
            ++lowest[state];
        const std::uint32_t q = lowest[state];
        rates_[state] = rates_[state - lattice_.stride(q)];
        for (const auto cell : cells[q]) {
            if (!counts.inside(cell, state)) continue;
            const double rate = 1 / std::max(periods[cell], kShortest) + rates_[state - cell];
            if (rate > rates_[state] * (1 + 1e-12)) rates_[state] = rate, choice_[state] = cell;
        }
    }
}

std::vector<std::uint32_t> ReplicaTable::cells(std::uint32_t state) const {
    std::vector<std::uint32_t> out;
    while (state != 0) {
        if (choice_[state] != 0) {
            out.push_back(choice_[state]);
            state -= choice_[state];
            continue;
        }
        std::uint32_t q = 0;
        while (lattice_.count(state, q) == 0)
            ++q;
        state -= lattice_.stride(q);
    }
    return out;
}

}  // namespace shoal::plan
