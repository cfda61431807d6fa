// The host's backend with a gate in front of compiling and running, so that a test decides when they go on, and what
// fails.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "runtime/host_backend.hpp"

namespace shoal::test {

/// Open at first. Any thread.
class Gate {
public:
    void close() {
        const std::lock_guard lock(mutex_);
        open_ = false;
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        bell_.notify_all();
    }
    /// Waits until it is open or `gives_up` says so.
    template <class GivesUp>
    void pass(GivesUp&& gives_up) {
        std::unique_lock lock(mutex_);
        ++waiting_;
        while (!open_ && !gives_up())
            bell_.wait_for(lock, std::chrono::milliseconds(2));
        --waiting_;
    }
    [[nodiscard]] int waiting() const {
        const std::lock_guard lock(mutex_);
        return waiting_;
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable bell_;
    bool open_ = true;
    int waiting_ = 0;
};

struct Gates {
    Gate compile, run;
    std::atomic<int> compiles{0}, runs{0};
    std::atomic<bool> compile_fails{false}, run_fails{false}, profile_fails{false};
    std::atomic<bool> ignores_cancellation{false};
};

class GatedExecutable final : public runtime::Executable {
public:
    GatedExecutable(std::unique_ptr<runtime::Executable> inner, std::shared_ptr<Gates> gates)
        : inner_(std::move(inner)), gates_(std::move(gates)) {}
    [[nodiscard]] const runtime::Graph& graph() const noexcept override { return inner_->graph(); }
    [[nodiscard]] runtime::MemoryUse memory() const noexcept override { return inner_->memory(); }
    [[nodiscard]] std::vector<runtime::BufferPtr> run(std::span<const runtime::BufferPtr> inputs,
                                                      const runtime::RunOptions& options) override {
        ++gates_->runs;
        gates_->run.pass([&] { return !gates_->ignores_cancellation && options.cancellation.cancelled(); });
        if (gates_->run_fails) base::fail(base::Code::device, "clFinish: -36, as the test wants it");
        return inner_->run(inputs, options);
    }
    [[nodiscard]] std::vector<runtime::KernelReport> profile(int repeat) override {
        if (gates_->profile_fails && inner_->graph().ops.size() > 1)
            base::fail(base::Code::device, "too many kernels, as the test wants it");
        return inner_->profile(repeat);
    }

private:
    std::unique_ptr<runtime::Executable> inner_;
    std::shared_ptr<Gates> gates_;
};

class GatedBackend final : public runtime::Backend {
public:
    explicit GatedBackend(std::shared_ptr<Gates> gates, device::KernelTable kernels = {})
        : gates_(std::move(gates)), kernels_(std::move(kernels)) {}
    [[nodiscard]] const device::DeviceInfo& device() const noexcept override { return inner_->device(); }
    [[nodiscard]] device::KernelTable kernels() const override { return kernels_; }
    [[nodiscard]] device::Rates measure_rates() override { return inner_->measure_rates(); }
    [[nodiscard]] std::unique_ptr<runtime::Executable> compile(runtime::Graph graph,
                                                               const runtime::RunOptions& options) override {
        ++gates_->compiles;
        gates_->compile.pass([] { return false; });
        if (gates_->compile_fails) base::fail(base::Code::device, "no compiler, as the test wants it");
        return std::make_unique<GatedExecutable>(inner_->compile(std::move(graph), options), gates_);
    }
    [[nodiscard]] runtime::BufferPtr upload(runtime::Tensor tensor, const runtime::RunOptions& options) override {
        return inner_->upload(std::move(tensor), options);
    }

private:
    std::shared_ptr<runtime::Backend> inner_ = runtime::make_host_backend();
    std::shared_ptr<Gates> gates_;
    device::KernelTable kernels_;
};

}  // namespace shoal::test
