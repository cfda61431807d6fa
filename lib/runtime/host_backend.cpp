#include "runtime/host_backend.hpp"

#include <algorithm>
#include <mutex>
#include <set>

#include "graph/liveness.hpp"

namespace shoal::runtime {
namespace {

class HostBuffer final : public Buffer {
public:
    explicit HostBuffer(Tensor tensor) : tensor_(std::move(tensor)) {}
    [[nodiscard]] const Type& type() const noexcept override { return tensor_.type(); }
    [[nodiscard]] Tensor read(const RunOptions&) const override { return tensor_; }

private:
    Tensor tensor_;
};

class HostExecutable final : public Executable {
public:
    explicit HostExecutable(Graph graph) : graph_(std::move(graph)), last_use_(graph::last_uses(graph_)) {
        memory_.weights = graph::constant_bytes(graph_);
        memory_.activations = graph::peak_live_bytes(graph_);
        for (const auto& port : graph_.inputs)
            memory_.results += graph_.type(port.value).size_bytes();
        for (const auto& port : graph_.outputs)
            memory_.results += graph_.type(port.value).size_bytes();
    }

    [[nodiscard]] const Graph& graph() const noexcept override { return graph_; }
    [[nodiscard]] MemoryUse memory() const noexcept override { return memory_; }

    [[nodiscard]] std::vector<BufferPtr> run(std::span<const BufferPtr> inputs, const RunOptions& options) override {
        check_inputs(graph_, inputs);
        std::vector<Tensor> values(graph_.values.size());
        for (std::size_t i = 0; i < inputs.size(); ++i)
            values[graph_.inputs[i].value] = inputs[i]->read();
        for (std::uint32_t i = 0; i < graph_.ops.size(); ++i) {
            check_still_wanted(options);
            execute(graph_.ops[i], values);
            for (const auto id : graph_.ops[i].inputs) {
                if (id != graph::kNoValue && last_use_[id] == i) values[id] = Tensor();
            }
        }
        std::vector<BufferPtr> out;
        for (const auto& port : graph_.outputs) {
            out.push_back(std::make_shared<HostBuffer>(graph_.is_constant(port.value) ? graph_.constant(port.value)
                                                                                      : values[port.value]));
        }
        return out;
    }

    [[nodiscard]] std::vector<KernelReport> profile(int repeat) override {
        std::vector<Tensor> values(graph_.values.size());
        for (const auto& port : graph_.inputs)
            values[port.value] = Tensor(graph_.type(port.value));
        std::vector<KernelReport> out;
        for (std::uint32_t i = 0; i < graph_.ops.size(); ++i) {
            const graph::Op& op = graph_.ops[i];
            KernelReport report{std::string(op.card->name), op.name, {i}, graph::cost(graph_, op),
                                constants_of(op),           0,       0};
            std::vector<double> seconds;
            for (int n = 0; n < std::max(repeat, 1); ++n) {
                const auto start = base::SteadyClock::now();
                execute(op, values);
                seconds.push_back(base::to_ms(base::SteadyClock::now() - start) / 1e3);
            }
            std::nth_element(seconds.begin(), seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2),
                             seconds.end());
            report.seconds = seconds[seconds.size() / 2];
            out.push_back(std::move(report));
        }
        return out;
    }

private:
    // Bytes of the constants that an operator reads.
    [[nodiscard]] std::uint64_t constants_of(const graph::Op& op) const {
        const std::set<graph::ValueId> read(op.inputs.begin(), op.inputs.end());
        std::uint64_t out = 0;
        for (const auto id : read) {
            if (id != graph::kNoValue && graph_.is_constant(id)) out += graph_.type(id).size_bytes();
        }
        return out;
    }

    void execute(const graph::Op& op, std::vector<Tensor>& values) const {
        std::vector<Tensor> constants;
        std::vector<const Tensor*> inputs;
        constants.reserve(op.inputs.size());
        for (const auto id : op.inputs) {
            if (id != graph::kNoValue && graph_.is_constant(id)) constants.push_back(graph_.constant(id));
            inputs.push_back(id == graph::kNoValue    ? nullptr
                             : graph_.is_constant(id) ? &constants.back()
                                                      : &values[id]);
        }
        std::vector<Tensor> outputs;
        for (const auto id : op.outputs)
            outputs.emplace_back(graph_.type(id));
        op.card->evaluate(graph::signature(graph_, op), inputs, outputs);
        for (std::size_t i = 0; i < outputs.size(); ++i)
            values[op.outputs[i]] = std::move(outputs[i]);
    }

    Graph graph_;
    std::vector<std::uint32_t> last_use_;
    MemoryUse memory_;
};

class HostBackend final : public Backend {
public:
    HostBackend() {
        info_.id = "host";
        info_.name = "plain host loops";
        info_.vendor = "Shoal";
        info_.platform = "host";
        info_.kind = device::Kind::host;
        info_.compute_units = 1;
        info_.fp64 = true;
        info_.unified_memory = true;
    }
    [[nodiscard]] const device::DeviceInfo& device() const noexcept override { return info_; }
    [[nodiscard]] device::Rates measure_rates() override { return {2e8, 1e9, 1e-6, 1e-6}; }
    [[nodiscard]] std::unique_ptr<Executable> compile(Graph graph, const RunOptions& options) override {
        check_still_wanted(options);
        return std::make_unique<HostExecutable>(std::move(graph));
    }
    [[nodiscard]] BufferPtr upload(Tensor tensor, const RunOptions&) override {
        return std::make_shared<HostBuffer>(std::move(tensor));
    }

private:
    device::DeviceInfo info_;
};

}  // namespace

std::shared_ptr<Backend> make_host_backend() {
    return std::make_shared<HostBackend>();
}

}  // namespace shoal::runtime
