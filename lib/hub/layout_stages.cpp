#include "hub/layout_stages.hpp"

#include <algorithm>

#include "base/checked.hpp"
#include "graph/shard.hpp"
#include "plan/flow.hpp"
#include "wire/graph_codec.hpp"

namespace shoal::hub {

using base::Code;
using base::fail;
using graph::InputSlice;
using graph::ValueId;

namespace {

// The part of [begin, end) that lies in what `base` says, counted from there; all of it when it is the same.
InputSlice relative(std::int64_t begin, std::int64_t end, const InputSlice& base, std::int64_t extent) {
    const std::int64_t from = base.axis < 0 ? 0 : base.begin, to = base.axis < 0 ? extent : base.end;
    if (begin == from && end == to) return InputSlice::whole();
    return {0, begin - from, end - from};
}

std::vector<graph::Graph> without_bytes(const LayoutRequest& request) {
    std::vector<graph::Graph> out;
    for (const auto& model : request.models) {
        if (!model) fail(Code::invalid_argument, "a model of the plan has no graph");
        out.push_back(*model);
        for (auto& value : out.back().values) {
            if (value.constant) value.constant->bytes = {};
        }
    }
    return out;
}

}  // namespace

std::vector<BatchRows> child_rows(const plan::Node& node, std::int64_t extent, const BatchRows& rows) {
    if (node.shares.size() != node.children.size())
        fail(Code::invalid_argument, node.shares.size(), " shares for ", node.children.size(), " parts of a batch");
    std::int64_t at = rows ? rows->begin : 0;
    std::vector<BatchRows> out;
    for (const auto count : plan::whole_shares(node.shares, rows ? rows->end - rows->begin : extent)) {
        out.emplace_back(InputSlice{0, at, at + count});
        at += count;
    }
    return out;
}

StageMaker::StageMaker(const LayoutRequest& request)
    : request_(request), leaves_(plan::leaves(request.plan.root)), models_(without_bytes(request)) {
    for (const auto& model : models_)
        chains_.emplace_back(model);
}

std::int64_t StageMaker::batch_extent(const plan::Node& node) const {
    const plan::Work work = plan::leaves(node)[0];
    check(work);
    const std::int64_t extent = plan::batch_extent(models_[work.model]);
    if (extent == 0) fail(Code::invalid_argument, "a model without a batch axis cannot be divided along it");
    return extent;
}

void StageMaker::check(const plan::Work& work) const {
    if (work.model >= models_.size() || work.board >= request_.places.size())
        fail(Code::invalid_argument, "the plan uses model ", work.model, " and board ", work.board, "; there are ",
             models_.size(), " and ", request_.places.size());
    if (work.first_group > work.last_group || work.last_group > chains_[work.model].size())
        fail(Code::invalid_argument, "the plan uses kernels ", work.first_group, " to ", work.last_group, " of ",
             chains_[work.model].size());
}

Segment StageMaker::segment(const plan::Node& node, const BatchRows& rows) {
    if (node.is_leaf()) return stage(node.work, rows);
    switch (node.axis) {
        case plan::Axis::operators: return chained(node, rows);
        case plan::Axis::requests: return replicated(node, rows);
        case plan::Axis::batch: return divided(node, rows);
        case plan::Axis::models: break;
    }
    fail(Code::unsupported, "an ensemble as a stage of a pipeline");
}

void StageMaker::skip(const plan::Node& node) {
    leaf_ += static_cast<std::uint32_t>(plan::leaves(node).size());
}

// What the board has is divided among the plan's stages there by what they are predicted to need.
std::uint64_t StageMaker::memory_of(const plan::Work& work, std::uint32_t leaf) const {
    const auto& predicted = request_.plan.prediction.stages;
    const auto weight = [&](std::size_t i) {
        return predicted.size() == leaves_.size() ? static_cast<double>(predicted[i].memory_bytes) : 1.0;
    };
    double all = 0;
    for (std::size_t i = 0; i < leaves_.size(); ++i)
        all += leaves_[i].board == work.board ? weight(i) : 0;
    const double part = all > 0 ? weight(leaf) / all : 1;
    const auto has = request_.places[work.board].memory_bytes;
    return std::min(has, static_cast<std::uint64_t>(part * static_cast<double>(has)));
}

Segment StageMaker::stage(const plan::Work& work, const BatchRows& rows) {
    check(work);
    const auto& model = models_[work.model];
    const auto& chain = chains_[work.model];
    const std::uint32_t leaf = leaf_++, number = base::narrow<std::uint32_t>(stages_.size());

    Ends ends{chain.crossing(work.first_group), chain.crossing(work.last_group), {}};
    graph::Graph graph = plan::stage_graph(model, chain, work.first_group, work.last_group);
    if (work.last_group == chain.size()) {
        // An output that is a constant crosses no cut.
        for (const auto& port : model.outputs) {
            if (!model.is_constant(port.value)) continue;
            ends.outputs.push_back(port.value);
            graph.values.push_back(model.value(port.value));
            graph.outputs.push_back({port.name, static_cast<ValueId>(graph.values.size() - 1)});
        }
    }
    ends.needs.assign(ends.inputs.size(), InputSlice::whole());
    if (rows) {
        auto shard = graph::shard(graph, 0, rows->begin, rows->end);
        graph = std::move(shard.graph);
        for (std::size_t i = 0; i < shard.inputs.size(); ++i)
            ends.needs[i] = shard.inputs[i].slice;
        wire::address_constants(graph);
    }

    const Place& place = request_.places[work.board];
    LayoutStage out{{}, place.board, work, leaf, rows.value_or(InputSlice::whole())};
    out.deploy.deployment = request_.deployment;
    out.deploy.epoch = request_.epoch;
    out.deploy.stage = number;
    out.deploy.device = place.device;
    out.deploy.credits = std::max<std::uint32_t>(request_.plan.credits, 1);
    out.deploy.memory_bytes = memory_of(work, leaf);
    out.deploy.digest = wire::digest_of(graph);
    out.deploy.inputs.resize(graph.inputs.size());
    out.deploy.outputs.resize(graph.outputs.size());
    out.deploy.graph = std::move(graph);
    out.deploy.settings = request_.settings;
    stages_.push_back(std::move(out));
    ends_.push_back(std::move(ends));

    const Gate gate{rows, {number}, {1.0}};
    return {work.model, work.first_group, work.last_group, {gate}, {gate}, {gate}, false};
}

Segment StageMaker::chained(const plan::Node& node, const BatchRows& rows) {
    Segment out = segment(node.children[0], rows);
    for (std::size_t i = 1; i < node.children.size(); ++i) {
        Segment next = segment(node.children[i], rows);
        if (next.model != out.model || next.first != out.last)
            fail(Code::invalid_argument, "a stage begins at kernel ", next.first, " of model ", next.model,
                 "; the one before ended at ", out.last, " of model ", out.model);
        join(out, next);
        // What needs no input is set off by the hub.
        if (chains_[out.model].crossing(next.first).empty())
            out.entries.insert(out.entries.end(), next.entries.begin(), next.entries.end());
        const bool chooses = std::any_of(next.entries.begin(), next.entries.end(),
                                         [](const Gate& gate) { return gate.stages.size() > 1; });
        const bool chose =
            std::any_of(out.exits.begin(), out.exits.end(), [](const Gate& gate) { return gate.stages.size() > 1; });
        out.deals = out.deals || next.deals || chooses || chose;
        out.exits = std::move(next.exits);
        out.gates.insert(out.gates.end(), next.gates.begin(), next.gates.end());
        out.last = next.last;
    }
    return out;
}

Segment StageMaker::replicated(const plan::Node& node, const BatchRows& rows) {
    if (node.shares.size() != node.children.size())
        fail(Code::invalid_argument, node.shares.size(), " shares for ", node.children.size(), " replicas of a stage");
    std::optional<Segment> out;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
        const Segment own = segment(node.children[i], rows);
        if (own.entries.size() != 1 || own.exits.size() != 1 || own.gates.size() != 1 || own.deals)
            fail(Code::unsupported, "a replica, inside a pipeline, that is more than one stage");
        if (!out) out = Segment{own.model, own.first, own.last, {}, {}, {Gate{rows, {}, {}}}, false};
        if (own.model != out->model || own.first != out->first || own.last != out->last)
            fail(Code::invalid_argument, "replicas of kernels ", own.first, " to ", own.last, " and of ", out->first,
                 " to ", out->last);
        Gate& gate = out->gates[0];
        for (std::size_t k = 0; k < own.gates[0].stages.size(); ++k) {
            gate.stages.push_back(own.gates[0].stages[k]);
            gate.shares.push_back(node.shares[i] * own.gates[0].shares[k]);
        }
    }
    out->entries = out->exits = out->gates;
    return *out;
}

