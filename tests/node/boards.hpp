// Nodes on the in-process network, small stages for them, and the Deploys that chain these into a pipeline.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graph/builder.hpp"
#include "node/fake_hub.hpp"
#include "node/node.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/random.hpp"
#include "support/temporary_folder.hpp"

namespace shoal::test {

using graph::Builder;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;
using tensor::Type;

/// relu(x W) with W f32[width, width]: `width` is also the input's.
inline graph::Graph layer(std::mt19937& random, std::int64_t width, std::int64_t rows = 1) {
    Builder b("layer");
    const auto x = b.input("x", Type{ElementType::f32, Shape{rows, width}});
    const auto w = b.constant(random_tensor(random, Type{ElementType::f32, Shape{width, width}}), "w");
    b.output("y", b.map("relu", {b.matmul(x, w)}));
    return b.finish();
}

inline std::vector<Tensor> run_here(const graph::Graph& graph, const std::vector<Tensor>& inputs) {
    const auto backend = runtime::make_host_backend();
    const auto executable = backend->compile(graph);
    return runtime::run_on_host_tensors(*backend, *executable, inputs);
}

/// A board of the in-process network. `backend`: the host's plain one unless a test has its own. `cache`: a folder that
/// outlives it.
class TestBoard {
public:
    TestBoard(std::shared_ptr<transport::InProcessNetwork> network, const std::string& name,
              std::uint64_t memory_limit = 64 << 20, std::vector<std::shared_ptr<runtime::Backend>> backends = {},
              const std::filesystem::path& cache = {}) {
        node::NodeOptions options;
        options.board = name;
        options.hub_endpoint = "inproc://hub";
        options.data_endpoint = "inproc://*";
        options.memory_limit_bytes = memory_limit;
        options.cache_folder = cache.empty() ? folder_.path() : cache;
        if (backends.empty()) backends.push_back(runtime::make_host_backend());
        node_ = std::make_unique<node::Node>(options, std::move(backends),
                                             transport::make_in_process_port(std::move(network)));
        node_->start();
    }

    [[nodiscard]] node::Node& operator*() { return *node_; }
    [[nodiscard]] node::Node* operator->() { return node_.get(); }
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
    void stop() { node_->stop(); }

private:
    TemporaryFolder folder_;
    std::unique_ptr<node::Node> node_;
};

/// Stage `stage` of a chain with one tensor between neighbours; "" at either end is the hub.
inline wire::Deploy chain_deploy(FakeHub& hub, graph::Graph graph, std::uint32_t stage, const std::string& before,
                                 const std::string& behind, std::uint32_t credits = 2, std::uint64_t deployment = 7,
                                 std::uint32_t epoch = 1) {
    wire::Deploy out;
    out.deployment = deployment;
    out.epoch = epoch;
    out.stage = stage;
    out.credits = credits;
    out.graph = hub.publish(std::move(graph));
    out.digest = wire::digest_of(out.graph);
    out.inputs.push_back({{{before, before.empty() ? 0 : stage - 1, 0, {}}}, graph::Merge::concat});
    out.outputs.push_back({{{{{behind, stage + 1, 0, 0, {}}}, {}}}});
    return out;
}

inline wire::Activation activation(std::uint64_t request, Tensor x, std::uint32_t stage = 0,
                                   std::uint64_t deployment = 7, std::uint32_t epoch = 1) {
    wire::Activation out;
    out.deployment = deployment;
    out.request = request;
    out.epoch = epoch;
    out.stage = stage;
    out.remaining_ms = 60'000;
    out.parts.push_back({0, 0, std::move(x)});
    return out;
}

}  // namespace shoal::test
