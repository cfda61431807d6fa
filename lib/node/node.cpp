#include "node/node.hpp"

#include "node/shell.hpp"

namespace shoal::node {

using base::Code;
using base::fail;

struct Node::State {
    State(NodeOptions options, std::vector<std::shared_ptr<runtime::Backend>> devices,
          std::unique_ptr<transport::Port> port, std::shared_ptr<transport::AllowList> allowed)
        : shell(std::move(options), std::move(devices), std::move(port), std::move(allowed)) {}
    Shell shell;
};

Node::Node(NodeOptions options, std::vector<std::shared_ptr<runtime::Backend>> devices,
           std::unique_ptr<transport::Port> port, std::shared_ptr<transport::AllowList> allowed) {
    if (devices.empty()) fail(Code::invalid_argument, "a node needs a device at least");
    if (options.board.empty()) fail(Code::invalid_argument, "a board needs a name");
    if (options.hub_endpoint.empty()) fail(Code::invalid_argument, "board '", options.board, "' needs a hub to join");
    state_ = std::make_unique<State>(std::move(options), std::move(devices), std::move(port), std::move(allowed));
}

Node::~Node() = default;

void Node::start() {
    state_->shell.start();
}

void Node::stop() noexcept {
    state_->shell.stop();
}

NodeState Node::state() const {
    return state_->shell.state();
}

}  // namespace shoal::node
