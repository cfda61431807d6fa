// A hub as small as can be, driven by the test's own thread: it welcomes boards, serves weights, and says what the test
// wants it to say. What boards say is kept until the test asks for it.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <variant>

#include "transport/in_process.hpp"
#include "wire/decode.hpp"
#include "wire/graph_codec.hpp"

namespace shoal::test {

/// Long enough for a loaded machine; nothing waits so long unless it fails.
inline constexpr std::chrono::seconds kPatience{60};

class FakeHub {
public:
    explicit FakeHub(std::shared_ptr<transport::InProcessNetwork> network, std::string endpoint = "inproc://hub")
        : port_(transport::make_in_process_port(std::move(network))) {
        port_->listen(endpoint);
    }

    std::uint64_t session = 1;
    std::uint32_t heartbeat_ms = 50;
    bool welcomes = true, serves_blobs = true;
    std::map<base::Digest, base::SharedBytes> blobs{};
    std::uint64_t blob_bytes_sent = 0;
    std::map<std::string, wire::Register> boards{};
    std::map<std::string, wire::Heartbeat> heartbeats{};

    transport::Port& port() { return *port_; }
    [[nodiscard]] transport::PeerId peer(const std::string& board) const { return peers_.at(board); }

    template <class Message>
    void say(const std::string& board, const Message& message) {
        REQUIRE(port_->send(peers_.at(board), wire::encode(message)));
    }

    /// Runs until the condition holds.
    template <class Condition>
    void until(Condition&& holds) {
        const auto deadline = base::deadline_in(kPatience);
        bool held = holds();
        for (; !held && base::SteadyClock::now() < deadline; held = holds())
            turn();
        REQUIRE(held);
    }
    void run_for(std::chrono::milliseconds duration) {
        const auto end = base::deadline_in(duration);
        while (base::SteadyClock::now() < end)
            turn();
    }

    void await_boards(std::size_t count) {
        until([&] { return boards.size() >= count; });
        wire::Peers peers;
        for (const auto& [name, board] : boards)
            peers.boards.push_back({name, board.data_endpoint, ""});
        for (const auto& [name, board] : boards)
            say(name, peers);
    }

    /// The next message of that kind from that board; others are kept.
    template <class Message>
    Message expect(const std::string& board) {
        std::optional<Message> out;
        until([&] { return (out = next<Message>(board)).has_value(); });
        return std::move(*out);
    }
    /// The same when it is there already.
    template <class Message>
    std::optional<Message> next(const std::string& board) {
        auto& queue = heard_[board];
        for (auto at = queue.begin(); at != queue.end(); ++at) {
            if (auto* message = std::get_if<Message>(&*at)) {
                std::optional<Message> out(std::move(*message));
                queue.erase(at);
                return out;
            }
        }
        return std::nullopt;
    }

    void turn() {
        auto event = port_->wait(base::deadline_in(std::chrono::milliseconds(5)));
        if (!event) return;
        if (event->kind == transport::Event::Kind::disconnected) {
            for (auto at = peers_.begin(); at != peers_.end();) {
                if (at->second == event->peer) {
                    boards.erase(at->first);
                    at = peers_.erase(at);
                } else {
                    ++at;
                }
            }
        }
        if (event->kind == transport::Event::Kind::message)
            take(event->peer, wire::decode_hub_from_board(event->frames));
    }

    /// Keeps the constants' bytes for boards that ask, and returns the graph as it travels.
    graph::Graph publish(graph::Graph graph) {
        wire::address_constants(graph);
        for (auto& value : graph.values) {
            if (value.constant) blobs[*value.constant->digest] = value.constant->bytes;
        }
        return graph;
    }

private:
    void take(transport::PeerId peer, wire::HubFromBoard message) {
        if (auto* hello = std::get_if<wire::Register>(&message)) {
            if (!welcomes) return;
            peers_[hello->board] = peer;
            boards[hello->board] = *hello;
            say(hello->board, wire::Welcome{session, "test hub", "1", heartbeat_ms, 1000});
            return;
        }
        std::string board;
        for (const auto& [name, id] : peers_) {
            if (id == peer) board = name;
        }
        if (auto* beat = std::get_if<wire::Heartbeat>(&message)) {
            heartbeats[board] = *beat;
            static_cast<void>(port_->send(peer, wire::encode(wire::HeartbeatEcho{session, beat->sequence})));
            return;
        }
        if (auto* request = std::get_if<wire::BlobRequest>(&message); request != nullptr && serves_blobs) {
            const auto at = blobs.find(request->digest);
            if (at == blobs.end()) return say(board, wire::BlobMissing{request->digest});
            blob_bytes_sent += request->size;
            return say(board, wire::Blob{request->digest, request->offset, at->second.size(),
                                         at->second.slice(request->offset, request->size)});
        }
        heard_[board].push_back(std::move(message));
    }

    std::unique_ptr<transport::Port> port_;
    std::map<std::string, transport::PeerId> peers_;
    std::map<std::string, std::deque<wire::HubFromBoard>> heard_;
};

}  // namespace shoal::test
