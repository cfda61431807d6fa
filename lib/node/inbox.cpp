#include "node/inbox.hpp"

namespace shoal::node {

void Inbox::post(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    if (port_ != nullptr) port_->post(std::move(work));
}

void Inbox::close() noexcept {
    const std::lock_guard lock(mutex_);
    port_ = nullptr;
}

}  // namespace shoal::node
