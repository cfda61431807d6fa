// The state of a cluster at a moment: everything that `shoal status` shows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.hpp"
#include "wire/board_messages.hpp"
#include "wire/message.hpp"

namespace shoal::wire {

/// Numbers cross the wire: never renumbered, never reused.
enum class BoardState : std::uint8_t { joining = 1, ready = 2, lost = 3, left = 4 };
enum class ModelState : std::uint8_t { planning = 1, deploying = 2, serving = 3, failed = 4 };
[[nodiscard]] std::string_view name(BoardState state) noexcept;
[[nodiscard]] std::string_view name(ModelState state) noexcept;

struct BoardStatus {
    std::string board;
    BoardState state = BoardState::joining;
    std::string address, software;
    std::vector<device::DeviceInfo> devices{};
    std::vector<DeviceLoad> loads{};  ///< of the devices, in order; empty when unknown
    std::uint64_t memory_used_bytes = 0, memory_limit_bytes = 0, cached_bytes = 0;
    std::uint32_t heartbeat_age_ms = 0;
    std::vector<Named> facts{};
    std::vector<Reading> readings{};
    bool operator==(const BoardStatus&) const = default;
};

struct StageStatus {
    std::uint32_t stage = 0;
    std::string board;
    std::uint32_t device = 0;
    plan::Work work{};
    bool ready = false;
    std::uint64_t memory_bytes = 0, memory_allowed_bytes = 0;
    std::uint64_t runs = 0, failures = 0;
    double mean_compute_ms = 0, mean_queue_ms = 0;
    std::uint32_t in_flight = 0;
    bool operator==(const StageStatus&) const = default;
};

struct ModelStatus {
    std::uint64_t model = 0;
    std::vector<std::string> names{};  ///< one, or an ensemble's
    ModelState state = ModelState::planning;
    std::uint32_t epoch = 0;
    plan::Plan plan{};
    std::vector<StageStatus> stages{};
    std::uint32_t in_flight = 0, queued = 0;
    std::uint64_t answered = 0, failed = 0, repeated = 0;  ///< repeated: sent again because a board was lost
    double requests_per_s = 0, p50_ms = 0, p99_ms = 0;     ///< over the last seconds
    std::string text;                                      ///< why it failed
    std::vector<std::string> boards{};                     ///< names of the plan's boards
    bool operator==(const ModelStatus&) const = default;
};

struct LinkStatus {
    std::string from, to;  ///< boards; "" is the hub
    std::uint64_t messages = 0, bytes = 0;
    double measured_latency_s = 0, measured_bytes_per_s = 0;  ///< 0: not measured
    double mean_ms = 0;                                       ///< a message waited to leave for, on average
    bool operator==(const LinkStatus&) const = default;
};

struct ClientStatus {
    std::string client, address;
    std::uint32_t in_flight = 0;
    bool operator==(const ClientStatus&) const = default;
};

struct StatusRequest {
    bool operator==(const StatusRequest&) const = default;
};
struct Status {
    std::string hub, software;
    double uptime_s = 0;
    std::vector<BoardStatus> boards{};
    std::vector<ModelStatus> models{};
    std::vector<LinkStatus> links{};
    std::vector<ClientStatus> clients{};
    std::uint64_t refused_handshakes = 0, dropped_messages = 0, cut_peers = 0, broken_messages = 0;
    bool operator==(const Status&) const = default;
};

[[nodiscard]] Frames encode(const StatusRequest& message);
[[nodiscard]] Frames encode(const Status& message);

}  // namespace shoal::wire
