#include "opencl/executable.hpp"

#include <algorithm>

#include "base/file.hpp"
#include "base/log.hpp"
#include "graph/liveness.hpp"
#include "opencl/completion.hpp"
#include "opencl/emit/emitter.hpp"
#include "opencl/kernel_sequence.hpp"
#include "opencl/persistent_run.hpp"
#include "opencl/program_set.hpp"
#include "opencl/storage.hpp"
#include "opencl/turns.hpp"
#include "platform/code_pages.hpp"

namespace shoal::opencl {
namespace {

using base::fail;
using runtime::BufferPtr;
using runtime::Graph;

bool uses_blas(const Emission& emission) {
    return std::any_of(emission.groups.begin(), emission.groups.end(), [](const GroupCode& group) {
        return std::any_of(group.launches.begin(), group.launches.end(),
                           [](const Launch& launch) { return launch.blas.has_value(); });
    });
}

struct Compiled {
    Emission emission;
    Storage storage;
};

Compiled compile(const Graph& graph, const device::DeviceInfo& info, const std::vector<std::string>& variants) {
    const std::uint64_t alignment = std::max<std::uint64_t>(info.buffer_alignment, 64);
    const auto make = [&](Parts parts) {
        Compiled out{emit(graph, info, variants, parts), {}};
        out.storage = plan_storage(graph, out.emission, alignment);
        return out;
    };
    Compiled in_place = make(Parts::in_place);
    if (in_place.emission.concatenated.empty()) return in_place;
    // Plans count on the memory that copied parts need: they live until they are copied, and what they go into only
    // from then on.
    Compiled copied = make(Parts::copied);
    return in_place.storage.arena_bytes <= copied.storage.arena_bytes ? std::move(in_place) : std::move(copied);
}

// Whether the library works on the device is found out when a graph first wants it.
Compiled compile(OpenDevice& device, const device::DeviceInfo& info, const Graph& graph,
                 const std::vector<std::string>& variants) {
    Compiled out = compile(graph, info, variants);
    if (!uses_blas(out.emission) || device.blas_works()) return out;
    device::DeviceInfo without = info;
    without.blas = false;
    return compile(graph, without, variants);
}

class OpenClExecutable final : public runtime::Executable {
public:
    /// `info`: the device as kernels are written for it.
    OpenClExecutable(std::shared_ptr<OpenDevice> device, const device::DeviceInfo& info, Graph graph,
                     const std::vector<std::string>& variants)
        : device_(std::move(device)),
          graph_(std::move(graph)),
          compiled_(compile(*device_, info, graph_, variants)),
          residence_(device_, graph_, emission_, storage_),
          memories_(std::make_shared<const std::vector<MemoryPtr>>(residence_.memories())) {
        memory_.weights = residence_.weight_bytes();
        memory_.activations = storage_.arena_bytes;
        for (const auto& port : graph_.inputs)
            memory_.results += graph_.type(port.value).size_bytes();
        for (const auto id : storage_.results)
            memory_.results += graph_.type(id).size_bytes();
        if (emission_.groups.empty()) return;
        const int workers = device_->device().info.compute_units;
        auto whole = is_resident() ? make_persistent(graph_, emission_, residence_, {workers, false}) : std::nullopt;
        if (whole)
            persistent_.emplace(*device_, graph_.name, std::move(*whole), build_options(emission_.uses_f64), workers,
                                residence_);
        else
            make_sequence();
        platform::give_back_code_pages();  // before the weights want room
    }

    /// Before the first run, once; lets go of constants that only it needed, where nobody else holds them.
    void pack_weights() {
        if (emission_.weights.empty()) return;
        const auto programs = setup_programs(*device_, graph_, emission_);
        KernelSequence::pack_weights(*device_, programs.each(), graph_, emission_, residence_,
                                     [&](ValueId id) { let_go(id); });
    }

    [[nodiscard]] const Graph& graph() const noexcept override { return graph_; }
    [[nodiscard]] runtime::MemoryUse memory() const noexcept override { return memory_; }

    [[nodiscard]] std::vector<BufferPtr> run(std::span<const BufferPtr> inputs,
                                             const runtime::RunOptions& options) override {
        runtime::check_inputs(graph_, inputs);
        const auto turn = turns_.wait(options, kLook);
        auto results = make_results();
        if (!emission_.groups.empty()) {
            EventHandle computed;
            cl_event last = nullptr;
            try {
                computed = enqueue(raw(inputs), raw(results));
                last = is_host() ? show(results, computed.get()) : computed.get();
            } catch (...) {
                // What was enqueued still writes into memory that now goes back to the pool.
                clFinish(device_->queue());
                throw;
            }
            wait(options, last, computed.get(), inputs, results);
        }
        return outputs(inputs, results);
    }

