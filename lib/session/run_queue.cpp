#include "session/run_queue.hpp"

#include <algorithm>
#include <system_error>

#include "base/log.hpp"

namespace shoal::session {
namespace {

constexpr std::chrono::milliseconds kLook{20};  // how soon a waiting run hears of its end

bool is_wanted(const runtime::RunOptions& options) {
    return !options.cancellation.cancelled() && !(options.deadline && base::SteadyClock::now() > *options.deadline);
}

}  // namespace

RunQueue::RunQueue(std::size_t threads, std::size_t queued)
    : most_threads_(std::max<std::size_t>(threads, 1)), most_queued_(queued) {}

RunQueue::~RunQueue() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
        for (const Entry* entry : running_)
            entry->options.cancellation.cancel();
    }
    changed_.notify_all();
    waits_.notify_all();
    for (auto& thread : threads_)
        thread.join();
    if (watcher_.joinable()) watcher_.join();
}

// The threads that there are will do when no more can be had.
void RunQueue::start_thread() {
    try {
        threads_.emplace_back([this] { run(); });
    } catch (const std::system_error& error) {
        if (threads_.empty())
            base::fail(base::Code::unavailable, "the system lets no thread start for a run: ", error.what());
    }
}

void RunQueue::add(std::function<void(bool)> work, const runtime::RunOptions& options) {
    const std::lock_guard lock(mutex_);
    const std::size_t open = waiting_.size() + running_.size();
    if (open >= most_threads_ + most_queued_)
        base::fail(base::Code::busy, waiting_.size(), " runs wait already, and ", running_.size(), " are open");
    if (threads_.size() < most_threads_ && threads_.size() <= open) start_thread();
    if (threads_.size() <= open && !watcher_.joinable()) {
        try {
            watcher_ = std::thread([this] { watch(); });
        } catch (const std::system_error&) {  // it hears of its end when it is its turn
        }
    }
    waiting_.push_back({std::move(work), options});
    changed_.notify_one();
    waits_.notify_one();
}

void RunQueue::perform(Lock& lock, Entry entry) {
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

void RunQueue::run() {
    Lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        Entry entry = std::move(waiting_.front());
        waiting_.pop_front();
        perform(lock, std::move(entry));
    }
}

void RunQueue::watch() {
    Lock lock(mutex_);
    for (;;) {
        waits_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
        if (ending_) return;  // the other threads see to what waits
        const auto late = std::find_if(waiting_.begin(), waiting_.end(),
                                       [](const Entry& entry) { return !is_wanted(entry.options); });
        if (late == waiting_.end()) {
            waits_.wait_for(lock, kLook, [&] { return ending_; });
            continue;
        }
        Entry entry = std::move(*late);
        waiting_.erase(late);
        perform(lock, std::move(entry));
    }
}

}  // namespace shoal::session