Segment StageMaker::divided(const plan::Node& node, const BatchRows& rows) {
    const auto parts = child_rows(node, batch_extent(node), rows);
    std::optional<Segment> out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (parts[i]->begin == parts[i]->end) {
            skip(node.children[i]);
            continue;
        }
        Segment own = segment(node.children[i], parts[i]);
        if (!out) {
            out = std::move(own);
            continue;
        }
        if (own.model != out->model || own.first != out->first || own.last != out->last)
            fail(Code::invalid_argument, "parts of a batch on kernels ", own.first, " to ", own.last, " and on ",
                 out->first, " to ", out->last);
        out->deals = out->deals || own.deals;
        out->entries.insert(out->entries.end(), own.entries.begin(), own.entries.end());
        out->exits.insert(out->exits.end(), own.exits.begin(), own.exits.end());
        out->gates.insert(out->gates.end(), own.gates.begin(), own.gates.end());
    }
    if (!out) fail(Code::invalid_argument, "a batch of no rows was divided");
    return std::move(*out);
}

void StageMaker::join(const Segment& left, const Segment& right) {
    const auto ports = static_cast<std::uint32_t>(chains_[left.model].crossing(left.last).size());
    for (std::uint32_t port = 0; port < ports; ++port) {
        for (const Gate& from : left.exits) {
            for (const Gate& to : right.entries)
                join(from, to, port);
        }
    }
}

