#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "runtime/backend.hpp"

namespace shoal::opencl {

// One run of an executable after the other, and waiting runs that may still be called off. A condition rather than
// std::timed_mutex, whose locking ThreadSanitizer does not see.
class Turns {
public:
    class Turn {
    public:
        explicit Turn(Turns& turns) : turns_(&turns) {}
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn() {
            {
                const std::lock_guard lock(turns_->mutex_);
                turns_->taken_ = false;
            }
            turns_->left_.notify_one();
        }

    private:
        Turns* turns_;
    };

    // Waits for the others, looking every `look` whether this run is wanted. Errors: cancelled; timeout.
    [[nodiscard]] Turn wait(const runtime::RunOptions& options, std::chrono::milliseconds look) {
        std::unique_lock lock(mutex_);
        runtime::check_still_wanted(options);
        while (!left_.wait_for(lock, look, [this] { return !taken_; }))
            runtime::check_still_wanted(options);
        runtime::check_still_wanted(options);
        taken_ = true;
        return Turn(*this);
    }

private:
    std::mutex mutex_;
    std::condition_variable left_;
    bool taken_ = false;
};

}  // namespace shoal::opencl
