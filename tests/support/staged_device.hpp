// The host's loops as a device with an id and a kind of the test's choice, and with something to hold during every run:
// several of them are a board with several devices.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "runtime/host_backend.hpp"

namespace shoal::test {

class StagedDevice final : public runtime::Backend {
public:
    /// Called before a run; what it returns goes behind it.
    using Hold = std::function<std::shared_ptr<void>()>;

    explicit StagedDevice(const std::string& id, Hold hold = {}, device::Kind kind = device::Kind::cpu)
        : hold_(std::move(hold)) {
        info_ = host_->device();
        info_.id = id;
        info_.name = "staged " + id;
        info_.kind = kind;
    }

    [[nodiscard]] const device::DeviceInfo& device() const noexcept override { return info_; }
    [[nodiscard]] device::Rates measure_rates() override { return {1e9, 1e9, 1e-6, 1e-5}; }
    [[nodiscard]] std::unique_ptr<runtime::Executable> compile(graph::Graph graph,
                                                               const runtime::RunOptions& options) override {
        return std::make_unique<Staged>(host_->compile(std::move(graph), options), hold_);
    }
    [[nodiscard]] runtime::BufferPtr upload(tensor::Tensor tensor, const runtime::RunOptions& options) override {
        return host_->upload(std::move(tensor), options);
    }

private:
    class Staged final : public runtime::Executable {
    public:
        Staged(std::unique_ptr<runtime::Executable> own, Hold hold) : own_(std::move(own)), hold_(std::move(hold)) {}
        [[nodiscard]] const graph::Graph& graph() const noexcept override { return own_->graph(); }
        [[nodiscard]] runtime::MemoryUse memory() const noexcept override { return own_->memory(); }
        [[nodiscard]] std::vector<runtime::BufferPtr> run(std::span<const runtime::BufferPtr> inputs,
                                                          const runtime::RunOptions& options) override {
            const auto held = hold_ ? hold_() : nullptr;
            return own_->run(inputs, options);
        }
        [[nodiscard]] std::vector<runtime::KernelReport> profile(int repeat) override { return own_->profile(repeat); }

    private:
        std::unique_ptr<runtime::Executable> own_;
        Hold hold_;
    };

    std::shared_ptr<runtime::Backend> host_ = runtime::make_host_backend();
    device::DeviceInfo info_;
    Hold hold_;
};

}  // namespace shoal::test
