// Where a stage's outputs go: which parts to which stage, and how many requests those have room for.
//
// RouteTable is made once and only read, so a device's worker may cut outputs by it; Consumers keeps the credits and
// belongs to the node's thread.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "wire/board_messages.hpp"
#include "wire/data_messages.hpp"

namespace shoal::node {

/// Parts of one request for one stage.
struct Delivery {
    std::size_t consumer = 0;  ///< index into RouteTable::consumers()
    std::vector<wire::Part> parts{};
};
struct Deliveries {
    std::vector<Delivery> to_boards{};
    std::vector<wire::Part> to_hub{};
};

class RouteTable {
public:
    struct Consumer {
        std::string board;
        std::uint32_t stage = 0;
        bool operator==(const Consumer&) const = default;
    };

    explicit RouteTable(std::vector<wire::OutputRoute> routes);

    [[nodiscard]] const std::vector<Consumer>& consumers() const noexcept { return consumers_; }
    /// The consumers that a request with this turn goes to, each once.
    [[nodiscard]] std::vector<std::size_t> chosen(std::uint32_t turn) const;
    /// The outputs of a request, cut for all who get some of it.
    [[nodiscard]] Deliveries cut(std::uint32_t turn, const std::vector<tensor::Tensor>& outputs) const;

private:
    template <class Visit>
    void for_each_choice(std::uint32_t turn, Visit&& visit) const;

    std::vector<wire::OutputRoute> routes_;
    std::vector<Consumer> consumers_;
};

class Consumers {
public:
    explicit Consumers(std::size_t count) : all_(count) {}

    [[nodiscard]] bool have_room(const std::vector<std::size_t>& chosen) const;
    /// Takes a credit of each.
    void take(const std::vector<std::size_t>& chosen);
    /// The request was not sent after all.
    void give_back(const std::vector<std::size_t>& chosen);
    /// It may be sent now, and counts as on its way until its credit comes back. False when the way broke meanwhile and
    /// the credit with it.
    [[nodiscard]] bool spend(std::size_t consumer, std::uint64_t request);
    /// A consumer grants more.
    void credit(std::size_t consumer, std::uint32_t count);
    /// The way to it broke: its credits are void. Returns the requests that may be lost.
    [[nodiscard]] std::vector<std::uint64_t> broken(std::size_t consumer, base::TimePoint now);
    /// A consumer that nothing has been heard from since its way broke, that long ago; nothing when there is none.
    [[nodiscard]] std::optional<std::size_t> broken_for(base::Duration duration, base::TimePoint now) const;

private:
    struct One {
        std::uint64_t credits = 0, taken = 0;
        std::deque<std::uint64_t> on_its_way{};
        base::TimePoint broken_since{};  // epoch: it is not
    };
    std::vector<One> all_;
};

}  // namespace shoal::node
