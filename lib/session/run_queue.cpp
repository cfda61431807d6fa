#include "session/run_queue.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace shoal::session {

RunQueue::RunQueue(std::size_t threads, std::size_t queued)
    : most_threads_(std::max<std::size_t>(threads, 1)), most_queued_(queued) {}

RunQueue::~RunQueue() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
        for (const Entry* entry : running_)
            entry->cancellation.cancel();
    }
    changed_.notify_all();
    for (auto& thread : threads_)
        thread.join();
}

void RunQueue::add(std::function<void(bool)> work, runtime::Cancellation cancellation) {
    const std::lock_guard lock(mutex_);
    const std::size_t open = waiting_.size() + running_.size();
    if (open >= most_threads_ + most_queued_)
        base::fail(base::Code::busy, waiting_.size(), " runs wait already, and ", running_.size(), " are open");
    if (threads_.size() < most_threads_ && threads_.size() <= open) threads_.emplace_back([this] { run(); });
    waiting_.push_back({std::move(work), std::move(cancellation)});
    changed_.notify_one();
}

void RunQueue::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        const Entry entry = std::move(waiting_.front());
        waiting_.pop_front();
        const bool wanted = !ending_;
        running_.insert(&entry);
        lock.unlock();
        try {
            entry.work(wanted);
        } catch (const std::exception& error) {
            base::log_warning("session", "a callback threw: ", error.what());
        } catch (...) {
            base::log_warning("session", "a callback threw something");
        }
        lock.lock();
        running_.erase(&entry);
    }
}

}  // namespace shoal::session
