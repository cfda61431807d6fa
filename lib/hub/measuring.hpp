// What kernels cost on the boards' devices: asks each board once for every kernel that is new to it, and keeps what it
// says for as long as the hub lives. Boards measure at the same time, each one task after the other. The hub's thread
// only.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "hub/membership.hpp"
#include "plan/cost.hpp"

namespace shoal::hub {

/// A device of a board.
struct Seat {
    std::string board;
    std::uint32_t device = 0;
    auto operator<=>(const Seat&) const = default;
};

/// A graph as the catalogue keeps it.
struct KnownGraph {
    std::shared_ptr<const graph::Graph> graph;
    base::Digest digest{};
};

class Measuring {
public:
    Measuring(const Membership& membership, Outbox& outbox) : membership_(membership), outbox_(outbox) {}

    /// Asks every usable board for what it does not know of these graphs. True when nothing is left to wait for: what
    /// a board could not or would not measure in time is estimated.
    [[nodiscard]] bool settle(const std::vector<KnownGraph>& graphs, TimePoint now);
    /// Measurements done and wanted, of all usable boards, for people who wait.
    [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> progress(const std::vector<KnownGraph>& graphs) const;

    void costs(const std::string& board, const wire::KernelCosts& message);
    /// False when it is not about a task of this room.
    bool failed(const std::string& board, const wire::TaskFailed& message);
    void joined(const Member& member);
    void lost(const std::string& board);
    /// Gives up what boards have been at for too long, whether or not anybody waits for it.
    void tick(TimePoint now);
    /// The board is at it; a long run on it is no wonder.
    [[nodiscard]] bool busy(const std::string& board) const;

    /// As they count for plans: measured times the scale.
    [[nodiscard]] plan::MeasuredKernels known(const Seat& seat) const;
    /// What runs show: this device takes so many times as long for all of its kernels as it measured; 1 at first.
    [[nodiscard]] double scale(const Seat& seat) const;
    void set_scale(const Seat& seat, double scale);

private:
    struct Task {
        std::uint64_t number = 0;
        Seat seat{};
        KnownGraph graph{};
        std::vector<std::uint32_t> groups{};
        TimePoint asked{};
    };
    struct Record {
        std::string identity;  // of the device
        plan::MeasuredKernels known{};
        std::set<base::Digest> settled{};
        double scale = 1;
    };

    void ask(const Member& member, const Seat& seat, const KnownGraph& graph, TimePoint now);
    void give_up(const std::string& board, const std::string& why);

    const Membership& membership_;
    Outbox& outbox_;
    std::map<Seat, Record> records_;
    std::map<std::string, Task> tasks_;  // by board
    std::uint64_t next_task_ = 1;
};

}  // namespace shoal::hub
