// The thread on which plans are made.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "hub/outbox.hpp"

namespace shoal::hub {

class PlanningThread final : public Worker {
public:
    /// `post` hands what is to be run to the hub's thread; it is called from this one.
    explicit PlanningThread(std::function<void(Done)> post);
    /// As stop().
    ~PlanningThread() override;

    void run(std::function<Done()> job, bool urgent = false) override;
    /// Waits for the job that runs and drops the others.
    void stop() noexcept;

private:
    void work();

    std::function<void(Done)> post_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<Done()>> jobs_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace shoal::hub
