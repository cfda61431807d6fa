#include "opencl/emit/concatenation.hpp"

#include <algorithm>
#include <set>

#include "graph/cards.hpp"

namespace shoal::opencl {

std::map<graph::ValueId, Destination> destinations(const graph::Graph& graph) {
    std::set<graph::ValueId> returned;
    for (const auto& port : graph.outputs)
        returned.insert(port.value);
    const auto readers = graph::readers(graph);
    std::map<graph::ValueId, Destination> out;
    for (const graph::GroupRange range : graph::groups(graph)) {
        const graph::Op& op = graph.ops[range.first];
        if (range.last - range.first != 1 || !op.is(graph::cards::concat)) continue;
        const graph::ValueId whole = op.outputs[0];
        const auto& type = graph.type(whole);
        if (type.element != tensor::ElementType::f32 || op.attrs.integer("axis") != type.shape.rank() - 1) continue;
        std::int64_t column = 0;
        for (const graph::ValueId part : op.inputs) {
            const bool alone = readers[part].size() == 1 && returned.count(part) == 0;
            if (alone && std::count(op.inputs.begin(), op.inputs.end(), part) == 1)
                out[part] = {whole, column, type.shape.back()};
            column += graph.type(part).shape.back();
        }
    }
    return out;
}

}  // namespace shoal::opencl
