// How the node's parts speak: to the hub, to the boards that its stages send to, and to those that send to its stages.
// The shell implements it over the port, tests by lists.
#pragma once

#include <string>

#include "node/node.hpp"
#include "wire/message.hpp"

namespace shoal::node {

class Outbox {
public:
    virtual ~Outbox() = default;

    /// False when the hub is not there; the message is lost.
    virtual bool to_hub(wire::Frames message) = 0;
    /// Over the connection that this board made. False when there is none.
    virtual bool to_consumer(const std::string& board, wire::Frames message) = 0;
    /// Over the connection that the other board made. False when there is none.
    virtual bool to_sender(const std::string& board, wire::Frames message) = 0;

    /// Begins to connect where that has not begun; true when the way is open.
    virtual bool reach(const std::string& board) = 0;

    virtual void tell(Event::Kind kind, std::string text) = 0;
    /// A message that was not taken.
    virtual void count_dropped() = 0;
};

}  // namespace shoal::node
