// What the importer's fuzzer does with bytes, and a test with the corpus: parse, lower, and while everything is small
// run each segment on the host and go on with its results. Whatever the bytes, base::Error or an end.
#pragma once

#include <map>
#include <string>

#include "graph/cards.hpp"
#include "importer/lowering.hpp"
#include "importer/model.hpp"
#include "runtime/host_backend.hpp"

namespace shoal::test {

/// Small bounds: what is looked for are crashes, not how long a hundred million legitimate steps take.
[[nodiscard]] inline importer::Limits fuzz_limits() {
    importer::Limits limits;
    limits.elements = 1 << 20;
    limits.table_elements = 1 << 16;
    limits.operators = 1 << 12;
    limits.steps = 1 << 12;
    limits.constant_bytes = 1 << 24;
    limits.work = 10'000'000;
    return limits;
}

/// True when the reference loops are done with the graph in no time.
[[nodiscard]] inline bool is_small(const graph::Graph& graph) {
    constexpr double kMostWork = 1e6;
    double work = 0;
    for (const auto& value : graph.values)
        work += static_cast<double>(value.type.shape.count());
    for (const auto& op : graph.ops)
        work += op.card->flops(graph::signature(graph, op));
    return work <= kMostWork;
}

/// How many segments were lowered; throws base::Error as the importer and the cards do.
inline int lower_and_run(base::SharedBytes bytes) {
    constexpr int kMostSegments = 16;
    const auto model = importer::Model::parse(std::move(bytes));
    importer::Lowering lowering(model, {}, fuzz_limits());
    const auto backend = runtime::make_host_backend();
    std::map<std::string, tensor::Tensor> store;  // inputs of the model are zeros
    for (int segments = 1;; ++segments) {
        const auto segment = lowering.advance();
        graph::validate(segment.graph);
        if (segments == kMostSegments || !is_small(segment.graph)) return segments;
        std::vector<tensor::Tensor> arguments, wanted;
        for (const auto& port : segment.graph.inputs)
            arguments.push_back(store.try_emplace(port.name, segment.graph.type(port.value)).first->second);
        const auto results = runtime::run_on_host_tensors(*backend, *backend->compile(segment.graph), arguments);
        if (segment.last) return segments;
        for (std::size_t i = 0; i < results.size(); ++i)
            store.insert_or_assign(segment.graph.outputs[i].name, results[i]);
        for (const auto& name : segment.wanted) {
            const auto found = store.find(name);
            if (found == store.end()) return segments;  // an input that no segment has read yet
            wanted.push_back(found->second);
        }
        store.merge(lowering.resolve(std::move(wanted)));
    }
}

}  // namespace shoal::test
