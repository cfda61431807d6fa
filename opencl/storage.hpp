// Where every value of a graph lives on the device: arithmetic only, no OpenCL objects.
#pragma once

#include <optional>
#include <vector>

#include "opencl/emit/launch.hpp"

namespace shoal::opencl {

struct Place {
    enum class Kind : std::uint8_t {
        none,      ///< lives only inside a kernel, or nowhere
        input,     ///< the buffer handed in for input `number` of the graph
        result,    ///< a fresh buffer of every run; `number` counts results
        constant,  ///< uploaded once, as it is; `number` counts such constants
        arena,     ///< at `offset` of the arena
    };
    Kind kind = Kind::none;
    std::size_t number = 0;
    std::uint64_t offset = 0;
};

struct Storage {
    std::vector<Place> places;                           ///< of every value, aliases resolved
    std::vector<std::vector<std::uint64_t>> workspaces;  ///< of every group: offsets in the arena
    std::vector<ValueId> results;                        ///< the value that each result buffer holds
    std::vector<ValueId> constants;                      ///< the value that each uploaded constant holds
    std::vector<ValueId> roots;                          ///< of every value the one whose bytes it shows
    std::uint64_t arena_bytes = 0;
};

/// `alignment`: bytes at which a place in the arena may start.
[[nodiscard]] Storage plan_storage(const Graph& graph, const Emission& emission, std::uint64_t alignment);

}  // namespace shoal::opencl
