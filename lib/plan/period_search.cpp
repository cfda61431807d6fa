#include <algorithm>
#include <limits>

#include "plan/reach.hpp"
#include "plan/search.hpp"

namespace shoal::plan {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kClose = 1e-9;
// Sets of positions for every choice of boards; more than this and the search does without them.
constexpr std::uint64_t kMostSetBytes = 256ULL << 20;

struct Found {
    std::vector<KindStage> stages;
    double longest = kInfinity;  // what the search bisects on: the longest stage or message
};

class PeriodSearch {
public:
    PeriodSearch(const Instance& instance, const Lattice& lattice, const SearchOptions& options)
        : instance_(instance),
          lattice_(lattice),
          options_(options),
          furthest_(instance, lattice),
          sets_(instance, lattice) {}

    std::optional<SearchResult> run() {
        if (!relaxed_reaches(kInfinity)) return std::nullopt;
        std::optional<Found> best = try_with(furthest_, kInfinity);
        lower_ = relaxed_bound(best ? best->longest : slowest());
        if (auto found = try_with(furthest_, lower_)) return result(std::move(*found));
        if (best) narrow(furthest_, *best, false);
        close_gap(best);
        if (!best) return std::nullopt;
        return result(std::move(*best));
    }

private:
    SearchResult result(Found found) const {
        const double value = instance_.period_of(found.stages);
        return {std::move(found.stages), value, std::min(lower_, value)};
    }

    [[nodiscard]] bool wanted(std::uint32_t state) const {
        return options_.stages == 0 || lattice_.boards(state) == options_.stages;
    }

    // A pipeline within the period, of the fewest boards that do it.
    template <class Engine>
    std::optional<Found> try_with(Engine& engine, double period) {
        engine.run(period);
        used_ += engine.steps();
        std::optional<std::uint32_t> best;
        for (std::uint32_t state = 1; state < lattice_.size(); ++state) {
            if (engine.done(state) && wanted(state) && (!best || lattice_.boards(state) < lattice_.boards(*best)))
                best = state;
        }
        if (!best) return std::nullopt;
        Found out{engine.stages(*best), 0};
        out.longest = instance_.longest_part(out.stages);
        return out;
    }

    // Idle boards count as used in a relaxed run: it may use fewer than asked for.
    bool relaxed_reaches(double period) {
        furthest_.run(period, true);
        used_ += furthest_.steps();
        for (std::uint32_t state = 1; state < lattice_.size(); ++state) {
            if (furthest_.done(state) && (options_.stages == 0 || lattice_.boards(state) <= options_.stages))
                return true;
        }
        return false;
    }

    // Longer than any stage and any message.
    [[nodiscard]] double slowest() const {
        double out = 0;
        for (std::uint32_t q = 0; q < instance_.kinds(); ++q) {
            out = std::max({out, instance_.seconds(q, 0, instance_.size()), instance_.input_period_s(q),
                            instance_.output_period_s(q)});
            for (std::uint32_t e = 0; e < instance_.entries(); ++e) {
                for (std::uint32_t cut = 0; cut <= instance_.size(); ++cut)
                    out = std::max(out, instance_.period_s(q, e, cut));
            }
        }
        return out;
    }

    double relaxed_bound(double high) {
        double low = 0;
        while (high - low > kClose * high) {
            const double middle = low + (high - low) / 2;
            (relaxed_reaches(middle) ? high : low) = middle;
        }
        return high;
    }

    // Bisects between lower_ and the best; what cannot be reached raises the bound when `proves`.
    template <class Engine>
    void narrow(Engine& engine, Found& best, bool proves) {
        double low = lower_;
        while (best.longest - low > kClose * best.longest && used_ + engine.steps() < options_.effort) {
            const double middle = low + (best.longest - low) / 2;
            auto found = try_with(engine, middle);
            if (found && found->longest < best.longest) {
                best = std::move(*found);
            } else if (found) {
                break;  // as close as numbers go
            } else {
                low = middle;
                if (proves) lower_ = middle;
            }
        }
    }

    void close_gap(std::optional<Found>& best) {
        if (best && best->longest - lower_ <= kClose * best->longest) return;
        if (sets_.bytes() > kMostSetBytes || used_ + sets_.steps() > options_.effort) return;
        if (!best) best = try_with(sets_, kInfinity);
        if (best) narrow(sets_, *best, true);
    }

    const Instance& instance_;
    const Lattice& lattice_;
    const SearchOptions& options_;
    FurthestReach furthest_;
    ReachSets sets_;
    double lower_ = 0;
    std::uint64_t used_ = 0;
};

}  // namespace

std::optional<SearchResult> shortest_period(Instance& instance, const Lattice& lattice, const SearchOptions& options) {
    for (;;) {
        auto found = PeriodSearch(instance, lattice, options).run();
        if (!found || instance.confirm(found->stages)) return found;
    }
}

}  // namespace shoal::plan
