// A node: one board of a cluster. It registers its devices with the hub, keeps the weights it was sent, runs the
// stages that are deployed to it and hands activations on to the next board.
//
// A Node has a thread of its own for the network and one for each device; nothing of it blocks the caller but start()
// and stop(). It is found again by a hub that restarts, and outlives one that never answers. It never prints
// (base/log.hpp); events that a person would want to see come through `on_event`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/backend.hpp"
#include "transport/port.hpp"

namespace shoal::node {

/// What a person at the board would want to know, one line each.
struct Event {
    enum class Kind : std::uint8_t {
        listening,     ///< text: the endpoint that other boards reach
        hub_absent,    ///< text: where nothing answers; said once, the node goes on trying
        joined,        ///< text: the hub's name
        hub_lost,      ///< text: why; the node goes on trying
        refused,       ///< text: why the hub does not let it in
        stage_ready,   ///< text: what runs here now, and its memory
        stage_failed,  ///< text: why
        stage_dropped,
    };
    Kind kind = Kind::joined;
    std::string text;
};

struct NodeOptions {
    std::string board;                              ///< its name in the cluster, unique there
    std::string hub_endpoint;                       ///< tcp://HOST:PORT
    std::optional<transport::PublicKey> hub_key{};  ///< who must answer there; needed with keys
    std::string data_endpoint = "tcp://*:*";        ///< where other boards reach this one
    std::uint64_t memory_limit_bytes = 0;  ///< for weights, activations and messages; 0: what the devices can use
    std::filesystem::path cache_folder{};  ///< weights by content hash, kernel costs; made when missing
    std::vector<std::pair<std::string, std::string>>
        facts{};                                   ///< for the status, e.g. {"board.model", "Raspberry Pi 5"}
    std::function<void(const Event&)> on_event{};  ///< called on the node's thread; must return soon
    /// Asked by start() before it measures a device; ends it with Code::cancelled.
    std::function<bool()> cancelled{};
};

/// What the node holds at this moment.
struct NodeState {
    bool joined = false;
    std::uint64_t memory_used_bytes = 0, memory_peak_bytes = 0, memory_limit_bytes = 0;
    std::uint64_t runs = 0, failures = 0, dropped_messages = 0;
    std::size_t stages = 0;
    std::uint64_t turns = 0;  ///< rounds of the node's thread; ten or more a second, and none while it hangs
};

/// Bytes that these devices can use together: the most that one of those may that share the board's memory, and what the
/// others have of their own; 0 where none says.
[[nodiscard]] std::uint64_t usable_bytes(const std::vector<std::shared_ptr<runtime::Backend>>& devices);

class Node {
public:
    /// `devices` are offered in this order. `port` listens and connects for the node; `allowed` is the port's
    /// allow-list (null without keys), to which the node adds the hub and the boards that the hub names. Throws
    /// invalid_argument: no device, no name, no hub.
    Node(NodeOptions options, std::vector<std::shared_ptr<runtime::Backend>> devices,
         std::unique_ptr<transport::Port> port, std::shared_ptr<transport::AllowList> allowed = {});
    /// As stop().
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    /// Measures the devices where needed, listens and begins to look for the hub. Throws what listening throws, and
    /// cancelled.
    void start();
    /// Says goodbye to the hub and ends the threads; a run that lasts is taken back. May be called from any thread,
    /// twice.
    void stop() noexcept;

    [[nodiscard]] NodeState state() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace shoal::node
