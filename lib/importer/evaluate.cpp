// Lowering and running in one: for models of one segment, and for tests and tools that run all of them.
#include <algorithm>

#include "base/error.hpp"
#include "importer/lowering.hpp"

namespace shoal::importer {

using base::Code;
using base::fail;
using tensor::Tensor;

graph::Graph lower(const Model& model, const Bindings& bindings, const Limits& limits) {
    Segment segment = Lowering(model, bindings, limits).advance();
    if (segment.last) return std::move(segment.graph);
    std::string wanted;
    for (const auto& name : segment.wanted)
        wanted += (wanted.empty() ? "'" : ", '") + name + "'";
    fail(Code::unsupported, "the model's shape depends on values that are computed at run time (", wanted,
         "), so it is more than one graph");
}

std::vector<Tensor> evaluate(const Model& model, const std::map<std::string, Tensor>& inputs, const RunGraph& run,
                             const Limits& limits) {
    Bindings bindings;
    for (const auto& [name, tensor] : inputs)
        bindings.inputs.emplace(name, tensor.type());
    Lowering lowering(model, std::move(bindings), limits);
    std::map<std::string, Tensor> store = inputs;
    const auto named = [&](const std::string& name) {
        const auto found = store.find(name);
        if (found == store.end()) fail(Code::invalid_argument, "no value for input '", name, "'");
        return found->second;
    };
    for (;;) {
        const Segment segment = lowering.advance();
        std::vector<Tensor> arguments;
        for (const auto& port : segment.graph.inputs)
            arguments.push_back(named(port.name));
        auto results = run(segment.graph, arguments);
        if (segment.last) return results;
        for (std::size_t i = 0; i < results.size(); ++i)
            store[segment.graph.outputs[i].name] = std::move(results[i]);
        std::vector<Tensor> wanted;
        for (const auto& name : segment.wanted)
            wanted.push_back(named(name));
        store.merge(lowering.resolve(std::move(wanted)));
        std::erase_if(store,
                      [needed = lowering.needed()](const auto& entry) { return needed.count(entry.first) == 0; });
    }
}

}  // namespace shoal::importer
