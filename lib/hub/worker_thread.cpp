#include "hub/worker_thread.hpp"

#include "base/log.hpp"

namespace shoal::hub {

WorkerThread::WorkerThread(std::string does, std::function<void(Done)> post)
    : does_(std::move(does)), post_(std::move(post)), thread_([this] { work(); }) {}

WorkerThread::~WorkerThread() {
    stop();
}

void WorkerThread::run(std::function<Done()> job, bool urgent) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        jobs_.insert(urgent ? jobs_.begin() + urgent_ : jobs_.end(), std::move(job));
        urgent_ += urgent ? 1 : 0;
    }
    changed_.notify_one();
}

void WorkerThread::stop() noexcept {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        jobs_.clear();
        urgent_ = 0;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void WorkerThread::work() {
    for (;;) {
        std::function<Done()> job;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
            if (stopping_) return;
            job = std::move(jobs_.front());
            jobs_.pop_front();
            urgent_ -= urgent_ > 0 ? 1 : 0;
        }
        try {
            if (Done done = job()) post_(std::move(done));
        } catch (const std::exception& error) {
            base::log(base::LogLevel::error, "hub", base::text(does_, " failed: ", error.what()));
        }
    }
}

}  // namespace shoal::hub
