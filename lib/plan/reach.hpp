// How far along the chain each choice of boards can come when no stage and no message may take longer than a period.
// Two ways to know it, for every choice at once:
//
//   FurthestReach keeps the furthest position. One number a choice: about a millisecond for 16 boards and 500 kernels.
//     What it finds is a pipeline; exact where every cut may be used by everybody (equal links) and memory only grows
//     with a stage. Relaxed, it takes both for granted: what it then cannot do, no pipeline can.
//   ReachSets keeps all positions. Exact for any links and any memory; some hundred times slower.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/instance.hpp"
#include "plan/lattice.hpp"
#include "plan/moves.hpp"

namespace shoal::plan {

/// What a period allows each kind of board.
struct PeriodLimits {
    PeriodLimits(const Instance& instance, double period);

    [[nodiscard]] const bits::Word* sends(std::uint32_t kind, std::uint32_t entry) const {
        return &sends_rows[(std::size_t{kind} * entries + entry) * words];
    }

    std::uint32_t entries, words;
    std::vector<std::uint32_t> furthest;  ///< [kind * size + first]: the last end by compute alone
    std::vector<bits::Word> sends_rows;   ///< cuts, apart from the chain's ends, whose message is in time
    std::uint32_t starts = 0;             ///< kinds that the request reaches in time, as bits
    std::uint32_t finishes = 0;           ///< kinds whose answer is in time
};

class FurthestReach {
public:
    FurthestReach(const Instance& instance, const Lattice& lattice) : instance_(instance), lattice_(lattice) {}

    void run(double period, bool relaxed = false);
    /// True when exactly these boards can run the whole chain within the period of the last run.
    [[nodiscard]] bool done(std::uint32_t state) const { return done_[state] != 0; }
    /// The stages of a state that is done; not after a relaxed run.
    [[nodiscard]] std::vector<KindStage> stages(std::uint32_t state) const;
    /// Basic steps of one run, for budgets.
    [[nodiscard]] std::uint64_t steps() const;

private:
    void find_moves(double period);
    void relax_moves();

    const Instance& instance_;
    const Lattice& lattice_;
    std::uint32_t entries_ = 1, starts_ = 0;
    std::vector<std::uint32_t> next_;     // [(kind * entries + entry) * size + first]: furthest end, 0: none
    std::vector<std::uint8_t> finishes_;  // [kind * size + first]
    std::vector<std::uint32_t> start_;    // [state * entries + entry]: furthest start of the next stage, 0: none
    std::vector<std::uint8_t> done_;
};

class ReachSets {
public:
    ReachSets(const Instance& instance, const Lattice& lattice) : instance_(instance), lattice_(lattice) {}

    void run(double period);
    [[nodiscard]] bool done(std::uint32_t state) const { return done_[state] != 0; }
    [[nodiscard]] std::vector<KindStage> stages(std::uint32_t state) const;
    [[nodiscard]] std::uint64_t steps() const;
    /// Bytes that a run takes.
    [[nodiscard]] std::uint64_t bytes() const;

private:
    void expand(const Moves& moves, const bits::Word* starts, bits::Word* ends) const;
    [[nodiscard]] const bits::Word* starts(std::uint32_t state, std::uint32_t entry) const {
        return &start_[(std::size_t{state} * instance_.entries() + entry) * instance_.words()];
    }

    const Instance& instance_;
    const Lattice& lattice_;
    std::vector<Moves> moves_;
    std::vector<bits::Word> sends_;
    std::uint32_t starting_ = 0;
    std::vector<bits::Word> start_;
    std::vector<std::uint8_t> done_;
};

}  // namespace shoal::plan
