// The way back to the node's thread for work that ends on another one. Thread-safe; it outlives the port that it rings,
// so that a device which hangs may come back when nobody is there any more.
#pragma once

#include <functional>
#include <mutex>

#include "transport/port.hpp"

namespace shoal::node {

class Inbox {
public:
    explicit Inbox(transport::Port& port) : port_(&port) {}

    /// Has the node's thread run `work`; drops it once closed.
    void post(std::function<void()> work);
    /// Nothing gets in any more.
    void close() noexcept;

private:
    std::mutex mutex_;
    transport::Port* port_;
};

}  // namespace shoal::node
