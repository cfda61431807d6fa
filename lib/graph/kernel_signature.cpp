#include "graph/kernel_signature.hpp"

#include <unordered_map>

#include "base/error.hpp"

namespace shoal::graph {

std::string kernel_signature(const Graph& graph, const GroupRange& kernel) {
    auto out = base::plain_output();
    std::unordered_map<ValueId, std::size_t> numbers;
    const auto named = [&](ValueId id, const char* kind) {
        const auto [at, fresh] = numbers.emplace(id, numbers.size());
        out << kind << at->second;
        if (fresh) out << ':' << graph.type(id);
    };
    for (std::uint32_t i = kernel.first; i < kernel.last; ++i) {
        const Op& op = graph.ops[i];
        out << op.card->name << '{' << to_string(op.attrs) << "}(";
        for (const auto id : op.inputs) {
            if (id == kNoValue)
                out << '-';
            else
                named(id, graph.is_constant(id) ? " c" : " v");
        }
        out << ")=";
        for (const auto id : op.outputs)
            named(id, " v");
        out << ';';
    }
    return out.str();
}

}  // namespace shoal::graph
