#include "node/meter.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace shoal::node {

struct MemoryMeter::State {
    mutable std::mutex mutex;
    std::uint64_t limit = 0, claimable = 0, claimed = 0, passing = 0, held = 0, unsent = 0, peak = 0;

    void look() { peak = std::max(peak, held + unsent); }
};

MemoryMeter::Share::Share(Share&& other) noexcept
    : state_(std::move(other.state_)), bytes_(std::exchange(other.bytes_, 0)), kind_(other.kind_) {}

MemoryMeter::Share& MemoryMeter::Share::operator=(Share&& other) noexcept {
    if (this == &other) return *this;
    release();
    state_ = std::move(other.state_);
    bytes_ = std::exchange(other.bytes_, 0);
    kind_ = other.kind_;
    return *this;
}

MemoryMeter::Share::~Share() {
    release();
}

void MemoryMeter::Share::release() noexcept {
    if (!state_) return;
    {
        const std::lock_guard lock(state_->mutex);
        (kind_ == Kind::held ? state_->held : state_->claimed) -= bytes_;
        if (kind_ == Kind::passing) state_->passing -= bytes_;
    }
    state_.reset();
    bytes_ = 0;
}

MemoryMeter::MemoryMeter(std::uint64_t limit_bytes, std::uint64_t kept_back) : state_(std::make_shared<State>()) {
    state_->limit = limit_bytes;
    state_->claimable = limit_bytes - std::min(limit_bytes, kept_back);
}

std::optional<MemoryMeter::Share> MemoryMeter::claim(std::uint64_t bytes) {
    const std::lock_guard lock(state_->mutex);
    if (bytes > state_->claimable - state_->claimed) return std::nullopt;
    state_->claimed += bytes;
    return Share(state_, bytes, Share::Kind::claimed);
}

std::optional<MemoryMeter::Share> MemoryMeter::claim_for_a_while(std::uint64_t bytes) {
    const std::lock_guard lock(state_->mutex);
    if (bytes > state_->claimable - state_->claimed) return std::nullopt;
    state_->claimed += bytes;
    state_->passing += bytes;
    return Share(state_, bytes, Share::Kind::passing);
}

MemoryMeter::Share MemoryMeter::hold(std::uint64_t bytes) {
    const std::lock_guard lock(state_->mutex);
    state_->held += bytes;
    state_->look();
    return Share(state_, bytes, Share::Kind::held);
}

void MemoryMeter::set_unsent(std::uint64_t bytes) noexcept {
    const std::lock_guard lock(state_->mutex);
    state_->unsent = bytes;
    state_->look();
}

std::uint64_t MemoryMeter::limit() const noexcept {
    return state_->limit;
}

std::uint64_t MemoryMeter::claimable() const noexcept {
    return state_->claimable;
}

std::uint64_t MemoryMeter::used() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->held + state_->unsent;
}

std::uint64_t MemoryMeter::unsent() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->unsent;
}

std::uint64_t MemoryMeter::peak() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->peak;
}

std::uint64_t MemoryMeter::claimed() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->claimed;
}

std::uint64_t MemoryMeter::passing() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->passing;
}

}  // namespace shoal::node
