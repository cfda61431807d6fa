// Runs the stages of a layout by hand, as boards would: what a stage is sent is put together by its routes, what it
// makes goes where its routes say.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "hub/layout.hpp"
#include "runtime/backend.hpp"
#include "wire/data_messages.hpp"

namespace shoal::test {

class StageRunner {
public:
    /// Constants are taken from the models by their digests.
    StageRunner(const hub::Layout& layout, const std::vector<std::shared_ptr<const graph::Graph>>& models);

    /// One request dealt as that turn: the answer's outputs. Fails checks when a stage gets what it does not know,
    /// twice or not at all.
    [[nodiscard]] std::vector<tensor::Tensor> run(const std::vector<tensor::Tensor>& inputs, std::uint32_t turn);
    /// How often each stage ran.
    [[nodiscard]] const std::map<std::uint32_t, int>& runs() const noexcept { return runs_; }

private:
    struct Waiting {
        std::vector<tensor::Tensor> inputs{};
        std::vector<std::int64_t> rows_missing{};  // by port; -1: nothing came yet
    };
    void arrive(std::uint32_t stage, std::uint32_t turn, const std::vector<wire::Part>& parts);
    void run_stage(std::uint32_t stage, std::uint32_t turn, Waiting& waiting);

    const hub::Layout& layout_;
    std::shared_ptr<runtime::Backend> backend_;
    std::vector<std::unique_ptr<runtime::Executable>> executables_;
    std::map<std::uint32_t, Waiting> waiting_;
    std::map<hub::StagePort, tensor::Tensor> results_;
    std::map<std::uint32_t, int> runs_;
};

/// A graph as a client sends it: its constants addressed.
[[nodiscard]] std::shared_ptr<const graph::Graph> addressed(graph::Graph graph);

/// What the whole graph makes of these inputs on the host.
[[nodiscard]] std::vector<tensor::Tensor> run_whole(const graph::Graph& graph,
                                                    const std::vector<tensor::Tensor>& inputs);

}  // namespace shoal::test