    [[nodiscard]] std::vector<runtime::KernelReport> profile(int repeat) override {
        const auto turn = turns_.wait({}, kLook);
        if (emission_.groups.empty()) return {};
        std::vector<BufferPtr> inputs;
        for (const auto& port : graph_.inputs) {
            const auto& type = graph_.type(port.value);
            inputs.push_back(
                std::make_shared<DeviceBuffer>(device_, device_->place(tensor::Tensor(type).shared_bytes()), type));
        }
        const auto results = make_results();
        auto seconds = persistent_ ? resident_seconds(raw(inputs), raw(results), repeat) : std::nullopt;
        if (!seconds) seconds = separate_seconds(raw(inputs), raw(results), repeat);
        std::vector<runtime::KernelReport> out;
        const auto kept = graph::materialised(graph_);
        for (std::size_t g = 0; g < seconds->size(); ++g) {
            auto& own = (*seconds)[g];
            std::nth_element(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(own.size() / 2), own.end());
            out.push_back(report(g, own[own.size() / 2], kept));
        }
        return out;
    }

private:
    [[nodiscard]] bool is_resident() const {
        if (device_->has_programs_apart()) return false;
        // The resident kernel's groups are single work-items, which cannot meet at barriers of a tile.
        if (device::kernel_class(device_->device().info) == device::KernelClass::gpu) return false;
        return device_->dispatch() == Dispatch::resident ||
               (device_->dispatch() == Dispatch::automatic && runs_persistently(device_->device().info));
    }

    // Where mapping moves nothing, results are mapped by the run itself, behind its kernels: whoever reads them need
    // not wake the device once more.
    [[nodiscard]] bool is_host() const {
        const auto& info = device_->device().info;
        return info.kind == device::Kind::cpu && info.unified_memory;
    }
    [[nodiscard]] cl_event show(std::vector<BufferPtr>& results, cl_event computed) const {
        cl_event last = computed;
        for (auto& result : results) {
            const auto& type = result->type();
            if (type.size_bytes() == 0) continue;
            const auto& memory = own(result).memory();
            auto mapping = map(device_, device_->queue(), memory, type.size_bytes(), computed);
            result = std::make_shared<DeviceBuffer>(device_, memory, type, std::move(mapping.elements));
            last = mapping.done;
        }
        return last;
    }

    // The event of the last command.
    [[nodiscard]] EventHandle enqueue(const std::vector<cl_mem>& inputs, const std::vector<cl_mem>& results) {
        cl_event last = nullptr;
        if (persistent_) {
            persistent_->bind(inputs, results);
            persistent_->enqueue(device_->queue(), &last);
        } else {
            sequence_->bind(inputs, results);
            sequence_->enqueue_all(device_->queue());
            check(clEnqueueMarkerWithWaitList(device_->queue(), 0, nullptr, &last), "clEnqueueMarkerWithWaitList");
        }
        return EventHandle(last);
    }

    // Of each group, the seconds of every repetition.
    using Seconds = std::vector<std::vector<double>>;

    // Timed where it runs: inside the resident kernel, behind and before its neighbours.
    std::optional<Seconds> resident_seconds(const std::vector<cl_mem>& inputs, const std::vector<cl_mem>& results,
                                            int repeat) {
        const int workers = device_->device().info.compute_units;
        auto whole = make_persistent(graph_, emission_, residence_, {workers, true});
        if (!whole) return std::nullopt;
        PersistentRun timed(*device_, graph_.name, std::move(*whole), build_options(emission_.uses_f64), workers,
                            residence_);
        timed.bind(inputs, results);
        Seconds out(emission_.groups.size());
        for (int n = -1; n < std::max(repeat, 1); ++n) {
            const auto once = timed.time_groups(device_->profiling_queue(), out.size());
            if (!once) return std::nullopt;
            for (std::size_t g = 0; n >= 0 && g < out.size(); ++g)  // the first run warms up
                out[g].push_back((*once)[g]);
        }
        return out;
    }

