#include "stage_runner.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "runtime/host_backend.hpp"
#include "wire/data_messages.hpp"
#include "wire/graph_codec.hpp"

namespace shoal::test {

using tensor::Tensor;

namespace {

using Blobs = std::map<base::Digest, base::SharedBytes>;

graph::Graph bound(graph::Graph graph, const Blobs& blobs) {
    for (auto& value : graph.values) {
        if (value.constant && value.constant->bytes.empty() && value.type.size_bytes() > 0)
            value.constant->bytes = blobs.at(value.constant->digest.value());
    }
    return graph;
}

}  // namespace

StageRunner::StageRunner(const hub::Layout& layout, const std::vector<std::shared_ptr<const graph::Graph>>& models)
    : layout_(layout), backend_(runtime::make_host_backend()) {
    Blobs blobs;
    for (const auto& model : models) {
        for (const auto& value : model->values) {
            if (value.constant) blobs[value.constant->digest.value()] = value.constant->bytes;
        }
    }
    for (const auto& stage : layout.stages()) {
        REQUIRE(stage.deploy.stage == executables_.size());
        REQUIRE(stage.deploy.inputs.size() == stage.deploy.graph.inputs.size());
        REQUIRE(stage.deploy.outputs.size() == stage.deploy.graph.outputs.size());
        REQUIRE(stage.deploy.digest == wire::digest_of(stage.deploy.graph));
        graph::validate(stage.deploy.graph);
        executables_.push_back(backend_->compile(bound(stage.deploy.graph, blobs)));
    }
}

std::vector<Tensor> StageRunner::run(const std::vector<Tensor>& inputs, std::uint32_t turn) {
    const hub::Dealt dealt = layout_.deal(turn);
    const auto before = runs_;
    results_.clear();
    for (const auto& feed : dealt.feeds) {
        std::vector<wire::Part> parts;
        for (const auto& part : feed.parts) {
            const auto& source = layout_.stages()[feed.stage].deploy.inputs.at(part.port).sources.at(part.source);
            CHECK(source.board.empty());
            parts.push_back({part.port, part.source, hub::take(inputs.at(part.input), part.part)});
        }
        arrive(feed.stage, feed.turn, parts);
    }
    CHECK(waiting_.empty());
    std::vector<std::uint32_t> ran;
    for (const auto& [stage, count] : runs_) {
        const auto at = before.find(stage);
        const int own = count - (at == before.end() ? 0 : at->second);
        CHECK(own <= 1);
        if (own > 0) ran.push_back(stage);
    }
    CHECK(ran == dealt.stages);
    std::vector<hub::StagePort> came;
    for (const auto& [port, tensor] : results_)
        came.push_back(port);
    CHECK(came == dealt.awaited);
    return hub::assemble(dealt.answer, [&](const hub::StagePort& port) -> const Tensor& { return results_.at(port); });
}

void StageRunner::arrive(std::uint32_t stage, std::uint32_t turn, const std::vector<wire::Part>& parts) {
    const auto& deploy = layout_.stages().at(stage).deploy;
    auto [at, fresh] = waiting_.try_emplace(stage);
    Waiting& waiting = at->second;
    if (fresh) {
        for (const auto& port : deploy.graph.inputs) {
            waiting.inputs.emplace_back(deploy.graph.type(port.value));
            waiting.rows_missing.push_back(-1);
        }
    }
    for (const auto& part : parts) {
        const auto& fills = deploy.inputs.at(part.port).sources.at(part.source).part;
        Tensor& input = waiting.inputs.at(part.port);
        auto& missing = waiting.rows_missing[part.port];
        if (fills.axis < 0) {
            REQUIRE(missing == -1);
            REQUIRE(part.tensor.type() == input.type());
            input = part.tensor;
            missing = 0;
            continue;
        }
        REQUIRE(fills.axis == 0);
        if (missing < 0) missing = input.shape()[0];
        missing -= fills.end - fills.begin;
        REQUIRE(part.tensor.shape() == input.shape().with(0, fills.end - fills.begin));
        const auto row = input.bytes().size() / static_cast<std::size_t>(input.shape()[0]);
        std::memcpy(input.edit().data() + static_cast<std::size_t>(fills.begin) * row, part.tensor.bytes().data(),
                    part.tensor.bytes().size());
    }
    for (const auto missing : waiting.rows_missing) {
        REQUIRE(missing >= -1);
        if (missing != 0) return;
    }
    Waiting complete = std::move(waiting);
    waiting_.erase(stage);
    run_stage(stage, turn, complete);
}

void StageRunner::run_stage(std::uint32_t stage, std::uint32_t turn, Waiting& waiting) {
    const auto& deploy = layout_.stages()[stage].deploy;
    ++runs_[stage];
    const auto outputs = runtime::run_on_host_tensors(*backend_, *executables_[stage], waiting.inputs);
    std::map<std::uint32_t, std::vector<wire::Part>> sent;
    for (std::uint32_t port = 0; port < outputs.size(); ++port) {
        for (const auto& fan : deploy.outputs[port].fans) {
            const auto& to = fan.choices.at(wire::choose_replica(fan.shares, turn));
            if (to.board.empty()) {
                CHECK(results_.try_emplace({stage, to.port}, hub::take(outputs[port], to.part)).second);
                continue;
            }
            const auto& target = layout_.stages().at(to.stage);
            CHECK(target.board == to.board);
            const auto& source = target.deploy.inputs.at(to.port).sources.at(to.source);
            CHECK(source.board == layout_.stages()[stage].board);
            CHECK(source.stage == stage);
            CHECK(source.port == port);
            sent[to.stage].push_back({to.port, to.source, hub::take(outputs[port], to.part)});
        }
    }
    for (const auto& [to, parts] : sent)
        arrive(to, turn, parts);
}

std::shared_ptr<const graph::Graph> addressed(graph::Graph graph) {
    wire::address_constants(graph);
    return std::make_shared<graph::Graph>(std::move(graph));
}

std::vector<Tensor> run_whole(const graph::Graph& graph, const std::vector<Tensor>& inputs) {
    const auto backend = runtime::make_host_backend();
    const auto executable = backend->compile(graph);
    return runtime::run_on_host_tensors(*backend, *executable, inputs);
}

}  // namespace shoal::test
