// The other boards: whom the hub has named, the connections that we make to those that our stages send to, and the
// connections of those that send to us. Belongs to the node's thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "transport/port.hpp"
#include "wire/board_messages.hpp"

namespace shoal::node {

class Neighbours {
public:
    /// `allowed` may be null. `board` is this board's name.
    Neighbours(std::string board, transport::Port& port, std::shared_ptr<transport::AllowList> allowed);

    /// The hub's list, which replaces the one before. Returns the boards whose connections from us are gone with it.
    [[nodiscard]] std::vector<std::string> take(const wire::Peers& message);

    /// Begins to connect where that has not begun; true when the way is open. This board always reaches itself.
    [[nodiscard]] bool reach(const std::string& board);
    [[nodiscard]] bool is_known(const std::string& board) const { return known_.count(board) != 0; }
    [[nodiscard]] transport::PeerId consumer(const std::string& board) const;
    [[nodiscard]] transport::PeerId sender(const std::string& board) const;

    /// The board at the other end: one that we connected to, or one that has said who it is.
    [[nodiscard]] std::optional<std::string> board_of(transport::PeerId peer) const;
    /// True when it is a connection that we made.
    [[nodiscard]] bool is_ours(transport::PeerId peer) const;

    void connected(const transport::Event& event, base::TimePoint now);
    /// The board that we can no longer send to, when it was our connection.
    [[nodiscard]] std::optional<std::string> disconnected(const transport::Event& event);
    /// A connection to us says who it is. Throws refused when that is nobody the hub has named, or somebody else's key.
    void hello(const transport::Event& event, const wire::PeerHello& message);
    /// Ends connections to us that do not say who they are.
    void step(base::TimePoint now);

    /// All connections with the board's name.
    [[nodiscard]] std::vector<std::pair<transport::PeerId, std::string>> peers() const;

private:
    struct Known {
        std::string endpoint;
        std::optional<transport::PublicKey> key{};
        bool operator==(const Known&) const = default;
    };
    struct Way {
        transport::PeerId peer = transport::PeerId::none;
        bool open = false;
    };

    void forget(const std::string& board, std::vector<std::string>& lost);

    std::string board_;
    transport::Port& port_;
    std::shared_ptr<transport::AllowList> allowed_;
    std::map<std::string, Known> known_;
    std::map<std::string, Way> ways_;                       // those that we connect to
    std::map<std::string, transport::PeerId> senders_;      // those that connected to us, by name
    std::map<transport::PeerId, base::TimePoint> unnamed_;  // since when
};

}  // namespace shoal::node
