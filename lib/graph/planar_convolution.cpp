#include "graph/planar_convolution.hpp"

#include <algorithm>

#include "graph/cards.hpp"

namespace shoal::graph {
namespace {

// Of more channels a line of a picture holds enough for rows to pay.
constexpr std::int64_t kMostChannels = 4;

// [N, C, D1..Dr] to [N, D1..Dr, C].
bool brings_channels_last(const Op& op) {
    if (!op.is(cards::transpose)) return false;
    const Ints& perm = op.attrs.ints("perm");
    if (perm.size() < 3 || perm.front() != 0 || perm.back() != 1) return false;
    for (std::size_t k = 1; k + 1 < perm.size(); ++k) {
        if (perm[k] != static_cast<std::int64_t>(k) + 1) return false;
    }
    return true;
}

bool is_zero_pad(const Op& op) {
    return op.is(cards::pad) && op.attrs.text("mode") == "constant" && op.attrs.real("value") == 0;
}

// Adds the zeros that `pad` puts around the spatial axes, the first of which is `axis`; false when it pads others too.
bool widen(Window& window, const Op& pad, std::size_t axis) {
    const Ints &before = pad.attrs.ints("before"), &after = pad.attrs.ints("after");
    const std::size_t axes = window.kernel.size();
    for (std::size_t k = 0; k < before.size(); ++k) {
        const bool spatial = k >= axis && k < axis + axes;
        if (!spatial && (before[k] != 0 || after[k] != 0)) return false;
        if (!spatial) continue;
        window.pads_begin[k - axis] += before[k];
        window.pads_end[k - axis] += after[k];
    }
    return true;
}

bool contains(const std::vector<std::uint32_t>& ops, std::uint32_t op) {
    return std::find(ops.begin(), ops.end(), op) != ops.end();
}

std::optional<PlanarConvolution> find(const Graph& graph, std::uint32_t conv,
                                      const std::vector<std::uint32_t>& makers) {
    const Op& op = graph.ops[conv];
    if (!op.is(cards::conv) || op.attrs.integer("groups") != 1) return std::nullopt;
    const Type &x = graph.type(op.inputs[0]), &w = graph.type(op.inputs[1]);
    const bool real = x.element == ElementType::f32 && w.element == ElementType::f32;
    if (!real || x.shape.back() > kMostChannels || x.shape.rank() > 4) return std::nullopt;
    PlanarConvolution out{conv, op.inputs[0],
                          window_of(op.attrs, Ints(w.shape.begin() + 1, w.shape.end() - 1), "conv")};
    const auto take = [&](bool (*wanted)(const Op&)) -> const Op* {
        const auto maker = makers[out.planes];
        if (maker >= graph.ops.size() || !wanted(graph.ops[maker])) return nullptr;
        out.movement.insert(out.movement.begin(), maker);
        out.planes = graph.ops[maker].inputs[0];
        return &graph.ops[maker];
    };
    // The zeros come behind the transpose or before it, where the optimiser has moved it down.
    const Op* pad = take(is_zero_pad);
    if (pad != nullptr && !widen(out.window, *pad, 1)) return std::nullopt;
    const bool transposed = take(brings_channels_last) != nullptr;
    if (!transposed && x.shape.back() != 1) return std::nullopt;
    if (transposed) {
        pad = take(is_zero_pad);
        if (pad != nullptr && !widen(out.window, *pad, 2)) return std::nullopt;
    }
    // A convolution of a picture by itself needs its rows all the same.
    if (out.movement.empty() || contains(out.movement, makers[op.inputs[1]])) return std::nullopt;
    return out;
}

}  // namespace

std::optional<PlanarConvolution> planar_convolution_at(const Graph& graph, std::uint32_t conv,
                                                       const std::vector<std::vector<std::uint32_t>>& readers,
                                                       const std::vector<std::uint32_t>& makers) {
    auto out = find(graph, conv, makers);
    if (!out) return std::nullopt;
    const bool alone = std::all_of(out->movement.begin(), out->movement.end(), [&](std::uint32_t member) {
        const ValueId made = graph.ops[member].outputs[0];
        const bool returned = std::any_of(graph.outputs.begin(), graph.outputs.end(),
                                          [&](const Port& port) { return port.value == made; });
        return !returned && readers[made].size() == 1;
    });
    return alone ? out : std::nullopt;
}

std::optional<PlanarConvolution> planar_convolution_of(const Graph& graph, GroupRange group) {
    const Op& first = graph.ops[group.first];
    if (!first.is(cards::transpose) && !first.is(cards::pad)) return std::nullopt;
    std::vector<std::uint32_t> makers(graph.values.size(), ~std::uint32_t{0});
    std::uint32_t conv = group.first;
    for (; conv < group.last && !graph.ops[conv].is(cards::conv); ++conv) {
        for (const auto id : graph.ops[conv].outputs)
            makers[id] = conv;
    }
    auto out = conv == group.last ? std::nullopt : find(graph, conv, makers);
    if (!out || out->movement.size() != conv - group.first) return std::nullopt;
    // A group from elsewhere may read again what is moved.
    for (std::uint32_t i = conv + 1; i < group.last; ++i) {
        for (const auto id : graph.ops[i].inputs) {
            if (id != kNoValue && contains(out->movement, makers[id])) return std::nullopt;
        }
    }
    return out;
}

}  // namespace shoal::graph
