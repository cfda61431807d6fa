// The requests of a client that are not answered yet: by ticket, by the number under which the hub knows them, and by
// deadline. Each is answered exactly once. Not thread-safe: it belongs to the client's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/time.hpp"
#include "client/client.hpp"

namespace shoal::client {

struct Submission {
    std::uint64_t ticket = 0;  ///< the caller's number
    std::uint64_t model = 0;   ///< the client's own number of it
    std::vector<Tensor> inputs{};
    base::TimePoint deadline{};
    std::function<void(Reply)> done{};
    std::uint64_t number = 0;      ///< the hub's; 0: not sent, or lost with the hub
    std::uint32_t sent = 0;        ///< how many times
    base::TimePoint not_before{};  ///< when it may be sent
};

class Submissions {
public:
    void add(Submission submission);
    [[nodiscard]] bool has(std::uint64_t ticket) const { return by_ticket_.contains(ticket); }
    [[nodiscard]] std::size_t size() const noexcept { return by_ticket_.size(); }

    /// Of these, those that may be sent now, in the order they were given.
    [[nodiscard]] std::vector<std::uint64_t> waiting(std::uint64_t model, base::TimePoint now) const;
    [[nodiscard]] const Submission& at(std::uint64_t ticket) const { return by_ticket_.at(ticket); }
    /// Of these, how many the hub has.
    [[nodiscard]] std::size_t sent_of(std::uint64_t model) const;
    /// The caller's ticket for the hub's number.
    [[nodiscard]] std::optional<std::uint64_t> ticket_of(std::uint64_t number) const;

    void mark_sent(std::uint64_t ticket, std::uint64_t number);
    /// It is to be sent again, not before then.
    void take_back(std::uint64_t ticket, base::TimePoint not_before);
    /// All that the hub had; they are to be sent again.
    [[nodiscard]] std::vector<std::uint64_t> sent() const;
    [[nodiscard]] std::vector<std::uint64_t> of_model(std::uint64_t model) const;
    [[nodiscard]] std::vector<std::uint64_t> all() const;
    [[nodiscard]] std::vector<std::uint64_t> expired(base::TimePoint now) const;
    /// When the next one expires or may be sent; nothing when none waits.
    [[nodiscard]] std::optional<base::TimePoint> next(base::TimePoint now) const;

    /// Removes it: who takes it calls `done`.
    [[nodiscard]] Submission take(std::uint64_t ticket);

private:
    void forget_number(Submission& submission);

    std::map<std::uint64_t, Submission> by_ticket_;  // tickets rise, so this is the order they were given
    std::map<std::uint64_t, std::uint64_t> by_number_;
    std::map<std::uint64_t, std::size_t> sent_of_;  // by model
    std::set<std::pair<base::TimePoint, std::uint64_t>> by_deadline_;
    std::set<std::uint64_t> unsent_;
};

}  // namespace shoal::client
