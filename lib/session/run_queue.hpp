// Runs that were submitted and those who wait for their turn, on threads of their own that are started when needed.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "runtime/backend.hpp"

namespace shoal::session {

class RunQueue {
public:
    /// Runs at most `threads` at a time and lets `queued` more wait.
    RunQueue(std::size_t threads, std::size_t queued);
    /// Cancels what runs, calls what waits with false, and ends the threads.
    ~RunQueue();
    RunQueue(const RunQueue&) = delete;
    RunQueue& operator=(const RunQueue&) = delete;

    /// Calls work(true) once it is its turn, or as soon as nobody waits for it any more (`options`; work looks itself),
    /// or work(false) when the queue ends before. What it throws is logged. Throws busy when too many wait, unavailable
    /// when the system lets no thread start.
    void add(std::function<void(bool)> work, const runtime::RunOptions& options);

private:
    struct Entry {
        std::function<void(bool)> work;
        runtime::RunOptions options;
    };
    using Lock = std::unique_lock<std::mutex>;
    void start_thread();
    void run();
    void watch();
    void perform(Lock& lock, Entry entry);

    const std::uint64_t most_threads_, most_queued_;
    std::mutex mutex_;
    std::condition_variable changed_, waits_;
    std::deque<Entry> waiting_;
    std::set<const Entry*> running_;
    bool ending_ = false;
    std::vector<std::thread> threads_;
    std::thread watcher_;  // tells those who wait that their time is over
};

}  // namespace shoal::session
