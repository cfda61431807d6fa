// One device in use: its context, its queue, its programs, and the memory that comes and goes with runs.
//
// Shared by the backend and everything made from it. Thread-safe as OpenCL is; setting kernel arguments is not, and is
// serialised by whoever owns the kernels.
#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "device/kernel_table.hpp"
#include "opencl/device_query.hpp"
#include "opencl/handles.hpp"
#include "opencl/program.hpp"
#include "runtime/backend.hpp"

namespace shoal::opencl {

/// How the kernels of a graph reach the device.
enum class Dispatch : std::uint8_t {
    automatic,  ///< resident where the driver is known to carry it, else separate
    separate,   ///< one launch after the other
    resident,   ///< all in one kernel; see emit/persistent.hpp
};

struct BackendOptions {
    ProgramOptions programs{};
    Dispatch dispatch = Dispatch::automatic;
    bool compact_weights = false;                                  ///< DeviceInfo::compact_weights
    device::KernelClass kernels = device::KernelClass::automatic;  ///< DeviceInfo::kernels
    /// A table of 'shoal tune' that was brought along; without one, what was measured on this machine is used.
    std::filesystem::path kernel_table{};
};

/// The file of a kernel folder that says which variants its binaries are.
inline constexpr const char* kKernelTableName = "kernels.txt";

class OpenDevice;

/// Device memory. What is `pooled` goes back to its device's pool when the last owner lets go; what shows the host's
/// bytes in place is not.
class Memory {
public:
    Memory(std::shared_ptr<OpenDevice> device, MemoryHandle handle, std::size_t size_bytes, bool pooled);
    ~Memory();
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    [[nodiscard]] cl_mem get() const noexcept { return handle_.get(); }
    [[nodiscard]] std::size_t size_bytes() const noexcept { return size_bytes_; }

private:
    std::shared_ptr<OpenDevice> open_;
    MemoryHandle handle_;
    std::size_t size_bytes_;
    bool pooled_;
};
using MemoryPtr = std::shared_ptr<Memory>;

class OpenDevice : public std::enable_shared_from_this<OpenDevice> {
public:
    OpenDevice(FoundDevice device, BackendOptions options);

    [[nodiscard]] const FoundDevice& device() const noexcept { return device_; }
    [[nodiscard]] cl_context context() const noexcept { return context_.get(); }
    [[nodiscard]] cl_command_queue queue() const noexcept { return queue_.get(); }
    /// For what moves between host and device and has no kernel to wait for: other runs do not hold it up.
    [[nodiscard]] cl_command_queue transfer_queue() const noexcept { return transfer_queue_.get(); }
    [[nodiscard]] Dispatch dispatch() const noexcept { return dispatch_; }
    [[nodiscard]] const ProgramOptions& program_options() const noexcept { return program_options_; }
    /// True where programs are made, or were made, before it is known which stages a model is cut into: each kernel
    /// group has a program of its own then (opencl/program_set.hpp).
    [[nodiscard]] bool has_programs_apart() const {
        return program_options_.ahead_of_time() || !device_.info.online_compiler;
    }
    /// Whether the library of DeviceInfo::blas multiplies rightly here; found out when it is first asked.
    [[nodiscard]] bool blas_works();
    /// What is known of kernels on this device.
    [[nodiscard]] const device::KernelTable& kernels() const noexcept { return kernels_; }
    /// The variant of each of the graph's kernel groups that was measured to be the fastest; "" where none was.
    [[nodiscard]] std::vector<std::string> variants_for(const runtime::Graph& graph) const;
    /// A second queue with timestamps, made when first asked for.
    [[nodiscard]] cl_command_queue profiling_queue();
    [[nodiscard]] ProgramBuilder& programs() noexcept { return programs_; }

    /// What memory is wanted for: the pool keeps what one run has left for the next.
    enum class Use : std::uint8_t { runs, once };
    /// Uninitialised memory, for runs from the pool where one of that size is free. Throws out_of_memory with both
    /// sizes.
    [[nodiscard]] MemoryPtr allocate(std::size_t size_bytes, Use use = Use::runs);
    /// Memory with these bytes in it: the bytes themselves where the device shares the host's memory, else a copy,
    /// which is waited for as `options` say.
    [[nodiscard]] MemoryPtr place(const base::SharedBytes& bytes, Use use = Use::runs,
                                  const runtime::RunOptions& options = {});
    /// Free memory that the pool holds, 64 MiB at most; no executable counts it.
    [[nodiscard]] std::uint64_t pooled_bytes() {
        const std::lock_guard lock(mutex_);
        return free_bytes_;
    }

private:
    friend class Memory;
    [[nodiscard]] MemoryHandle fresh(std::size_t size_bytes);
    void prefer_huge_pages(const MemoryHandle& memory, std::size_t size_bytes) noexcept;
    [[nodiscard]] MemoryPtr show(const base::SharedBytes& bytes, void* host);
    [[nodiscard]] std::uint64_t pool_bytes() const noexcept;
    void take_back(MemoryHandle handle, std::size_t size_bytes) noexcept;

    FoundDevice device_;
    DeviceHandle kept_;  // a sub-device is there as long as its context and queues are; with PoCL 3.1 that is our part
    Dispatch dispatch_;
    ProgramOptions program_options_;
    device::KernelTable kernels_;
    ContextHandle context_;
    QueueHandle queue_, transfer_queue_, profiling_queue_;
    ProgramBuilder programs_;
    std::once_flag blas_tried_;
    bool blas_works_ = false;
    std::mutex mutex_;
    struct Free {
        std::size_t size_bytes;
        MemoryHandle handle;
    };
    std::deque<Free> free_;  // what has lain there longest first
    std::uint64_t free_bytes_ = 0;
};

/// A tensor in device memory.
class DeviceBuffer final : public runtime::Buffer {
public:
    /// `mapping` as map() gives it; null: read() maps.
    DeviceBuffer(std::shared_ptr<OpenDevice> device, MemoryPtr memory, tensor::Type type,
                 std::shared_ptr<const void> mapping = {})
        : open_(std::move(device)), memory_(std::move(memory)), type_(std::move(type)), mapping_(std::move(mapping)) {}
    [[nodiscard]] const tensor::Type& type() const noexcept override { return type_; }
    [[nodiscard]] tensor::Tensor read(const runtime::RunOptions& options) const override;
    [[nodiscard]] const MemoryPtr& memory() const noexcept { return memory_; }
    [[nodiscard]] const OpenDevice& device() const noexcept { return *open_; }
    [[nodiscard]] const std::shared_ptr<const void>& mapping() const noexcept { return mapping_; }

private:
    std::shared_ptr<OpenDevice> open_;
    MemoryPtr memory_;
    tensor::Type type_;
    std::shared_ptr<const void>
        mapping_;  // the elements in host memory, where they were mapped by the run that made them
};

/// Enqueues that `memory` is shown in host memory, as it is once the commands before, and `after` (may be null), are
/// done. The elements, which last as long as somebody holds them, and the event after which they are there. Where the
/// device shares the host's memory.
struct Mapping {
    std::shared_ptr<const void> elements;
    cl_event done;  ///< of the elements' owner
};
[[nodiscard]] Mapping map(const std::shared_ptr<OpenDevice>& device, cl_command_queue queue, const MemoryPtr& memory,
                          std::size_t size_bytes, cl_event after);

}  // namespace shoal::opencl
