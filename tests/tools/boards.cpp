#include "tools/boards.hpp"

#include <algorithm>

#include "optimize/optimize.hpp"
#include "plan/chain.hpp"

namespace shoal::tools {
namespace {

using graph::Graph;

// Where the stages begin and end, so that each has about the same part of the operators' floating-point operations and
// bytes. A chain with fewer kernels than stages has empty stages.
std::vector<std::uint32_t> balanced_cuts(const Graph& graph, const plan::Chain& chain, std::size_t stages) {
    constexpr double kFlopsPerByte = 8;  // about what one core does
    std::vector<double> until{0};
    for (std::uint32_t k = 0; k < chain.size(); ++k) {
        double work = 1;
        for (auto i = chain.kernel(k).first; i < chain.kernel(k).last; ++i) {
            const auto cost = graph::cost(graph, graph.ops[i]);
            work += cost.flops + kFlopsPerByte * (cost.bytes_read + cost.bytes_written);
        }
        until.push_back(until.back() + work);
    }
    std::vector<std::uint32_t> out{0};
    for (std::size_t s = 1; s < stages; ++s) {
        const double wanted = until.back() * static_cast<double>(s) / static_cast<double>(stages);
        const auto at = std::lower_bound(until.begin(), until.end(), wanted) - until.begin();
        out.push_back(std::clamp(static_cast<std::uint32_t>(at), std::min(out.back() + 1, chain.size()), chain.size()));
    }
    out.push_back(chain.size());
    return out;
}

std::vector<Tensor> run(const Graph& graph, const std::vector<Tensor>& arguments, runtime::Backend& board) {
    graph::validate(graph);
    const auto executable = board.compile(graph);
    return runtime::run_on_host_tensors(board, *executable, arguments);
}

void expect_equal(const std::vector<graph::Port>& ports, const std::vector<Tensor>& split,
                  const std::vector<Tensor>& whole, const std::string& where) {
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const auto a = split[i].bytes(), b = whole[i].bytes();
        if (split[i].type() == whole[i].type() && std::equal(a.begin(), a.end(), b.begin(), b.end())) continue;
        base::fail(base::Code::internal, where, ": value '", ports[i].name, "' ", whole[i].type(),
                   " has other bytes than unsplit; ", test::difference(split[i], whole[i], {}));
    }
}

}  // namespace

std::vector<Tensor> run_split(const Graph& given, const std::vector<Tensor>& arguments,
                              const std::vector<Device>& boards) {
    const Graph graph = boards.front().optimise ? optimize::optimize(given) : given;
    const auto whole = run(graph, arguments, *boards.front().backend);
    const plan::Chain chain(graph);
    const auto cuts = balanced_cuts(graph, chain, boards.size());
    std::map<std::string, Tensor> values;
    for (std::size_t i = 0; i < arguments.size(); ++i)
        values.emplace(graph.value(graph.inputs[i].value).name, arguments[i]);
    std::vector<std::pair<Graph, std::vector<Tensor>>> handed;  // what left each stage
    for (std::size_t s = 0; s < boards.size(); ++s) {
        Graph stage = plan::stage_graph(graph, chain, cuts[s], cuts[s + 1]);
        std::vector<Tensor> inputs;
        for (const auto& port : stage.inputs)
            inputs.push_back(values.at(port.name));
        handed.emplace_back(stage, run(stage, inputs, *boards[s].backend));
        for (std::size_t i = 0; i < stage.outputs.size(); ++i)
            values.insert_or_assign(stage.outputs[i].name, handed.back().second[i]);
    }
    std::vector<Tensor> out;
    std::vector<graph::Port> named;
    for (const auto& port : graph.outputs) {
        const auto& value = graph.value(port.value);
        named.push_back({value.name, port.value});
        out.push_back(graph.is_constant(port.value) ? graph.constant(port.value) : values.at(value.name));
    }
    try {
        expect_equal(named, out, whole, base::text("split over ", boards.size()));
    } catch (const base::Error&) {
        // Closer: the first stage that hands over something else than the same kernels make in one piece.
        for (std::size_t s = 0; s < boards.size(); ++s) {
            const Graph front = plan::stage_graph(graph, chain, 0, cuts[s + 1]);
            std::vector<Tensor> inputs;
            for (const auto& port : front.inputs) {
                for (std::size_t i = 0; i < arguments.size(); ++i)
                    if (graph.value(graph.inputs[i].value).name == port.name) inputs.push_back(arguments[i]);
            }
            expect_equal(handed[s].first.outputs, handed[s].second, run(front, inputs, *boards.front().backend),
                         base::text("stage ", s + 1, " of ", boards.size()));
        }
        throw;
    }
    return whole;
}

}  // namespace shoal::tools
