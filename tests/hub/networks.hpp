// Small networks for the hub's tests, their constants addressed as a client sends them.
#pragma once

#include "graph/builder.hpp"
#include "stage_runner.hpp"
#include "support/random.hpp"

namespace shoal::test {

/// `layers` times a matrix product, a bias and relu on [batch, width].
[[nodiscard]] inline std::shared_ptr<const graph::Graph> perceptron(unsigned seed, int layers = 4,
                                                                    std::int64_t width = 13, std::int64_t batch = 3) {
    std::mt19937 random(seed);
    graph::Builder builder("perceptron" + std::to_string(seed));
    const auto f32 = [](tensor::Shape shape) { return tensor::Type{tensor::ElementType::f32, std::move(shape)}; };
    auto x = builder.input("x", f32({batch, width}));
    for (int layer = 0; layer < layers; ++layer) {
        const auto weights = builder.constant(random_tensor(random, f32({width, width})));
        const auto bias = builder.constant(random_tensor(random, f32({batch, width})));
        x = builder.map("add", {builder.matmul(x, weights), bias});
        x = builder.map("relu", {x});
    }
    builder.output("y", x);
    auto graph = builder.finish();
    for (std::uint32_t i = 0; i < graph.ops.size(); ++i)
        graph.ops[i].group = i / 3;  // one kernel a layer
    graph::unique_names(graph);
    return addressed(std::move(graph));
}

[[nodiscard]] inline std::vector<tensor::Tensor> inputs_for(const graph::Graph& graph, std::mt19937& random) {
    std::vector<tensor::Tensor> out;
    for (const auto& port : graph.inputs)
        out.push_back(random_tensor(random, graph.type(port.value)));
    return out;
}

}  // namespace shoal::test
