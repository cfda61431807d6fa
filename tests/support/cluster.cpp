#include "support/cluster.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "runtime/host_backend.hpp"

namespace shoal::test {

using std::chrono::milliseconds;

Cluster::Cluster(const std::vector<ClusterBoard>& boards, hub::HubOptions options) : options_(std::move(options)) {
    options_.endpoints = {endpoint_};
    options_.cache_folder = folder_ / "hub";
    options_.settle = std::min(options_.settle, milliseconds(100));
    options_.on_event = [this](const hub::Event& event) {
        const std::lock_guard lock(mutex_);
        events_.push_back(event);
    };
    start_hub();
    for (const auto& board : boards)
        start_board(board);
    until_boards(boards.size());
}

Cluster::~Cluster() = default;

void Cluster::start_hub() {
    hub_ = std::make_unique<hub::Hub>(options_, port());
    (void)hub_->start();
}

void Cluster::stop_hub() {
    hub_.reset();
}

void Cluster::start_board(const ClusterBoard& board) {
    stop_board(board.name);
    Board& out = boards_[board.name];
    out.broken = std::make_shared<std::atomic<Break>>(Break::none);
    node::NodeOptions options;
    options.board = board.name;
    options.hub_endpoint = endpoint_;
    options.data_endpoint = "inproc://*";
    options.memory_limit_bytes = board.memory_bytes;
    options.cache_folder = folder_ / board.name;
    auto devices = board.devices;
    if (devices.empty()) devices.push_back(runtime::make_host_backend());
    out.node =
        std::make_unique<node::Node>(options, std::move(devices), std::make_unique<FragilePort>(port(), out.broken));
    out.node->start();
}

void Cluster::stop_board(const std::string& name) {
    boards_.erase(name);
}

void Cluster::break_board(const std::string& name, Break how) {
    *boards_.at(name).broken = how;
}

node::NodeState Cluster::board(const std::string& name) const {
    return boards_.at(name).node->state();
}

void Cluster::until_boards(std::size_t count) {
    std::size_t there = 0;
    const auto deadline = base::deadline_in(std::chrono::seconds(60));
    do {
        there = 0;
        for (const auto& board : hub_->status().boards)
            there += board.state == wire::BoardState::ready ? 1 : 0;
        if (there != count) std::this_thread::sleep_for(milliseconds(2));
    } while (there != count && base::SteadyClock::now() < deadline);
    REQUIRE(there == count);
}

std::unique_ptr<client::Client> Cluster::client(const std::string& name) {
    client::ClientOptions options;
    options.name = name;
    options.hub_endpoint = endpoint_;
    return std::make_unique<client::Client>(std::move(options), port());
}

std::unique_ptr<transport::Port> Cluster::port() {
    return transport::make_in_process_port(network_);
}

std::vector<hub::Event> Cluster::events() const {
    const std::lock_guard lock(mutex_);
    return events_;
}

}  // namespace shoal::test
