// The requests that are open: bounded in number and bytes, each known until it was answered, exactly once. The hub's
// thread only.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <vector>

#include "base/error.hpp"
#include "base/time.hpp"
#include "hub/hub.hpp"
#include "hub/layout.hpp"
#include "hub/outbox.hpp"
#include "wire/client_messages.hpp"

namespace shoal::hub {

using base::TimePoint;

struct Request {
    std::uint64_t number = 0;  ///< the hub's, which boards know it by
    PeerId client = PeerId::none;
    std::uint64_t client_number = 0;
    std::uint64_t model = 0;
    std::vector<Tensor> inputs{};  ///< kept until the answer is out
    std::uint64_t input_bytes = 0;
    TimePoint received{}, deadline{};

    bool in_flight = false;
    TimePoint sent{};
    std::uint32_t attempts = 0;
    Dealt dealt{};
    std::map<StagePort, Tensor> results{};
};

class Requests {
public:
    explicit Requests(const HubLimits& limits) : limits_(limits) {}

    /// Null when the client has said this number before: it has been, or will be, answered. Throws busy when there are
    /// too many.
    Request* add(PeerId client, wire::Submit submit, TimePoint now);
    [[nodiscard]] Request* find(std::uint64_t number);
    [[nodiscard]] Request* find(PeerId client, std::uint64_t client_number);
    /// It has been answered, or nobody waits for it.
    void finish(std::uint64_t number);
    void client_gone(PeerId client);

    [[nodiscard]] std::vector<std::uint64_t> expired(TimePoint now) const;
    [[nodiscard]] std::vector<std::uint64_t> of(PeerId client) const;
    [[nodiscard]] std::size_t size() const noexcept { return open_.size(); }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    struct Numbers {
        std::map<std::uint64_t, std::uint64_t> open{};  // the client's to ours
        std::set<std::uint64_t> used{};                 // of late
        std::deque<std::uint64_t> order{};
    };

    const HubLimits& limits_;
    std::map<std::uint64_t, Request> open_;
    std::map<PeerId, Numbers> numbers_;
    std::uint64_t bytes_ = 0, next_ = 1;
};

}  // namespace shoal::hub
