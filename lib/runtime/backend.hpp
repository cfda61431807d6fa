// The narrow bridge between a graph and a device: compile a graph, put tensors onto the device, run.
//
// A Backend and what it makes may be used from several threads; runs of one Executable are serialised inside it.
// Executables and buffers keep alive what they need of the backend.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "device/device.hpp"
#include "device/kernel_table.hpp"
#include "graph/graph.hpp"

namespace shoal::runtime {

using graph::Graph;
using tensor::Tensor;
using tensor::Type;

/// Device memory that an executable occupies for as long as it lives, in bytes; results are counted while a run lasts.
struct MemoryUse {
    std::uint64_t weights = 0;      ///< constants as stored, packing and padding included; shared constants count once
    std::uint64_t activations = 0;  ///< the arena of intermediate values, at its peak by construction
    std::uint64_t results = 0;      ///< inputs and outputs of one run

    [[nodiscard]] std::uint64_t total() const noexcept { return weights + activations + results; }
    bool operator==(const MemoryUse&) const = default;
};

/// Lets another thread take a run back. Copies share the flag.
class Cancellation {
public:
    Cancellation() : state_(std::make_shared<State>()) {}
    void cancel() const noexcept { state_->flag.store(true); }
    [[nodiscard]] bool cancelled() const noexcept {
        for (const State* at = state_.get(); at != nullptr; at = at->parent.get()) {
            if (at->flag.load()) return true;
        }
        return false;
    }
    /// Cancelled with this one, or alone.
    [[nodiscard]] Cancellation child() const {
        Cancellation out;
        out.state_->parent = state_;
        return out;
    }

private:
    struct State {
        std::atomic<bool> flag{false};
        std::shared_ptr<const State> parent{};
    };
    std::shared_ptr<State> state_;
};

struct RunOptions {
    std::optional<base::TimePoint> deadline{};
    Cancellation cancellation{};
    bool tell_busy = false;  ///< a full cluster is Code::busy at once, instead of being asked again until the deadline
};

/// A tensor that lives on a device. Immutable once made; shared by pointer.
class Buffer {
public:
    virtual ~Buffer() = default;
    [[nodiscard]] virtual const Type& type() const noexcept = 0;
    /// Its elements in host memory; not copied where the device shares the host's memory. Throws device, and timeout or
    /// cancelled as `options` say.
    [[nodiscard]] virtual Tensor read(const RunOptions& options) const = 0;
    [[nodiscard]] Tensor read() const { return read({}); }
};
using BufferPtr = std::shared_ptr<const Buffer>;

/// One kernel of an executable: what it is made of and, when it was run for measuring, what it took.
struct KernelReport {
    std::string name;                   ///< kernel and variant, e.g. "conv_f32_simd"
    std::string work;                   ///< what it does, e.g. "conv + add + relu", and the model's operator names
    std::vector<std::uint32_t> ops{};   ///< operators of the graph that it covers
    graph::Cost cost{};                 ///< of all of them, fused values not counted as memory traffic
    std::uint64_t weight_bytes = 0;     ///< constants it keeps on the device, as stored
    std::uint64_t workspace_bytes = 0;  ///< scratch memory beyond its inputs and outputs
    double seconds = 0;                 ///< median of the measured runs
};

class Executable {
public:
    virtual ~Executable() = default;
    [[nodiscard]] virtual const Graph& graph() const noexcept = 0;
    [[nodiscard]] virtual MemoryUse memory() const noexcept = 0;

    /// Runs once. `inputs` are in the order of graph().inputs and of their types; returns the outputs in order.
    /// Throws invalid_argument (wrong types, both named), device, timeout or cancelled; it can be run again after any.
    [[nodiscard]] virtual std::vector<BufferPtr> run(std::span<const BufferPtr> inputs,
                                                     const RunOptions& options = {}) = 0;

    /// Runs `repeat` times on zeros with the kernels timed one by one; one report a kernel, in order of execution.
    [[nodiscard]] virtual std::vector<KernelReport> profile(int repeat) = 0;
};

class Backend {
public:
    virtual ~Backend() = default;
    [[nodiscard]] virtual const device::DeviceInfo& device() const noexcept = 0;
    /// What was measured of kernels on this device before, and chooses between ways of computing them.
    [[nodiscard]] virtual device::KernelTable kernels() const { return {}; }
    /// Measures the device's rates; takes about a tenth of a second.
    [[nodiscard]] virtual device::Rates measure_rates() = 0;
    /// Makes a graph ready to run. Constants must be bound. Throws unsupported (element type the device lacks),
    /// out_of_memory with both sizes, or device with the driver's words; timeout or cancelled as `options` say, at once
    /// where it compiles elsewhere, after what the driver is at where it compiles here.
    [[nodiscard]] virtual std::unique_ptr<Executable> compile(Graph graph, const RunOptions& options = {}) = 0;
    /// Puts a tensor onto the device; the tensor's bytes are kept and shared where the device can read them in place.
    /// Throws out_of_memory, device, and timeout or cancelled as `options` say.
    [[nodiscard]] virtual BufferPtr upload(Tensor tensor, const RunOptions& options) = 0;
    [[nodiscard]] BufferPtr upload(Tensor tensor) { return upload(std::move(tensor), {}); }
};

/// upload, run and read in one, for callers that keep nothing on the device.
[[nodiscard]] std::vector<Tensor> run_on_host_tensors(Backend& backend, Executable& executable,
                                                      std::span<const Tensor> inputs, const RunOptions& options = {});

/// Throws invalid_argument unless `inputs` are as many and of the types that the graph's inputs ask for.
void check_inputs(const Graph& graph, std::span<const BufferPtr> inputs);

/// Throws Code::cancelled or Code::timeout when the options say that nobody waits any more.
void check_still_wanted(const RunOptions& options);

}  // namespace shoal::runtime