    Seconds separate_seconds(const std::vector<cl_mem>& inputs, const std::vector<cl_mem>& results, int repeat) {
        if (!sequence_) make_sequence();
        sequence_->bind(inputs, results);
        Seconds out(emission_.groups.size());
        for (int n = 0; n < std::max(repeat, 1); ++n) {
            for (std::size_t g = 0; g < out.size(); ++g)
                out[g].push_back(sequence_->time_group(device_->profiling_queue(), g));
        }
        return out;
    }

    void make_sequence() {
        programs_.emplace(run_programs(*device_, graph_, emission_));
        sequence_.emplace(device_->device().handle, programs_->each(), graph_, emission_, residence_);
    }

    // A constant that was packed is read by no kernel as it was: its bytes need not lie in memory twice.
    void let_go(ValueId id) {
        const bool kept =
            std::find(storage_.constants.begin(), storage_.constants.end(), id) != storage_.constants.end();
        if (kept || graph_.type(id).shape.count() == 1) return;  // one element alone is a kernel's argument
        base::forget_pages(graph_.value(id).constant->bytes);
        graph_.values[id].constant->bytes = {};
    }

    [[nodiscard]] const DeviceBuffer& own(const BufferPtr& buffer) const {
        const auto* typed = dynamic_cast<const DeviceBuffer*>(buffer.get());
        if (typed == nullptr || &typed->device() != device_.get()) {
            fail(base::Code::invalid_argument, "a tensor ", buffer->type(), " lies on another device than '",
                 device_->device().info.name, "'");
        }
        return *typed;
    }
    [[nodiscard]] std::vector<cl_mem> raw(std::span<const BufferPtr> buffers) const {
        std::vector<cl_mem> out;
        for (const auto& buffer : buffers)
            out.push_back(own(buffer).memory()->get());
        return out;
    }

    [[nodiscard]] std::vector<BufferPtr> make_results() const {
        std::vector<BufferPtr> out;
        for (const auto id : storage_.results) {
            const auto& type = graph_.type(id);
            out.push_back(std::make_shared<DeviceBuffer>(
                device_, device_->allocate(std::max<std::size_t>(type.size_bytes(), 1)), type));
        }
        return out;
    }

    void wait(const runtime::RunOptions& options, cl_event last, cl_event computed, std::span<const BufferPtr> inputs,
              const std::vector<BufferPtr>& results) {
        Kept kept{memories_};
        for (const auto& buffer : inputs)
            kept.push_back(own(buffer).memory());
        for (const auto& buffer : results)
            kept.push_back(own(buffer).memory());
        wait_for(device_->queue(), last, computed, options, std::move(kept), what_runs_);
    }

    std::vector<BufferPtr> outputs(std::span<const BufferPtr> inputs, const std::vector<BufferPtr>& results) const {
        std::vector<BufferPtr> out;
        for (const auto& port : graph_.outputs) {
            const Place& place = storage_.places[port.value];
            const auto& type = graph_.type(port.value);
            if (place.kind == Place::Kind::constant) {
                out.push_back(std::make_shared<DeviceBuffer>(device_, residence_.constant(place.number), type));
            } else {
                const BufferPtr& source =
                    place.kind == Place::Kind::input ? inputs[place.number] : results[place.number];
                out.push_back(source->type() == type ? source
                                                     : std::make_shared<DeviceBuffer>(device_, own(source).memory(),
                                                                                      type, own(source).mapping()));
            }
        }
        return out;
    }

    // `kept`: values that reach memory in any case (graph::materialised).
    [[nodiscard]] runtime::KernelReport report(std::size_t g, double seconds, const std::vector<bool>& kept) const {
        const GroupCode& group = emission_.groups[g];
        runtime::KernelReport out;
        out.name = group.variant.empty() ? group.kernel : group.kernel + " " + group.variant;
        out.seconds = seconds;
        for (std::uint32_t i = group.range.first; i < group.range.last; ++i) {
            const graph::Op& op = graph_.ops[i];
            out.ops.push_back(i);
            const auto* fn = op.attrs.has("fn") ? &op.attrs.text("fn") : nullptr;
            out.work += (out.work.empty() ? "" : " + ") + (fn != nullptr ? *fn : std::string(op.card->name));
            out.cost.flops += graph::cost(graph_, op).flops;
        }
        bool reads_zeros = false;
        for (const Launch& launch : group.launches) {
            count_traffic(group, launch, out);
            for (const auto& argument : launch.arguments)
                reads_zeros = reads_zeros || std::holds_alternative<ZerosArgument>(argument);
        }
        if (reads_zeros) out.weight_bytes += emission_.zeros_bytes;  // alone it would keep some too
        for (const auto bytes : group.workspaces)
            out.workspace_bytes += bytes;
        for (const ValueId value : group.stored) {  // between the parts of a kernel group that has no kernel of its own
            if (!kept[value]) out.workspace_bytes += graph_.type(value).size_bytes();
        }
        return out;
    }

