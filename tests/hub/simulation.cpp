#include "simulation.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "wire/graph_codec.hpp"

namespace shoal::test {

using std::chrono::milliseconds;

class Simulation::Wires final : public hub::Outbox {
public:
    explicit Wires(Simulation& simulation) : simulation_(simulation) {}

    bool send(PeerId peer, wire::Frames frames) override {
        if (simulation_.peers_.count(peer) == 0) return false;
        simulation_.from_hub_[peer].push_back(std::move(frames));
        return true;
    }
    void disconnect(PeerId peer) override {
        const auto at = simulation_.peers_.find(peer);
        if (at == simulation_.peers_.end()) return;
        if (at->second.board != nullptr) {
            simulation_.board_peers_.erase(at->second.board->name());
            at->second.board->forget_session();
        }
        simulation_.peers_.erase(at);
        simulation_.to_hub_.erase(peer);
        simulation_.from_hub_.erase(peer);
    }
    [[nodiscard]] std::uint64_t unsent_bytes(PeerId) const override { return 0; }
    [[nodiscard]] base::TimePoint last_arrival(PeerId) const override { return {}; }
    [[nodiscard]] transport::Counters counters(PeerId) const override { return {}; }
    [[nodiscard]] transport::Rejections rejections() const override { return {}; }

private:
    Simulation& simulation_;
};

class Simulation::Jobs final : public hub::Worker {
public:
    explicit Jobs(int* that_throw = nullptr) : that_throw_(that_throw) {}
    void run(std::function<Done()> job, bool) override {
        if (that_throw_ != nullptr && *that_throw_ > 0) {
            --*that_throw_;
            base::fail(base::Code::internal, "no planning, as the test wants it");
        }
        jobs.push_back(std::move(job));
    }
    std::deque<std::function<Done()>> jobs{};

private:
    int* that_throw_;
};

std::size_t SimulatedClient::ends(std::uint64_t request) const {
    const auto answered = answers.find(request);
    const auto failed = failures.find(request);
    return (answered == answers.end() ? 0 : answered->second.size()) +
           (failed == failures.end() ? 0 : failed->second.size());
}

Simulation::Simulation(unsigned seed, hub::HubOptions options) : dice(seed), options_(std::move(options)) {
    options_.cache_folder = folder / "hub";
    options_.on_event = [this](const hub::Event& event) { events.push_back(event); };
    wires_ = std::make_unique<Wires>(*this);
    planning_ = std::make_unique<Jobs>(&jobs_that_throw);
    storing_ = std::make_unique<Jobs>();
    core_ = std::make_unique<hub::Core>(options_, *wires_, hub::Core::Workers{*planning_, *storing_}, clock);
}

Simulation::~Simulation() = default;

PeerId Simulation::connect_stranger() {
    const PeerId peer{next_peer_++};
    peers_[peer] = {};
    core_->handle({transport::Event::Kind::connected, peer, {}, {}, "in-process"});
    return peer;
}

SimulatedBoard& Simulation::add_board(SimulatedBoardOptions options) {
    const std::string name = options.name;
    auto board =
        std::make_unique<SimulatedBoard>(std::move(options), [this, name](const std::string& to, wire::Frames frames) {
            board_says(*boards_.at(name), to, std::move(frames));
        });
    auto& out = *(boards_[name] = std::move(board));
    connect(out);
    return out;
}

void Simulation::connect(SimulatedBoard& board) {
    const PeerId peer = connect_stranger();
    peers_[peer].board = &board;
    board_peers_[board.name()] = peer;
    silent_.erase(board.name());
    board.join();
}

void Simulation::kill(SimulatedBoard& board) {
    const auto at = board_peers_.find(board.name());
    if (at == board_peers_.end()) return;
    const PeerId peer = at->second;
    to_hub_.erase(peer);
    from_hub_.erase(peer);
    peers_.erase(peer);
    board_peers_.erase(at);
    board.forget_session();
    std::erase_if(between_, [&](const auto& entry) {
        return entry.first.first == board.name() || entry.first.second == board.name();
    });
    core_->handle({transport::Event::Kind::disconnected, peer, {}, {}, "it died"});
}

void Simulation::silence(SimulatedBoard& board) {
    silent_.insert(board.name());
}

SimulatedClient& Simulation::add_client(const std::string& name) {
    clients_.push_back(std::make_unique<SimulatedClient>());
    SimulatedClient& client = *clients_.back();
    client.name = name;
    client.peer = connect_stranger();
    peers_[client.peer].client = &client;
    say(client, encode(wire::ClientHello{name, "test"}));
    return client;
}

void Simulation::leave(SimulatedClient& client) {
    if (peers_.erase(client.peer) == 0) return;
    to_hub_.erase(client.peer);
    from_hub_.erase(client.peer);
    core_->handle({transport::Event::Kind::disconnected, client.peer, {}, {}, "it left"});
}

void Simulation::open(SimulatedClient& client, std::uint64_t task,
                      std::vector<std::shared_ptr<const graph::Graph>> graphs,
                      const std::function<void(wire::OpenModel&)>& change) {
    wire::OpenModel message;
    message.task = task;
    for (const auto& graph : graphs) {
        for (const auto& value : graph->values) {
            if (value.constant) client.weights[value.constant->digest.value()] = value.constant->bytes;
        }
        message.models.push_back({*graph, wire::digest_of(*graph)});
    }
    if (change) change(message);
    say(client, encode(message));
}

const wire::Opened& Simulation::opened(SimulatedClient& client, std::uint64_t task,
                                       std::vector<std::shared_ptr<const graph::Graph>> graphs,
                                       const std::function<void(wire::OpenModel&)>& change) {
    open(client, task, std::move(graphs), change);
    until([&] { return client.opened.count(task) + client.refused.count(task) > 0; }, "the model to be opened");
    const auto refused = client.refused.find(task);
    REQUIRE_MESSAGE(refused == client.refused.end(), refused->second.text);
    return client.opened.at(task);
}

void Simulation::say(PeerId peer, wire::Frames frames) {
    if (peers_.count(peer) != 0) to_hub_[peer].push_back(std::move(frames));
}

void Simulation::board_says(SimulatedBoard& board, const std::string& to, wire::Frames frames) {
    if (silent_.count(board.name()) != 0 || silent_.count(to) != 0) return;
    if (!to.empty()) {
        if (board_peers_.count(to) != 0) between_[{board.name(), to}].push_back(std::move(frames));
        return;
    }
    const auto at = board_peers_.find(board.name());
    if (at != board_peers_.end()) say(at->second, std::move(frames));
}

bool Simulation::step() {
    std::vector<std::function<void()>> possible;
    const auto queued = [&](auto& queues, auto deliver) {
        for (auto& entry : queues) {
            if (!entry.second.empty())
                possible.push_back([&entry, deliver] {
                    const auto key = entry.first;
                    auto& queue = entry.second;
                    wire::Frames frames = std::move(queue.front());
                    queue.pop_front();
                    deliver(key, frames);
                });
        }
    };
    queued(to_hub_, [this](PeerId peer, const wire::Frames& frames) {
        core_->handle({transport::Event::Kind::message, peer, frames, {}, {}});
    });
    queued(from_hub_, [this](PeerId peer, const wire::Frames& frames) { deliver(peer, frames); });
    queued(between_, [this](const std::pair<std::string, std::string>& ends, const wire::Frames& frames) {
        if (silent_.count(ends.second) == 0) boards_.at(ends.second)->from_board(ends.first, frames);
    });
    for (Jobs* worker : {planning_.get(), storing_.get()}) {
        if (worker->jobs.empty()) continue;
        possible.push_back([worker] {
            const auto job = std::move(worker->jobs.front());
            worker->jobs.pop_front();
            if (const auto done = job()) done();
        });
    }
    if (possible.empty()) return false;
    possible[std::uniform_int_distribution<std::size_t>(0, possible.size() - 1)(dice)]();
    return true;
}

void Simulation::deliver(PeerId peer, const wire::Frames& frames) {
    const End end = peers_.at(peer);
    if (end.board != nullptr) {
        if (silent_.count(end.board->name()) == 0) end.board->from_hub(frames);
    } else if (end.client != nullptr) {
        client_hears(*end.client, frames);
    } else {
        heard[peer].push_back(frames);
    }
}

void Simulation::client_hears(SimulatedClient& client, const wire::Frames& frames) {
    auto said = wire::decode_client_from_hub(frames);
    if (const auto* request = std::get_if<wire::BlobRequest>(&said)) {
        const auto at = client.weights.find(request->digest);
        if (at == client.weights.end()) {
            say(client, encode(wire::BlobMissing{request->digest}));
            return;
        }
        ++client.blobs_sent;
        const auto size = std::min<std::uint64_t>(request->size, at->second.size() - request->offset);
        say(client, encode(wire::Blob{request->digest, request->offset, at->second.size(),
                                      at->second.slice(request->offset, size)}));
    }
    if (const auto* opened = std::get_if<wire::Opened>(&said)) client.opened[opened->task] = *opened;
    if (const auto* planned = std::get_if<wire::Planned>(&said)) client.planned[planned->task] = *planned;
    if (const auto* refused = std::get_if<wire::Refused>(&said)) client.refused[refused->subject] = *refused;
    if (const auto* progress = std::get_if<wire::OpenProgress>(&said)) client.phases.insert(progress->phase);
    if (const auto* replanned = std::get_if<wire::Replanned>(&said)) client.replanned.push_back(*replanned);
    if (const auto* failed = std::get_if<wire::ModelFailed>(&said)) client.model_failed.push_back(*failed);
    if (auto* answer = std::get_if<wire::Answer>(&said)) client.answers[answer->request].push_back(std::move(*answer));
    if (const auto* failed = std::get_if<wire::RequestFailed>(&said))
        client.failures[failed->request].push_back(*failed);
    if (const auto* status = std::get_if<wire::Status>(&said)) client.statuses.push_back(*status);
}

void Simulation::tick() {
    if (clock.now() - beat_ >= milliseconds(250)) {
        beat_ = clock.now();
        for (const auto& [name, board] : boards_) {
            if (board->hangs) board->hung_ms += 250;
            if (silent_.count(name) == 0) board->heartbeat();
        }
    }
    if (clock.now() - ticked_ < milliseconds(5)) return;
    ticked_ = clock.now();
    core_->tick();
}

void Simulation::turn() {
    clock.advance(step() ? base::Duration(std::chrono::microseconds(20)) : base::Duration(milliseconds(5)));
    tick();
}

void Simulation::pass(base::Duration time) {
    const auto end = clock.now() + time;
    while (clock.now() < end)
        turn();
}

void Simulation::until(const std::function<bool()>& holds, const char* what) {
    const auto end = clock.now() + std::chrono::seconds(300);
    for (int i = 0; i < 1'000'000 && clock.now() < end && !holds(); ++i)
        turn();
    REQUIRE_MESSAGE(holds(), "waited for ", std::string(what), "; events: ", heard_events());
}

std::string Simulation::heard_events() const {
    std::string out;
    for (const auto& event : events)
        out += "\n  " + event.subject + ": " + event.text;
    return out;
}

bool Simulation::has_event(hub::Event::Kind kind, const std::string& part) const {
    for (const auto& event : events) {
        if (event.kind == kind && (event.subject + ": " + event.text).find(part) != std::string::npos) return true;
    }
    return false;
}

}  // namespace shoal::test
