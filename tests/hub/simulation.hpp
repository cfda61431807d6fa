// A hub with simulated boards and clients, no threads and no waiting: messages are delivered one by one in an order
// that dice decide (each connection's in the order they were sent), and time is a number that the test turns on.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "hub/core.hpp"
#include "simulated_board.hpp"
#include "support/temporary_folder.hpp"

namespace shoal::test {

using hub::PeerId;
using tensor::Tensor;

class FakeClock final : public base::Clock {
public:
    [[nodiscard]] base::TimePoint now() const override { return now_; }
    void advance(base::Duration by) { now_ += by; }

private:
    base::TimePoint now_{std::chrono::hours(1)};
};

/// What one client was told.
struct SimulatedClient {
    std::string name;
    PeerId peer = PeerId::none;
    std::map<base::Digest, base::SharedBytes> weights{};
    std::uint64_t blobs_sent = 0;

    std::map<std::uint64_t, wire::Opened> opened{};
    std::map<std::uint64_t, wire::Planned> planned{};
    std::map<std::uint64_t, wire::Refused> refused{};
    std::vector<wire::Replanned> replanned{};
    std::vector<wire::ModelFailed> model_failed{};
    std::map<std::uint64_t, std::vector<wire::Answer>> answers{};
    std::map<std::uint64_t, std::vector<wire::RequestFailed>> failures{};
    std::vector<wire::Status> statuses{};
    std::set<std::string> phases{};

    /// How often the hub has said how the request ended.
    [[nodiscard]] std::size_t ends(std::uint64_t request) const;
};

class Simulation {
public:
    explicit Simulation(unsigned seed, hub::HubOptions options = {});
    ~Simulation();

    SimulatedBoard& add_board(SimulatedBoardOptions options);
    void connect(SimulatedBoard& board);  ///< and join, again too
    void kill(SimulatedBoard& board);     ///< its connections break
    void silence(SimulatedBoard& board);  ///< nothing more of it arrives, and nothing says so
    SimulatedClient& add_client(const std::string& name);
    void leave(SimulatedClient& client);

    /// Sends OpenModel; Opened or Refused comes later.
    void open(SimulatedClient& client, std::uint64_t task, std::vector<std::shared_ptr<const graph::Graph>> graphs,
              const std::function<void(wire::OpenModel&)>& change = {});
    /// Until it is open. Fails the test otherwise.
    const wire::Opened& opened(SimulatedClient& client, std::uint64_t task,
                               std::vector<std::shared_ptr<const graph::Graph>> graphs,
                               const std::function<void(wire::OpenModel&)>& change = {});
    void say(const SimulatedClient& client, wire::Frames frames) { say(client.peer, std::move(frames)); }
    void say(PeerId peer, wire::Frames frames);
    PeerId connect_stranger();
    /// What the hub has sent to a stranger.
    std::map<PeerId, std::vector<wire::Frames>> heard{};
    [[nodiscard]] bool connected(PeerId peer) const { return peers_.count(peer) != 0; }

    /// Delivers one message or runs one job. False when there is nothing.
    bool step();
    /// A step, or some milliseconds when nothing is on its way.
    void turn();
    void pass(base::Duration time);
    void until(const std::function<bool()>& holds, const char* what);

    int jobs_that_throw = 0;  ///< so many planning jobs are not taken, with an error

    FakeClock clock{};
    std::mt19937 dice;
    std::vector<hub::Event> events{};
    TemporaryFolder folder{};

    [[nodiscard]] hub::Core& core() { return *core_; }
    [[nodiscard]] bool has_event(hub::Event::Kind kind, const std::string& part) const;

private:
    class Wires;
    class Jobs;
    struct End {
        SimulatedBoard* board = nullptr;
        SimulatedClient* client = nullptr;
    };

    void deliver(PeerId peer, const wire::Frames& frames);
    void client_hears(SimulatedClient& client, const wire::Frames& frames);
    void board_says(SimulatedBoard& board, const std::string& to, wire::Frames frames);
    void tick();
    [[nodiscard]] std::string heard_events() const;

    hub::HubOptions options_;
    std::unique_ptr<Wires> wires_;
    std::unique_ptr<Jobs> planning_, storing_;
    std::unique_ptr<hub::Core> core_;

    std::uint64_t next_peer_ = 1;
    std::map<PeerId, End> peers_;
    std::map<std::string, std::unique_ptr<SimulatedBoard>> boards_;
    std::map<std::string, PeerId> board_peers_;
    std::set<std::string> silent_;
    std::vector<std::unique_ptr<SimulatedClient>> clients_;
    std::map<PeerId, std::deque<wire::Frames>> to_hub_, from_hub_;
    std::map<std::pair<std::string, std::string>, std::deque<wire::Frames>> between_;
    base::TimePoint ticked_{}, beat_{};
};

}  // namespace shoal::test
