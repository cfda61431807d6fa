#include "session/remote_backend.hpp"

#include <algorithm>

namespace shoal::session {

using base::Code;
using base::fail;
using runtime::BufferPtr;
using tensor::Tensor;

namespace {

class HeldBuffer final : public runtime::Buffer {
public:
    explicit HeldBuffer(Tensor tensor) : tensor_(std::move(tensor)) {}
    [[nodiscard]] const tensor::Type& type() const noexcept override { return tensor_.type(); }
    [[nodiscard]] Tensor read(const runtime::RunOptions&) const override { return tensor_; }

private:
    Tensor tensor_;
};

class RemoteExecutable final : public runtime::Executable {
public:
    RemoteExecutable(std::shared_ptr<client::Client> client, client::RemoteModel model,
                     std::chrono::milliseconds run_timeout)
        : client_(std::move(client)), model_(std::move(model)), run_timeout_(run_timeout) {}

    [[nodiscard]] const graph::Graph& graph() const noexcept override { return model_.graph(); }

    [[nodiscard]] runtime::MemoryUse memory() const noexcept override {
        runtime::MemoryUse out;
        try {
            for (const auto& stage : model_.plan().prediction.stages)
                out.weights += stage.memory_bytes;
        } catch (const std::exception&) {
            out = {};  // no memory for the copy of a plan; not worth an end
        }
        return out;
    }

    [[nodiscard]] std::vector<BufferPtr> run(std::span<const BufferPtr> inputs,
                                             const runtime::RunOptions& options) override {
        runtime::check_inputs(graph(), inputs);
        runtime::check_still_wanted(options);
        std::vector<Tensor> tensors;
        for (const auto& input : inputs)
            tensors.push_back(input->read(options));
        const auto deadline = options.deadline.value_or(base::deadline_in(run_timeout_));
        std::vector<BufferPtr> out;
        for (auto& tensor : model_.run(
                 std::move(tensors), deadline, [&options] { return options.cancellation.cancelled(); },
                 options.tell_busy))
            out.push_back(std::make_shared<HeldBuffer>(std::move(tensor)));
        return out;
    }

    [[nodiscard]] std::vector<runtime::KernelReport> profile(int) override {
        fail(Code::unsupported, "a cluster's kernels are measured on its boards; ask the hub for its status");
    }

private:
    std::shared_ptr<client::Client> client_;  // the model lives no longer than it
    client::RemoteModel model_;
    std::chrono::milliseconds run_timeout_;
};

class RemoteBackend final : public runtime::Backend {
public:
    RemoteBackend(std::shared_ptr<client::Client> client, RemoteOptions options)
        : client_(std::move(client)), options_(std::move(options)) {
        info_.id = "hub";
        info_.name = client_->hub();
        info_.kind = device::Kind::custom;
    }

    [[nodiscard]] const device::DeviceInfo& device() const noexcept override { return info_; }
    [[nodiscard]] device::Rates measure_rates() override { return {}; }
    [[nodiscard]] std::unique_ptr<runtime::Executable> compile(graph::Graph graph,
                                                               const runtime::RunOptions& options) override {
        const std::string name = graph.name;
        auto open = options_.open;
        if (options.deadline) open.deadline = std::min(open.deadline.value_or(*options.deadline), *options.deadline);
        open.cancelled = [&options, also = options_.open.cancelled] {
            return options.cancellation.cancelled() || (also && also());
        };
        auto model = client_->open({{name, std::make_shared<graph::Graph>(std::move(graph))}}, open);
        if (options_.on_open) options_.on_open(model);
        return std::make_unique<RemoteExecutable>(client_, std::move(model), options_.run_timeout);
    }
    [[nodiscard]] BufferPtr upload(Tensor tensor, const runtime::RunOptions&) override {
        return std::make_shared<HeldBuffer>(std::move(tensor));
    }

private:
    std::shared_ptr<client::Client> client_;
    RemoteOptions options_;
    device::DeviceInfo info_;
};

}  // namespace

std::shared_ptr<runtime::Backend> make_remote_backend(std::shared_ptr<client::Client> client, RemoteOptions options) {
    base::ensure(client != nullptr, "a remote backend without a client");
    return std::make_shared<RemoteBackend>(std::move(client), std::move(options));
}

}  // namespace shoal::session
