#include "node/stage.hpp"

#include "base/checked.hpp"

namespace shoal::node {

namespace {

std::vector<tensor::Type> input_types(const graph::Graph& graph) {
    std::vector<tensor::Type> out;
    for (const auto& port : graph.inputs)
        out.push_back(graph.type(port.value));
    return out;
}

std::uint64_t port_bytes(const graph::Graph& graph, const std::vector<graph::Port>& ports) {
    std::uint64_t out = 0;
    for (const auto& port : ports)
        out = base::checked_add<std::uint64_t>(out, graph.type(port.value).size_bytes(), "bytes of a stage's ports");
    return out;
}

}  // namespace

Stage::Stage(wire::Deploy deploy, base::TimePoint now)
    : key{deploy.deployment, deploy.epoch, deploy.stage},
      device(deploy.device),
      credits(deploy.credits),
      digest(deploy.digest),
      graph(std::move(deploy.graph)),
      input_bytes(port_bytes(graph, graph.inputs)),
      output_bytes(port_bytes(graph, graph.outputs)),
      since(now),
      inputs(input_types(graph), std::move(deploy.inputs), deploy.credits),
      routes(std::make_shared<const RouteTable>(std::move(deploy.outputs))),
      consumers(routes->consumers().size()) {
    counters.deployment = key.deployment;
    counters.epoch = key.epoch;
    counters.stage = key.stage;
    message_bytes = base::checked_add(
        inputs.most_bytes(), base::checked_mul<std::uint64_t>(credits, output_bytes, "bytes of a stage's outputs"),
        "bytes of a stage's messages");
}

std::string Stage::name() const {
    return base::text("stage ", key.stage, " of deployment ", key.deployment);
}

}  // namespace shoal::node
