// How long messages take between the hub and the boards, and between boards: probed pair after pair, one at a time, so
// that no probe is in another's way. What was measured is kept; a link that cannot be measured gets a careful guess.
//
// Clusters above kMostProbed boards probe only the links to the hub; two boards then count as far apart as the slower
// of their ways to the hub. The hub's thread only.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/membership.hpp"
#include "plan/cluster.hpp"
#include "wire/data_messages.hpp"

namespace shoal::hub {

inline constexpr std::size_t kMostProbed = 16;

class Links {
public:
    Links(const Membership& membership, Outbox& outbox) : membership_(membership), outbox_(outbox) {}

    /// Its links are to be measured, unless it joined before with the same endpoint.
    void joined(const Member& member);
    void lost(const std::string& board);
    /// Goes on to the next pair when one is done or took too long; to one that was dead when it has been so for a
    /// while.
    void tick(TimePoint now);
    /// Nothing is left to wait for. A dead pair that is tried again is not worth it.
    [[nodiscard]] bool idle() const noexcept { return (!job_ || dead_.count(job_->pair) != 0) && waiting_.empty(); }

    void echo(const std::string& board, const wire::ProbeEcho& message, TimePoint now);
    /// True when the pair was dead until now.
    bool measured(const std::string& board, const wire::LinkMeasured& message, TimePoint now);
    /// False when it is not about a task of this room.
    bool failed(const std::string& board, const wire::TaskFailed& message, TimePoint now);

    /// A board could not reach the other one: no plan that can do without sends anything that way.
    void mark_dead(const std::string& from, const std::string& to, TimePoint now);

    /// "" is the hub.
    [[nodiscard]] plan::Link between(const std::string& from, const std::string& to) const;
    /// Nothing where it has not been measured.
    [[nodiscard]] std::optional<plan::Link> known(const std::string& from, const std::string& to) const;
    using Pair = std::pair<std::string, std::string>;  ///< from, to
    /// All that were measured.
    [[nodiscard]] const std::map<Pair, plan::Link>& all() const noexcept { return links_; }

private:
    struct Job {
        Pair pair{};
        std::uint64_t task = 0;
        TimePoint started{}, sent{};
        std::vector<wire::ProbeTime> times{};
        std::vector<std::uint64_t> ahead{};  // sizes that the hub is still to send, last first
        bool large = false;                  // the second round, with larger probes
    };

    void begin(const Pair& pair, TimePoint now);
    void ask(std::vector<std::uint64_t> sizes, std::uint32_t repeat, TimePoint now);
    void send_probe(TimePoint now);
    void try_dead(TimePoint now);
    [[nodiscard]] std::uint64_t largest_probe(const Pair& pair) const;
    void round_done(TimePoint now);
    void give_up(const std::string& why);

    const Membership& membership_;
    Outbox& outbox_;
    std::deque<Pair> waiting_;
    std::optional<Job> job_;
    std::map<Pair, plan::Link> links_;
    std::map<Pair, TimePoint> dead_;  // when that was last found
    std::map<std::string, std::string> endpoints_;
    std::uint64_t next_task_ = std::uint64_t{1} << 32;  // apart from the kernels' tasks
};

/// The link that these probes show. Nothing without at least one small and one larger probe.
[[nodiscard]] std::optional<plan::Link> fit_link(const std::vector<wire::ProbeTime>& times);

}  // namespace shoal::hub
