#include "opencl/residence.hpp"

#include <algorithm>
#include <set>

#include "base/checked.hpp"

namespace shoal::opencl {
namespace {

// Constants up to this many bytes lie together in one buffer: a kernel can have only so many pointers, and drivers keep
// books on every buffer.
constexpr std::uint64_t kSmallConstant = std::uint64_t{64} << 10;
constexpr std::size_t kTogether = ~std::size_t{0};  // a place in that buffer, which is not there yet

}  // namespace

Residence::Residence(std::shared_ptr<OpenDevice> device, const Graph& graph, const Emission& emission,
                     const Storage& storage)
    : graph_(graph), emission_(emission), storage_(storage) {
    const std::uint64_t alignment = std::max<std::uint64_t>(device->device().info.buffer_alignment, 64);
    place_constants(*device, alignment);
    if (emission.zeros_bytes > 0) {
        const tensor::Tensor zeros({tensor::ElementType::u8, {static_cast<std::int64_t>(emission.zeros_bytes)}});
        zeros_ = add(device->place(zeros.shared_bytes(), OpenDevice::Use::once), emission.zeros_bytes);
        weight_bytes_ += emission.zeros_bytes;
    }
    // All packed weights of an executable lie in one piece, as long as the device allows such a piece.
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
        const Location slab =
            add(device->allocate(base::narrow<std::size_t>(total, "bytes of weights"), OpenDevice::Use::once), total);
        for (std::size_t n = first; n < last; ++n) {
            const std::uint64_t end = n + 1 < last ? offsets[n + 1 - first] : total;
            weights_.push_back({Location::Kind::memory, slab.number, offsets[n - first], end - offsets[n - first]});
        }
        weight_bytes_ += total;
        first = last;
    }
    if (storage.arena_bytes > 0) {
        const auto bytes = base::narrow<std::size_t>(storage.arena_bytes, "bytes of activations");
        arena_ = add(device->allocate(bytes, OpenDevice::Use::once), storage.arena_bytes);
    }
}

void Residence::place_constants(OpenDevice& device, std::uint64_t alignment) {
    std::set<ValueId> returned;  // what leaves the executable is a buffer of its own
    for (const auto& port : graph_.outputs)
        returned.insert(storage_.roots[port.value]);
    std::uint64_t small = 0;
    constants_.resize(storage_.constants.size());
    for (std::size_t n = 0; n < constants_.size(); ++n) {
        const ValueId id = storage_.constants[n];
        const std::uint64_t bytes = graph_.type(id).size_bytes();
        weight_bytes_ += bytes;
        if (bytes > kSmallConstant || returned.count(id) != 0) {
            constants_[n] = add(device.place(graph_.constant(id).shared_bytes(), OpenDevice::Use::once), bytes);
        } else {
            constants_[n] = {Location::Kind::memory, kTogether, small, bytes};
            small += base::round_up(std::max<std::uint64_t>(bytes, 1), alignment);
        }
    }
    if (small == 0) return;
    tensor::Tensor together({tensor::ElementType::u8, {static_cast<std::int64_t>(small)}});
    const auto to = together.edit();
    for (std::size_t n = 0; n < constants_.size(); ++n) {
        if (constants_[n].number != kTogether) continue;
        const auto from = graph_.constant(storage_.constants[n]).bytes();
        std::copy(from.begin(), from.end(), to.begin() + static_cast<std::ptrdiff_t>(constants_[n].offset));
        constants_[n].number = memories_.size();
    }
    (void)add(device.place(together.shared_bytes(), OpenDevice::Use::once), small);
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
