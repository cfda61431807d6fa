#include "node/device_worker.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "base/log.hpp"

namespace shoal::node {

struct DeviceWorker::State {
    struct Task {
        Kind kind = Kind::other;
        std::function<void()> work{};
    };

    State(std::string name_, std::size_t room_) : name(std::move(name_)), room(room_) {}

    void run() {
        std::unique_lock lock(mutex);
        for (;;) {
            bell.wait(lock, [&] { return stopping || !tasks.empty(); });
            if (stopping) break;
            Task task = std::move(tasks.front());
            tasks.pop_front();
            running = task.kind;
            since = base::SteadyClock::now();
            is_running = true;
            held_up_runs = false;
            lock.unlock();
            perform(task);
            lock.lock();
            is_running = false;
            spent += base::SteadyClock::now() - since;
        }
        ended = true;
        bell.notify_all();
    }

    void perform(Task& task) const noexcept {
        try {
            task.work();
            task.work = nullptr;  // what it holds goes here, not under the lock
        } catch (const std::exception& error) {
            base::log_warning("node", "a task of ", name, " failed: ", error.what());
        }
    }

    const std::string name;
    const std::size_t room;
    mutable std::mutex mutex;  // for all below
    std::condition_variable bell;
    std::deque<Task> tasks;
    bool held_up_runs = false;  // the task that runs now
    bool is_running = false, stopping = false, ended = false;
    Kind running = Kind::other;
    base::TimePoint since{};
    base::Duration spent{};
    std::thread thread;
};

DeviceWorker::DeviceWorker(std::string name, std::size_t room)
    : state_(std::make_shared<State>(std::move(name), room)) {
    state_->thread = std::thread([state = state_] { state->run(); });
}

DeviceWorker::~DeviceWorker() {
    stop(std::chrono::seconds(2));
}

bool DeviceWorker::submit(Kind kind, std::function<void()> task) {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping || state_->tasks.size() + (state_->is_running ? 1 : 0) >= state_->room) return false;
    state_->tasks.push_back({kind, std::move(task)});
    state_->bell.notify_all();
    return true;
}

bool DeviceWorker::has_room() const {
    const std::lock_guard lock(state_->mutex);
    return !state_->stopping && state_->tasks.size() + (state_->is_running ? 1 : 0) < state_->room;
}

base::Duration DeviceWorker::age(base::TimePoint now, bool runs_wait) const {
    const std::lock_guard lock(state_->mutex);
    if (!state_->is_running) return {};
    state_->held_up_runs = state_->held_up_runs || runs_wait;
    return state_->running == Kind::run || state_->held_up_runs ? now - state_->since : base::Duration{};
}

base::Duration DeviceWorker::busy(base::TimePoint now) const {
    const std::lock_guard lock(state_->mutex);
    return state_->spent + (state_->is_running ? now - state_->since : base::Duration{});
}

void DeviceWorker::stop(base::Duration grace) noexcept {
    std::deque<State::Task> forgotten;
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    forgotten.swap(state_->tasks);
    state_->bell.notify_all();
    if (!state_->thread.joinable()) return;
    const bool ended = state_->bell.wait_for(lock, grace, [&] { return state_->ended; });
    std::thread thread = std::move(state_->thread);
    lock.unlock();
    if (ended) return thread.join();
    base::log_warning("node", state_->name, " does not come back and is left behind");
    thread.detach();
}

}  // namespace shoal::node
