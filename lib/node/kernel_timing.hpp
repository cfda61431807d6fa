// What kernels take on this board's devices: each distinct one is run on its device with made-up constants, in chunks
// that fit the memory that is left, and remembered on disk for the next time. One that is too large for the board, or
// that its device refuses, is answered by an estimate. Belongs to the node's thread.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "device/kernel_file.hpp"
#include "node/inbox.hpp"
#include "node/outbox.hpp"
#include "node/stage.hpp"
#include "plan/cost.hpp"

namespace shoal::node {

class KernelTiming {
public:
    /// `on_disk` runs what may wait for the disk.
    KernelTiming(std::vector<Device>& devices, MemoryMeter& meter, std::shared_ptr<Inbox> inbox, Outbox& outbox,
                 const std::filesystem::path& folder, std::function<void(std::function<void()>)> on_disk);

    void measure(wire::MeasureKernels message);
    /// Goes on where a device has room for the next chunk.
    void step();
    /// Nobody waits for what was asked.
    void forget();
    [[nodiscard]] bool idle() const noexcept;

private:
    struct Task {
        std::uint64_t number = 0;
        int repeat = 1;
        std::shared_ptr<const graph::Graph> graph{};
        std::vector<std::uint32_t> groups{};  // as asked for
        std::deque<std::uint32_t> pending{};  // one of each signature, not yet measured
        std::size_t most_at_once = 0;         // 1 after a chunk failed
        bool running = false;
    };
    struct Bench {
        std::deque<Task> tasks{};
        plan::MeasuredKernels known{};  // by this node; where its device's table has them, from there
        plan::MeasuredKernels fresh{};  // of these, what was measured since the start: the file has the others
        std::shared_ptr<const device::KernelFile> file{};
    };
    struct Chunk;

    void start_chunk(std::uint32_t device, Task& task);
    void chunk_done(std::uint32_t device, const Chunk& chunk);
    void finish(std::uint32_t device);
    void keep(std::uint32_t device);

    std::vector<Device>& devices_;
    MemoryMeter& meter_;
    std::shared_ptr<Inbox> inbox_;
    Outbox& outbox_;
    std::function<void(std::function<void()>)> on_disk_;
    std::vector<Bench> benches_;  // by device
    std::uint64_t generation_ = 0;
};

}  // namespace shoal::node
