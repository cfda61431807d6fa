#include <algorithm>

#include "graph/cards.hpp"
#include "graph/window.hpp"
#include "optimize/optimize.hpp"
#include "optimize/rewriter.hpp"

namespace shoal::optimize {
namespace {

namespace cards = graph::cards;
using graph::Ints;
using graph::Shape;

// With more channels a tap is long enough by itself, and a padded copy would cost more than it saves.
constexpr std::int64_t kFewChannels = 4;

bool gains(const Op& op, const Shape& x, const graph::Window& window) {
    const bool is_padded =
        std::any_of(window.pads_begin.begin(), window.pads_begin.end(), [](auto n) { return n > 0; }) ||
        std::any_of(window.pads_end.begin(), window.pads_end.end(), [](auto n) { return n > 0; });
    return is_padded && x.back() <= kFewChannels && op.attrs.integer("groups") == 1 && window.kernel.back() > 1 &&
           window.dilations.back() == 1;
}

ValueId padded(graph::Builder& builder, ValueId x, const graph::Window& window) {
    Ints before{0}, after{0};
    before.insert(before.end(), window.pads_begin.begin(), window.pads_begin.end());
    after.insert(after.end(), window.pads_end.begin(), window.pads_end.end());
    before.push_back(0);
    after.push_back(0);
    return builder.pad(x, std::move(before), std::move(after));
}

}  // namespace

Graph pad_few_channels(const Graph& graph) {
    Rewriter rewriter(graph);
    for (const Op& op : graph.ops) {
        if (op.is(cards::conv)) {
            const Shape &x = graph.type(op.inputs[0]).shape, &w = graph.type(op.inputs[1]).shape;
            const auto window = graph::window_of(op.attrs, Ints(w.begin() + 1, w.end() - 1), "conv");
            if (gains(op, x, window)) {
                graph::Builder& builder = rewriter.builder();
                builder.set_origin(op.name);
                graph::Attrs attrs = op.attrs;
                attrs.set("pads_begin", Ints(window.pads_begin.size(), 0));
                attrs.set("pads_end", Ints(window.pads_end.size(), 0));
                const ValueId wide = padded(builder, rewriter[op.inputs[0]], window);
                rewriter.set(op.outputs[0], builder.add(*op.card, {wide, rewriter[op.inputs[1]]}, attrs)[0]);
                continue;
            }
        }
        rewriter.copy(op);
    }
    return rewriter.finish();
}

}  // namespace shoal::optimize
