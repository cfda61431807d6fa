// The device memory of one executable: weights, constants, zeros and the arena, and where each kernel argument lies in
// it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "opencl/emit/launch.hpp"
#include "opencl/open_device.hpp"
#include "opencl/storage.hpp"

namespace shoal::opencl {

/// A range of device memory, or the buffer of an input or result that every run brings along.
struct Location {
    enum class Kind : std::uint8_t { memory, input, result };
    Kind kind = Kind::memory;
    std::size_t number = 0;    ///< of the memory (Residence::memories), input or result
    std::uint64_t offset = 0;  ///< bytes into it
    std::uint64_t bytes = 0;
};

class Residence {
public:
    /// Makes room for everything and loads constants; weights are not packed yet. Throws out_of_memory.
    Residence(std::shared_ptr<OpenDevice> device, const Graph& graph, const Emission& emission, const Storage& storage);

    /// All memory that fixed arguments lie in.
    [[nodiscard]] const std::vector<MemoryPtr>& memories() const noexcept { return memories_; }
    /// Where a pointer argument of a launch of group `group` lies; nothing for numbers and scalars.
    [[nodiscard]] std::optional<Location> locate(const LaunchArgument& argument, std::size_t group) const;
    [[nodiscard]] Location weight(std::size_t number) const { return weights_[number]; }
    /// The memory of constant number `number` of the storage plan, which is an output of the graph.
    [[nodiscard]] const MemoryPtr& constant(std::size_t number) const { return memories_[constants_[number].number]; }
    [[nodiscard]] std::uint64_t weight_bytes() const noexcept { return weight_bytes_; }

private:
    void place_constants(OpenDevice& device, std::uint64_t alignment);
    Location add(MemoryPtr memory, std::uint64_t bytes);

    const Graph& graph_;
    const Emission& emission_;
    const Storage& storage_;
    std::vector<MemoryPtr> memories_;
    std::vector<Location> constants_, weights_;
    Location zeros_, arena_;
    std::uint64_t weight_bytes_ = 0;
};

}  // namespace shoal::opencl
