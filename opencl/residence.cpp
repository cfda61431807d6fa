#include "opencl/residence.hpp"

#include <algorithm>

#include "base/checked.hpp"

namespace shoal::opencl {

Residence::Residence(std::shared_ptr<OpenDevice> device, const Graph& graph, const Emission& emission,
                     const Storage& storage)
    : graph_(graph), emission_(emission), storage_(storage) {
    for (const auto id : storage.constants) {
        constants_.push_back(add(device->place(graph.constant(id).shared_bytes()), graph.type(id).size_bytes()));
        weight_bytes_ += graph.type(id).size_bytes();
    }
    if (emission.zeros_bytes > 0) {
        const tensor::Tensor zeros({tensor::ElementType::u8, {static_cast<std::int64_t>(emission.zeros_bytes)}});
        zeros_ = add(device->place(zeros.shared_bytes()), emission.zeros_bytes);
        weight_bytes_ += emission.zeros_bytes;
    }
    // All packed weights of an executable lie in one piece, as long as the device allows such a piece.
    const std::uint64_t alignment = std::max<std::uint64_t>(device->device().info.buffer_alignment, 64);
    std::uint64_t longest = device->device().info.largest_allocation;
    if (longest == 0) longest = ~std::uint64_t{0};
    for (std::size_t first = 0; first < emission.weights.size();) {
        std::uint64_t total = 0;
        std::size_t last = first;
        std::vector<std::uint64_t> offsets;
        for (; last < emission.weights.size(); ++last) {
            const std::uint64_t next = base::round_up(total + emission.weights[last].bytes, alignment);
            if (next > longest && last > first) break;
            offsets.push_back(total);
            total = next;
        }
        const Location slab = add(device->allocate(base::narrow<std::size_t>(total, "bytes of weights")), total);
        for (std::size_t n = first; n < last; ++n) {
            const std::uint64_t end = n + 1 < last ? offsets[n + 1 - first] : total;
            weights_.push_back({Location::Kind::memory, slab.number, offsets[n - first], end - offsets[n - first]});
        }
        weight_bytes_ += total;
        first = last;
    }
    if (storage.arena_bytes > 0) {
        const auto bytes = base::narrow<std::size_t>(storage.arena_bytes, "bytes of activations");
        arena_ = add(device->allocate(bytes), storage.arena_bytes);
    }
}

Location Residence::add(MemoryPtr memory, std::uint64_t bytes) {
    memories_.push_back(std::move(memory));
    return {Location::Kind::memory, memories_.size() - 1, 0, bytes};
}

std::optional<Location> Residence::locate(const LaunchArgument& argument, std::size_t group) const {
    if (const auto* weight = std::get_if<WeightArgument>(&argument)) return weights_[weight->number];
    if (std::holds_alternative<ZerosArgument>(argument)) return zeros_;
    if (const auto* space = std::get_if<WorkspaceArgument>(&argument)) {
        Location out = arena_;
        out.offset = storage_.workspaces[group][space->number];
        out.bytes = emission_.groups[group].workspaces[space->number];
        return out;
    }
    const auto* buffer = std::get_if<BufferArgument>(&argument);
    if (buffer == nullptr) return std::nullopt;
    const Place& place = storage_.places[buffer->value];
    const std::uint64_t bytes = graph_.type(buffer->value).size_bytes();
    switch (place.kind) {
        case Place::Kind::arena: return Location{Location::Kind::memory, arena_.number, place.offset, bytes};
        case Place::Kind::constant: return constants_[place.number];
        case Place::Kind::input: return Location{Location::Kind::input, place.number, 0, bytes};
        case Place::Kind::result: return Location{Location::Kind::result, place.number, 0, bytes};
        case Place::Kind::none: break;
    }
    base::fail(base::Code::internal, "value '", graph_.value(buffer->value).name, "' has no place");
}

}  // namespace shoal::opencl
