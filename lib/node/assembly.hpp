// The inputs of one stage as they come in: requests whose parts arrive from the hub and from other boards, one by one,
// until a request has all of them. Belongs to the node's thread; the time is handed in.
//
// Every sender (a stage of a board, or the hub) has room for as many requests as it was granted credits; who sends more
// breaks the protocol and is not listened to, which bounds what waits here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "node/meter.hpp"
#include "node/parts.hpp"
#include "wire/board_messages.hpp"
#include "wire/data_messages.hpp"

namespace shoal::node {

/// Who sends a stage its inputs.
struct Sender {
    std::string board;  ///< "" is the hub
    std::uint32_t stage = 0;
    bool operator==(const Sender&) const = default;
};

/// Senders, by index, that get back a credit each.
using Returned = std::vector<std::size_t>;

/// A request that has all of its inputs. Its credits are still out.
struct Inputs {
    std::uint64_t request = 0;
    std::uint32_t turn = 0;
    base::TimePoint deadline{}, complete_since{};
    std::vector<std::vector<Piece>> ports{};  ///< in the order of each route's sources
    Returned senders{};
    std::vector<MemoryMeter::Share> held{};
};

class Assembly {
public:
    /// `types`: one for each route.
    Assembly(std::vector<tensor::Type> types, std::vector<wire::InputRoute> routes, std::uint32_t credits);

    [[nodiscard]] const std::vector<Sender>& senders() const noexcept { return senders_; }
    /// Requests that this sender may have here at a time: all of the credits, or a share of them when others send the
    /// same in its place.
    [[nodiscard]] std::uint32_t allowance(std::size_t sender) const { return allowances_.at(sender); }
    /// The most bytes that can wait here.
    [[nodiscard]] std::uint64_t most_bytes() const;
    /// Requests of that sender which have not been given back.
    [[nodiscard]] std::uint32_t held_of(std::size_t sender) const { return held_.at(sender); }

    struct Added {
        std::optional<Inputs> complete{};
        Returned returned{};  ///< of a request that is not wanted any more
    };
    /// Takes what a board ("" is the hub) sent. Throws network, leaving everything as it was, when that is not what the
    /// routes say.
    [[nodiscard]] Added add(const std::string& board, wire::Activation message, base::TimePoint now,
                            MemoryMeter& meter);

    /// Drops an incomplete request; what is still on its way for it is given back when it comes. Nothing when there is
    /// no such request.
    [[nodiscard]] Returned cancel(std::uint64_t request);
    /// Drops what is past its deadline.
    [[nodiscard]] Returned expire(base::TimePoint now);
    [[nodiscard]] base::TimePoint earliest_deadline() const;

    /// The request's inputs are gone.
    void give_back(const Returned& senders);

    [[nodiscard]] std::size_t incomplete() const noexcept { return requests_.size(); }
    [[nodiscard]] const wire::InputRoute& route(std::size_t port) const { return routes_.at(port); }
    [[nodiscard]] const tensor::Type& type(std::size_t port) const { return types_.at(port); }

private:
    struct Request {
        std::uint32_t turn = 0;
        base::TimePoint deadline{};
        std::vector<std::vector<std::optional<tensor::Tensor>>> parts{};  // [port][source]
        std::vector<std::vector<bool>> there{};                           // [port][source]
        Returned senders{};
        std::vector<MemoryMeter::Share> held{};
        bool dropped = false;
    };

    void check(const std::string& board, const wire::Activation& message) const;
    [[nodiscard]] std::size_t sender_of(const wire::Part& part) const;
    [[nodiscard]] Returned senders_of(const wire::Activation& message) const;
    [[nodiscard]] bool is_complete(const Request& request) const;
    [[nodiscard]] bool is_filled(const wire::InputRoute& route, const std::vector<bool>& there) const;
    [[nodiscard]] Inputs completed(std::uint64_t id, Request request, base::TimePoint now) const;

    void forget_some();
    [[nodiscard]] std::size_t stand_ins(std::size_t sender) const;

    std::vector<tensor::Type> types_;
    std::vector<wire::InputRoute> routes_;
    std::vector<Sender> senders_;
    std::vector<std::uint32_t> allowances_;
    std::vector<std::vector<std::size_t>> sender_of_;  // [port][source]
    std::vector<std::uint32_t> held_;                  // by sender
    std::map<std::uint64_t, Request> requests_;
};

}  // namespace shoal::node
