// Being a member of the hub's cluster: saying who we are when the hub is there, hearing what session that is, giving
// signs of life, and noticing that the hub is gone. Belongs to the node's thread; speaks through the port.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "node/outbox.hpp"
#include "transport/port.hpp"
#include "wire/board_messages.hpp"
#include "wire/data_messages.hpp"

namespace shoal::node {

class Registration {
public:
    /// `hub_key`: who must answer at `endpoint`.
    Registration(transport::Port& port, std::string endpoint, std::optional<transport::PublicKey> hub_key,
                 std::function<void(Event::Kind, std::string)> tell);

    /// Begins to look for the hub, saying this when it is found.
    void begin(wire::Register self);

    [[nodiscard]] transport::PeerId peer() const noexcept { return hub_; }
    [[nodiscard]] bool is_hub(transport::PeerId peer) const noexcept { return peer == hub_; }
    [[nodiscard]] bool joined() const noexcept { return session_.has_value() && welcomed_; }
    [[nodiscard]] std::uint64_t session() const noexcept { return session_.value_or(0); }
    [[nodiscard]] bool is_connected() const noexcept { return connected_; }

    void connected(base::TimePoint now);
    /// True when we were a member until now.
    [[nodiscard]] bool disconnected(const std::string& why);
    /// The hub said goodbye. True when we were a member until now.
    [[nodiscard]] bool left(const std::string& why, base::TimePoint now);
    /// True when this is another session than the one before: the hub knows nothing of us.
    [[nodiscard]] bool welcome(const wire::Welcome& message, base::TimePoint now);
    void refused(const std::string& why, base::TimePoint now);
    void heard(base::TimePoint now) noexcept { heard_ = now; }

    /// True when a heartbeat is due, once.
    [[nodiscard]] bool heartbeat_due(base::TimePoint now);
    /// Registers again where that is due, and gives a hub up that says nothing. True when we were a member until now.
    [[nodiscard]] bool step(base::TimePoint now);
    [[nodiscard]] base::TimePoint next() const noexcept;
    void goodbye() noexcept;

private:
    void dial();
    void dial_again(base::TimePoint now);
    void say_hello();

    transport::Port& port_;
    const std::string endpoint_;
    const std::optional<transport::PublicKey> hub_key_;
    std::function<void(Event::Kind, std::string)> tell_;
    wire::Register self_{};
    transport::PeerId hub_ = transport::PeerId::none;
    bool connected_ = false, welcomed_ = false, told_absent_ = false;
    std::optional<std::uint64_t> session_{};
    std::chrono::milliseconds heartbeat_{250}, silence_{1000};
    base::TimePoint began_{}, heard_{}, next_heartbeat_{}, register_at_ = base::TimePoint::max(),
                                                           dial_at_ = base::TimePoint::max();
    std::string last_refusal_{};
};

}  // namespace shoal::node
