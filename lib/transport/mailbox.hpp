// What other threads ask of the thread that owns a port. Internal to the transport.
#pragma once

#include <atomic>
#include <functional>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

namespace shoal::transport {

class Mailbox {
public:
    /// Any thread. True when the owner was not called before and must be woken.
    bool put(std::function<void()> work) {
        const std::lock_guard lock(mutex_);
        work_.push_back(std::move(work));
        return !called_.exchange(true, std::memory_order_release);
    }
    /// Any thread; the same without work.
    bool call() noexcept { return !called_.exchange(true, std::memory_order_release); }

    [[nodiscard]] bool called() const noexcept { return called_.load(std::memory_order_acquire); }

    /// The owner: runs what was put, in order. False when nobody called. Throws what a piece of it throws; the others
    /// are run the next time.
    bool answer() {
        if (!called()) return false;
        std::vector<std::function<void()>> work;
        {
            const std::lock_guard lock(mutex_);
            work.swap(work_);
            called_.store(false, std::memory_order_release);
        }
        std::size_t done = 0;
        try {
            while (done < work.size())
                work[done++]();
        } catch (...) {
            put_back(work, done);
            throw;
        }
        return true;
    }

private:
    void put_back(std::vector<std::function<void()>>& work, std::size_t from) {
        if (from == work.size()) return;
        const std::lock_guard lock(mutex_);
        work_.insert(work_.begin(), std::make_move_iterator(work.begin() + static_cast<std::ptrdiff_t>(from)),
                     std::make_move_iterator(work.end()));
        called_.store(true, std::memory_order_release);
    }

    std::mutex mutex_;
    std::vector<std::function<void()>> work_;
    std::atomic<bool> called_{false};
};

}  // namespace shoal::transport
