#include "opencl/open_device.hpp"

#include <algorithm>
#include <iterator>

#include "base/units.hpp"
#include "device/kernel_file.hpp"
#include "graph/kernel_signature.hpp"
#include "opencl/blas.hpp"
#include "opencl/completion.hpp"
#include "opencl/persistent_run.hpp"
#include "platform/code_pages.hpp"
#include "platform/files.hpp"
#include "platform/huge_pages.hpp"

namespace shoal::opencl {

using base::Code;
using base::fail;

namespace {

// Free memory that is kept for the next run rather than given back to the driver, at most.
constexpr std::uint64_t kPoolBytes = std::uint64_t{64} << 20;
constexpr std::size_t kPoolBuffers = 256;

// Where the device reads host memory in place, most drivers want it aligned to a cache line at least.
constexpr std::uintptr_t kInPlaceAlignment = 64;

}  // namespace

namespace {

void CL_CALLBACK let_go(cl_mem, void* user) {
    const std::unique_ptr<base::SharedBytes> kept(static_cast<base::SharedBytes*>(user));
}

// Bytes that the device reads in place stay until OpenCL has done with the object, commands under way included.
void keep(cl_mem memory, const base::SharedBytes& bytes) {
    auto kept = std::make_unique<base::SharedBytes>(bytes);
    check(clSetMemObjectDestructorCallback(memory, let_go, kept.get()), "clSetMemObjectDestructorCallback");
    (void)kept.release();  // let_go's now
}

}  // namespace

namespace {

// Binaries made ahead of time are those of the variants that were known then: their folder says which.
device::KernelTable known_kernels(const device::DeviceInfo& info, const BackendOptions& options) {
    if (!options.programs.kernel_folder.empty()) {
        const auto file = options.programs.kernel_folder / kKernelTableName;
        std::error_code error;
        return std::filesystem::exists(file, error) ? device::load_kernel_table(file) : device::KernelTable{};
    }
    if (!options.kernel_table.empty()) return device::load_kernel_table(options.kernel_table, &info);
    return device::KernelFile(platform::cache_folder() / device::kMachineKernels, info).load();
}

}  // namespace

std::vector<std::string> OpenDevice::variants_for(const runtime::Graph& graph) const {
    std::vector<std::string> out;
    if (kernels_.variants.empty()) return out;
    for (const auto& range : graph::groups(graph)) {
        const auto at = kernels_.variants.find(graph::kernel_signature(graph, range));
        out.push_back(at == kernels_.variants.end() ? "" : at->second);
    }
    return out;
}

Memory::Memory(std::shared_ptr<OpenDevice> device, MemoryHandle handle, std::size_t size_bytes, bool pooled)
    : open_(std::move(device)), handle_(std::move(handle)), size_bytes_(size_bytes), pooled_(pooled) {}

Memory::~Memory() {
    if (pooled_) open_->take_back(std::move(handle_), size_bytes_);
}

namespace {

DeviceHandle retained(cl_device_id device) {
    check(clRetainDevice(device), "clRetainDevice", "");
    return DeviceHandle(device);
}

}  // namespace

OpenDevice::OpenDevice(FoundDevice device, BackendOptions options)
    : device_(std::move(device)),
      kept_(retained(device_.handle)),
      dispatch_(options.dispatch),
      program_options_(std::move(options.programs)),
      context_(make_context(device_.handle)),
      queue_(make_queue(context_.get(), device_.handle)),
      transfer_queue_(make_queue(context_.get(), device_.handle)),
      programs_(context_.get(), device_, program_options_) {
    programs_.check_kernel_folder();
    device_.info.compact_weights = options.compact_weights;
    device_.info.kernels = options.kernels;
    // The library compiles its kernels as it goes.
    device_.info.blas =
        device::kernel_class(device_.info) == device::KernelClass::gpu && !has_programs_apart() && has_blas();
    kernels_ = known_kernels(device_.info, options);
    platform::give_back_code_pages();  // the compiler's, touched when it was loaded
}

bool OpenDevice::blas_works() {
    std::call_once(blas_tried_, [&] { blas_works_ = opencl::blas_works(context_.get(), queue_.get()); });
    return blas_works_;
}

cl_command_queue OpenDevice::profiling_queue() {
    const std::lock_guard lock(mutex_);
    if (!profiling_queue_) profiling_queue_ = make_queue(context_.get(), device_.handle, true);
    return profiling_queue_.get();
}

MemoryPtr OpenDevice::allocate(std::size_t size_bytes, Use use) {
    const auto& info = device_.info;
    if (info.largest_allocation != 0 && size_bytes > info.largest_allocation) {
        fail(Code::out_of_memory, "a buffer of ", base::format_bytes(size_bytes), " on device '", info.name,
             "', whose largest is ", base::format_bytes(info.largest_allocation));
    }
    const bool pooled = use == Use::runs;
    if (pooled) {
        const std::lock_guard lock(mutex_);
        const auto at =
            std::find_if(free_.rbegin(), free_.rend(), [&](const Free& free) { return free.size_bytes == size_bytes; });
        if (at != free_.rend()) {
            MemoryHandle handle = std::move(at->handle);
            free_.erase(std::next(at).base());
            free_bytes_ -= size_bytes;
            return std::make_shared<Memory>(shared_from_this(), std::move(handle), size_bytes, true);
        }
    }
    return std::make_shared<Memory>(shared_from_this(), fresh(size_bytes), size_bytes, pooled);
}

// Before the first touch, while the memory has no pages yet; through a queue that waits for nobody's run.
// Where the driver is known to hand out the pages that it maps; memory is as good without.
void OpenDevice::prefer_huge_pages(const MemoryHandle& memory, std::size_t size_bytes) noexcept {
    constexpr std::size_t kLeastBytes = std::size_t{4} << 20;
    if (!runs_persistently(device_.info) || size_bytes < kLeastBytes) return;
    try {
        const cl_command_queue queue = transfer_queue_.get();
        cl_int status = CL_SUCCESS;
        void* mapped = clEnqueueMapBuffer(queue, memory.get(), CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION, 0, size_bytes,
                                          0, nullptr, nullptr, &status);
        if (status != CL_SUCCESS) return;
        platform::prefer_huge_pages({static_cast<std::byte*>(mapped), size_bytes});
        (void)clEnqueueUnmapMemObject(queue, memory.get(), mapped, 0, nullptr, nullptr);
        (void)clFinish(queue);
    } catch (const base::Error&) {}
}

// The pool's memory may be just what is missing.
MemoryHandle OpenDevice::fresh(std::size_t size_bytes) {
    const auto make = [&] {
        auto memory = make_memory(context_.get(), CL_MEM_READ_WRITE, size_bytes);
        prefer_huge_pages(memory, size_bytes);
        return memory;
    };
    try {
        return make();
    } catch (const base::Error& error) {
        if (error.code() != Code::out_of_memory) throw;
    }
    {
        const std::lock_guard lock(mutex_);
        free_.clear();
        free_bytes_ = 0;
    }
    try {
        return make();
    } catch (const base::Error& error) {
        fail(error.code(), "device '", device_.info.name, "' has no ", base::format_bytes(size_bytes), " (", size_bytes,
             " bytes) left; run fewer models on it, or smaller ones: ", error.what());
    }
}

namespace {

// Ends the mapping by which a buffer's elements were read, when nobody holds them any more. In the queue of the runs,
// so that the next one that is given this memory finds it without a mapping.
struct Unmap {
    std::shared_ptr<OpenDevice> device;
    MemoryPtr memory;
    EventHandle mapping;  // may still be under way, when nobody waited for it
    void operator()(const void* pointer) const {
        const cl_event mapped = mapping.get();
        const cl_int status = status_of(mapped);
        if (status < 0) return;  // nothing was mapped
        const bool pending = status != CL_COMPLETE;
        clEnqueueUnmapMemObject(device->queue(), memory->get(), const_cast<void*>(pointer), pending ? 1 : 0,
                                pending ? &mapped : nullptr, nullptr);
    }
};

}  // namespace

// Nothing where the driver does not want them: some cannot reach every page of the host's, or none of a file's.
MemoryPtr OpenDevice::show(const base::SharedBytes& bytes, void* host) {
    constexpr cl_mem_flags kFlags = CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR;
    cl_int status = CL_SUCCESS;
    MemoryHandle handle(clCreateBuffer(context_.get(), kFlags, bytes.size(), host, &status));
    if (status != CL_SUCCESS) return nullptr;
    keep(handle.get(), bytes);
    return std::make_shared<Memory>(shared_from_this(), std::move(handle), bytes.size(), false);
}

MemoryPtr OpenDevice::place(const base::SharedBytes& bytes, Use use, const runtime::RunOptions& options) {
    // What was read from device memory lies there still. It must not be kept by an object that is wrapped around it:
    // the mapping would end in a driver's callback, where some drivers hold what they need to end it.
    const auto* mapping = std::get_deleter<Unmap>(bytes.owner());
    const bool all = mapping != nullptr && bytes.data() == bytes.owner().get();
    if (all && mapping->device.get() == this && bytes.size() == mapping->memory->size_bytes()) return mapping->memory;
    void* host = const_cast<std::byte*>(bytes.data());  // OpenCL's signature; the memory is only read
    const bool aligned = reinterpret_cast<std::uintptr_t>(host) % kInPlaceAlignment == 0;
    if (bytes.empty()) return allocate(1, use);
    if (device_.info.unified_memory && aligned && bytes.owner() != nullptr && mapping == nullptr) {
        if (auto shown = show(bytes, host)) return shown;
    }
    // What was mapped may still be, until the queue of the runs comes to it: where memory is mapped, none of the pool.
    MemoryPtr memory = allocate(bytes.size(), device_.info.unified_memory ? Use::once : use);
    // A mapping must not be kept for the driver's callback, nor can what nobody owns: such a copy is waited for.
    const bool kept = bytes.owner() != nullptr && mapping == nullptr;
    cl_event written = nullptr;
    check(clEnqueueWriteBuffer(transfer_queue_.get(), memory->get(), kept ? CL_FALSE : CL_TRUE, 0, bytes.size(), host,
                               0, nullptr, &written),
          "clEnqueueWriteBuffer", bytes.size(), " bytes");
    const EventHandle event(written);
    if (kept)
        wait_for(transfer_queue_.get(), written, nullptr, options, {memory, bytes.owner()},
                 base::text("an upload of ", bytes.size(), " bytes to device '", device_.info.name, "'"));
    return memory;
}

// A small board has better uses for its memory.
std::uint64_t OpenDevice::pool_bytes() const noexcept {
    constexpr std::uint64_t kSmallPart = 16;
    const std::uint64_t usable = device_.info.usable_bytes;
    return usable == 0 ? kPoolBytes : std::min(kPoolBytes, usable / kSmallPart);
}

void OpenDevice::take_back(MemoryHandle handle, std::size_t size_bytes) noexcept {
    try {
        const std::lock_guard lock(mutex_);
        if (size_bytes > pool_bytes()) return;
        free_.push_back({size_bytes, std::move(handle)});
        free_bytes_ += size_bytes;
        while (free_bytes_ > pool_bytes() || free_.size() > kPoolBuffers) {
            free_bytes_ -= free_.front().size_bytes;
            free_.pop_front();
        }
    } catch (...) {  // no room for the note: the handle is released instead
    }
}

tensor::Tensor DeviceBuffer::read(const runtime::RunOptions& options) const {
    const std::size_t size = type_.size_bytes();
    if (size == 0) return tensor::Tensor(type_);
    if (mapping_) return {type_, base::SharedBytes(mapping_, {static_cast<const std::byte*>(mapping_.get()), size})};
    const auto queue = open_->transfer_queue();
    const std::string what = base::text("reading ", size, " bytes from device '", open_->device().info.name, "'");
    cl_event event = nullptr;
    if (!open_->device().info.unified_memory) {
        const auto out = std::make_shared<tensor::Tensor>(type_);
        check(clEnqueueReadBuffer(queue, memory_->get(), CL_FALSE, 0, size, out->edit().data(), 0, nullptr, &event),
              "clEnqueueReadBuffer", size, " bytes");
        const EventHandle read(event);
        wait_for(queue, event, nullptr, options, {memory_, out}, what);
        return *out;
    }
    const auto mapping = map(open_, queue, memory_, size, nullptr);
    wait_for(queue, mapping.done, nullptr, options, {memory_}, what);
    return {type_, base::SharedBytes(mapping.elements, {static_cast<const std::byte*>(mapping.elements.get()), size})};
}

Mapping map(const std::shared_ptr<OpenDevice>& device, cl_command_queue queue, const MemoryPtr& memory,
            std::size_t size_bytes, cl_event after) {
    cl_int status = CL_SUCCESS;
    cl_event event = nullptr;
    void* mapped = clEnqueueMapBuffer(queue, memory->get(), CL_FALSE, CL_MAP_READ, 0, size_bytes,
                                      after != nullptr ? 1 : 0, after != nullptr ? &after : nullptr, &event, &status);
    check(status, "clEnqueueMapBuffer", size_bytes, " bytes");
    return {std::shared_ptr<const void>(mapped, Unmap{device, memory, EventHandle(event)}), event};
}

}  // namespace shoal::opencl
