// A thread beside the hub's: one makes plans, one keeps weights on the disk.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "hub/outbox.hpp"

namespace shoal::hub {

class WorkerThread final : public Worker {
public:
    /// `post` hands what is to be run to the hub's thread; it is called from this one. `does` is for the log.
    WorkerThread(std::string does, std::function<void(Done)> post);
    /// As stop().
    ~WorkerThread() override;

    void run(std::function<Done()> job, bool urgent = false) override;
    /// Waits for the job that runs and drops the others.
    void stop() noexcept;

private:
    void work();

    const std::string does_;
    std::function<void(Done)> post_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<Done()>> jobs_;
    std::ptrdiff_t urgent_ = 0;  // so many of them, in front
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace shoal::hub