void StageMaker::join(const Gate& from, const Gate& to, std::uint32_t port) {
    const Ends& reads = ends_[to.stages[0]];
    const auto& shape = models_[stages_[to.stages[0]].work.model].type(reads.inputs[port]).shape;
    const InputSlice have = from.rows.value_or(InputSlice::whole()), need = reads.needs[port];
    if (need.axis > 0) fail(Code::unsupported, "a stage that needs a part of its input along axis ", need.axis);
    const std::int64_t extent = shape.rank() > 0 ? shape[0] : 1;
    const std::int64_t begin = std::max(have.axis < 0 ? 0 : have.begin, need.axis < 0 ? 0 : need.begin);
    const std::int64_t end = std::min(have.axis < 0 ? extent : have.end, need.axis < 0 ? extent : need.end);
    const bool divided = have.axis >= 0 || need.axis >= 0;
    if (divided && begin >= end) return;
    const InputSlice sent = divided ? relative(begin, end, have, extent) : InputSlice::whole();
    const InputSlice fills = divided ? relative(begin, end, need, extent) : InputSlice::whole();

    for (const auto maker : from.stages) {
        wire::Fan fan;
        if (to.stages.size() > 1) fan.shares = to.shares;
        for (const auto reader : to.stages) {
            auto& sources = stages_[reader].deploy.inputs[port].sources;
            const auto source = base::narrow<std::uint16_t>(sources.size(), "sources of a stage's input");
            sources.push_back({stages_[maker].board, maker, port, fills});
            fan.choices.push_back({stages_[reader].board, reader, port, source, sent});
        }
        stages_[maker].deploy.outputs[port].fans.push_back(std::move(fan));
    }
}

void StageMaker::join_to_hub(const Segment& segment) {
    for (const Gate& gate : segment.entries) {
        for (const auto stage : gate.stages) {
            for (const auto& part : feed(stage))
                stages_[stage].deploy.inputs[part.port].sources = {{"", 0, part.input, InputSlice::whole()}};
        }
    }
    for (const Gate& gate : segment.exits) {
        for (const auto stage : gate.stages) {
            auto& outputs = stages_[stage].deploy.outputs;
            for (std::uint32_t port = 0; port < outputs.size(); ++port)
                outputs[port].fans = {{{{"", 0, port, 0, InputSlice::whole()}}, {}}};
        }
    }
}

std::vector<FeedPart> StageMaker::feed(std::uint32_t stage) const {
    const Ends& ends = ends_.at(stage);
    const auto& inputs = models_[stages_[stage].work.model].inputs;
    std::vector<FeedPart> out;
    for (std::uint32_t port = 0; port < ends.inputs.size(); ++port) {
        const auto at = std::find_if(inputs.begin(), inputs.end(),
                                     [&](const graph::Port& input) { return input.value == ends.inputs[port]; });
        base::ensure(at != inputs.end(), "stage ", stage, " reads what is no input of the model");
        out.push_back({port, 0, static_cast<std::uint32_t>(at - inputs.begin()), ends.needs[port]});
    }
    return out;
}

std::vector<StagePort> StageMaker::outputs(std::uint32_t stage) const {
    const auto& made = ends_.at(stage).outputs;
    std::vector<StagePort> out;
    for (const auto& port : models_[stages_[stage].work.model].outputs) {
        const auto at = std::find(made.begin(), made.end(), port.value);
        base::ensure(at != made.end(), "stage ", stage, " does not make the output '", port.name, "'");
        out.push_back({stage, static_cast<std::uint32_t>(at - made.begin())});
    }
    return out;
}

}  // namespace shoal::hub
