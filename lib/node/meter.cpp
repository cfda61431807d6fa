#include "node/meter.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace shoal::node {

struct MemoryMeter::State {
    mutable std::mutex mutex;
    std::uint64_t limit = 0, claimed = 0, held = 0, unsent = 0, peak = 0;

    void look() { peak = std::max(peak, held + unsent); }
};

MemoryMeter::Share::Share(Share&& other) noexcept
    : state_(std::move(other.state_)), bytes_(std::exchange(other.bytes_, 0)), is_claim_(other.is_claim_) {}

MemoryMeter::Share& MemoryMeter::Share::operator=(Share&& other) noexcept {
    if (this == &other) return *this;
    release();
    state_ = std::move(other.state_);
    bytes_ = std::exchange(other.bytes_, 0);
    is_claim_ = other.is_claim_;
    return *this;
}

MemoryMeter::Share::~Share() {
    release();
}

void MemoryMeter::Share::release() noexcept {
    if (!state_) return;
    {
        const std::lock_guard lock(state_->mutex);
        (is_claim_ ? state_->claimed : state_->held) -= bytes_;
    }
    state_.reset();
    bytes_ = 0;
}

MemoryMeter::MemoryMeter(std::uint64_t limit_bytes) : state_(std::make_shared<State>()) {
    state_->limit = limit_bytes;
}

std::optional<MemoryMeter::Share> MemoryMeter::claim(std::uint64_t bytes) {
    const std::lock_guard lock(state_->mutex);
    if (bytes > state_->limit - state_->claimed) return std::nullopt;
    state_->claimed += bytes;
    return Share(state_, bytes, true);
}

MemoryMeter::Share MemoryMeter::hold(std::uint64_t bytes) {
    const std::lock_guard lock(state_->mutex);
    state_->held += bytes;
    state_->look();
    return Share(state_, bytes, false);
}

void MemoryMeter::set_unsent(std::uint64_t bytes) noexcept {
    const std::lock_guard lock(state_->mutex);
    state_->unsent = bytes;
    state_->look();
}

std::uint64_t MemoryMeter::limit() const noexcept {
    return state_->limit;
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

}  // namespace shoal::node