    // Of a concatenation a launch may write only what the group stores.
    [[nodiscard]] std::uint64_t written_bytes(const GroupCode& group, ValueId value) const {
        std::uint64_t parts = 0;
        for (const ValueId stored : group.stored) {
            const auto whole = emission_.concatenated.find(stored);
            if (whole != emission_.concatenated.end() && whole->second == value)
                parts += graph_.type(stored).size_bytes();
        }
        return parts != 0 ? parts : graph_.type(value).size_bytes();
    }

    void count_traffic(const GroupCode& group, const Launch& launch, runtime::KernelReport& out) const {
        for (const auto& argument : launch.arguments) {
            if (const auto* buffer = std::get_if<BufferArgument>(&argument)) {
                const auto bytes = graph_.type(buffer->value).size_bytes();
                if (buffer->written)
                    out.cost.bytes_written += static_cast<double>(written_bytes(group, buffer->value));
                else
                    out.cost.bytes_read += static_cast<double>(bytes);
                if (graph_.is_constant(storage_.roots[buffer->value])) out.weight_bytes += bytes;
            } else if (const auto* weight = std::get_if<WeightArgument>(&argument)) {
                out.weight_bytes += residence_.weight(weight->number).bytes;
                out.cost.bytes_read += static_cast<double>(emission_.weights[weight->number].bytes);
            }
        }
    }

    std::shared_ptr<OpenDevice> device_;
    Graph graph_;
    Compiled compiled_;
    const Emission& emission_ = compiled_.emission;
    const Storage& storage_ = compiled_.storage;
    Residence residence_;
    std::shared_ptr<const std::vector<MemoryPtr>> memories_;  // all of residence_'s
    runtime::MemoryUse memory_;
    std::optional<ProgramSet> programs_;
    std::optional<KernelSequence> sequence_;
    std::optional<PersistentRun> persistent_;
    Turns turns_;
    const std::string what_runs_ =  // for errors: not put together anew in every run
        base::text("the run of '", graph_.name, "' on device '", device_->device().info.name, "'");
};

// Nothing where that fails too.
std::unique_ptr<OpenClExecutable> build_plain(const std::shared_ptr<OpenDevice>& device, const Graph& graph) {
    device::DeviceInfo plain = device->device().info;
    plain.kernels = device::KernelClass::plain;
    try {
        return std::make_unique<OpenClExecutable>(device, plain, graph, std::vector<std::string>{});
    } catch (const base::Error&) {
        return nullptr;
    }
}

// As was measured to be best, or on plain kernels where a GPU's driver refuses those.
std::unique_ptr<OpenClExecutable> build_best(const std::shared_ptr<OpenDevice>& device, const Graph& graph) {
    const device::DeviceInfo& info = device->device().info;
    // Whether a driver takes a kernel with large tiles shows only when it has compiled it; what it did not take ahead
    // of time is not in the folder.
    try {
        return std::make_unique<OpenClExecutable>(device, info, graph, device->variants_for(graph));
    } catch (const base::Error& error) {
        const bool refused = error.code() == base::Code::device || error.code() == base::Code::not_found;
        if (!refused || device::kernel_class(info) != device::KernelClass::gpu) throw;
        auto slower = build_plain(device, graph);
        if (slower == nullptr) throw;
        base::log_warning("opencl", "device '", info.name, "' refuses kernels of '", graph.name,
                          "', which runs on slower ones now; 'shoal tune' looks for others: ", error.what());
        return slower;
    }
}

}  // namespace

std::unique_ptr<runtime::Executable> make_executable(std::shared_ptr<OpenDevice> device, runtime::Graph graph,
                                                     std::optional<std::vector<std::string>> variants) {
    auto out = variants ? std::make_unique<OpenClExecutable>(device, device->device().info, graph, *variants)
                        : build_best(device, graph);
    graph = {};  // packing lets go of constants, which a second owner would keep
    out->pack_weights();
    return out;
}

}  // namespace shoal::opencl
