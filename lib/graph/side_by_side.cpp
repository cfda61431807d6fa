#include "graph/side_by_side.hpp"

#include <algorithm>

#include "base/checked.hpp"

namespace shoal::graph {

namespace {

constexpr std::size_t kApart = 64;  // between constants, so that none is taken for another

// Zeros under constants: the same memory, yet each at an address of its own.
void bind_zeros(Graph& graph) {
    std::size_t largest = 0, constants = 0;
    for (const auto& value : graph.values) {
        if (!value.constant) continue;
        largest = std::max(largest, value.type.size_bytes());
        ++constants;
    }
    const auto zeros = base::SharedBytes::own(std::vector<std::byte>(largest + kApart * constants));
    std::size_t offset = 0;
    for (auto& value : graph.values) {
        if (!value.constant) continue;
        value.constant = Constant{zeros.slice(offset, value.type.size_bytes()), std::nullopt};
        offset += kApart;
    }
}

void append(Graph& out, Graph kernel, std::uint32_t group) {
    const auto offset = static_cast<ValueId>(out.values.size());
    const auto prefix = "k" + std::to_string(group) + ".";
    const auto moved = [&](ValueId id) { return id == kNoValue ? id : id + offset; };
    for (auto& value : kernel.values) {
        value.name = prefix + value.name;
        out.values.push_back(std::move(value));
    }
    for (auto& op : kernel.ops) {
        std::transform(op.inputs.begin(), op.inputs.end(), op.inputs.begin(), moved);
        std::transform(op.outputs.begin(), op.outputs.end(), op.outputs.begin(), moved);
        op.group = group;
        out.ops.push_back(std::move(op));
    }
    for (const auto& port : kernel.inputs)
        out.inputs.push_back({prefix + port.name, moved(port.value)});
    for (const auto& port : kernel.outputs)
        out.outputs.push_back({prefix + port.name, moved(port.value)});
}

}  // namespace

Graph side_by_side(const Graph& graph, const std::vector<GroupRange>& kernels) {
    Graph out;
    out.name = "kernels of " + graph.name;
    for (std::uint32_t i = 0; i < kernels.size(); ++i)
        append(out, extract(graph, kernels[i].first, kernels[i].last), i);
    bind_zeros(out);
    return out;
}

std::uint64_t least_bytes(const Graph& graph, const GroupRange& kernel) {
    const auto alone = extract(graph, kernel.first, kernel.last);
    std::uint64_t out = constant_bytes(alone);
    for (const auto* ports : {&alone.inputs, &alone.outputs}) {
        for (const auto& port : *ports)
            out = base::checked_add<std::uint64_t>(out, alone.type(port.value).size_bytes());
    }
    return out;
}

}  // namespace shoal::graph
