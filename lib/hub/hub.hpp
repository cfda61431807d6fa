// The hub: knows the boards, plans models onto them, deploys, takes requests from clients, merges and answers.
//
// A Hub has one thread for everything that boards and clients say, one for planning and one for the disk. It never
// prints (base/log.hpp). Boards and clients use the same endpoint; their first message says what they are.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/port.hpp"
#include "wire/status.hpp"

namespace shoal::hub {

/// What a person at the hub would want to know, one line each.
struct Event {
    enum class Kind : std::uint8_t {
        board_joined,
        board_lost,  ///< text: why
        planned,     ///< a model's stages and their boards
        replanned,   ///< text: why, and how long it took
        model_failed,
        client_joined,
        client_left,
    };
    Kind kind = Kind::board_joined;
    std::string subject;  ///< the board, model or client
    std::string text;
};

/// Documented maxima (docs/cluster.md).
struct HubLimits {
    std::size_t requests = 256;                  ///< queued or running, of all clients; beyond: Code::busy
    std::uint64_t request_bytes = 256ULL << 20;  ///< inputs of those
    std::size_t clients = 64;
    std::size_t boards = 256;
    std::size_t models = 64;  ///< open at a time

    /// What the hub's port must accept at once: all of those, and some who have not said yet who they are.
    [[nodiscard]] std::size_t connections() const { return boards + clients + 64; }
};

struct HubOptions {
    std::string name = "hub";
    std::vector<std::string> endpoints{"tcp://*:7070"};
    std::filesystem::path cache_folder{};           ///< models' weights by content hash; made when missing
    std::chrono::milliseconds heartbeat{250};       ///< how often boards report
    std::chrono::milliseconds board_timeout{1000};  ///< a board that is silent, or that hangs, for so long is lost
    std::chrono::milliseconds settle{500};          ///< after a board joined, before plans are made with it
    HubLimits limits{};
    std::function<void(const Event&)> on_event{};  ///< called on the hub's thread; must return soon
};

class Hub {
public:
    /// `port` is what boards and clients connect to; `allowed` its allow-list (null without keys).
    Hub(HubOptions options, std::unique_ptr<transport::Port> port, std::shared_ptr<transport::AllowList> allowed = {});
    /// As stop().
    ~Hub();
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    /// Listens, begins to serve and returns the endpoints as they became. Throws what listening throws.
    std::vector<std::string> start();
    /// Says goodbye and ends the threads. What is open is its client's, to send again to the hub that comes back or
    /// to give up. Any thread, twice.
    void stop() noexcept;

    /// As of the last few milliseconds. Any thread.
    [[nodiscard]] wire::Status status() const;

    /// Rounds of its thread so far; several a second, and none while it hangs. Any thread.
    [[nodiscard]] std::uint64_t turns() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace shoal::hub
