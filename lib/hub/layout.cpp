#include "hub/layout.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/checked.hpp"
#include "hub/aggregator.hpp"
#include "hub/layout_stages.hpp"

namespace shoal::hub {

using base::Code;
using base::fail;
using graph::InputSlice;

namespace {

// The hub's side of a plan: pipelines, and how requests are dealt to them.
struct Branch {
    // An entry of a pipeline, with what the hub sends to each choice, and an exit, with what it hears.
    struct Entry {
        Gate gate;
        std::vector<std::vector<FeedPart>> parts;
    };
    struct Exit {
        Gate gate;
        std::vector<std::vector<StagePort>> outputs;
    };

    plan::Axis axis = plan::Axis::operators;
    plan::Merge merge = plan::Merge::hand_over;
    std::vector<double> shares{}, weights{};
    std::vector<Branch> children{};  // none in a pipeline
    std::vector<Entry> entries{};
    std::vector<Exit> exits{};
    std::vector<Gate> gates{};
};

Branch pipeline(StageMaker& maker, const plan::Node& node, const BatchRows& rows) {
    const Segment segment = maker.segment(node, rows);
    const std::uint32_t size = maker.chain(segment.model).size();
    if (segment.first != 0 || segment.last != size)
        fail(Code::invalid_argument, "the plan runs kernels ", segment.first, " to ", segment.last, " of ", size,
             " of model ", segment.model);
    maker.join_to_hub(segment);
    Branch out;
    for (const Gate& gate : segment.entries) {
        out.entries.push_back({gate, {}});
        for (const auto stage : gate.stages)
            out.entries.back().parts.push_back(maker.feed(stage));
    }
    for (const Gate& gate : segment.exits) {
        out.exits.push_back({gate, {}});
        for (const auto stage : gate.stages)
            out.exits.back().outputs.push_back(maker.outputs(stage));
    }
    out.gates = segment.gates;
    return out;
}

void check_merge(const plan::Node& node) {
    if (node.merge == plan::Merge::hand_over && node.children.size() > 1)
        fail(Code::invalid_argument, "an ensemble of ", node.children.size(), " whose answers are not merged");
    if (!node.weights.empty() && node.weights.size() != node.children.size())
        fail(Code::invalid_argument, node.weights.size(), " weights for ", node.children.size(), " models");
}

Branch branch(StageMaker& maker, const plan::Node& node, const BatchRows& rows) {
    if (node.is_leaf() || node.axis == plan::Axis::operators) return pipeline(maker, node, rows);
    Branch out;
    out.axis = node.axis;
    if (node.axis == plan::Axis::batch) {
        out.merge = plan::Merge::concatenate;
        const auto parts = child_rows(node, maker.batch_extent(node), rows);
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (parts[i]->begin < parts[i]->end)
                out.children.push_back(branch(maker, node.children[i], parts[i]));
            else
                maker.skip(node.children[i]);
        }
        if (out.children.empty()) fail(Code::invalid_argument, "a batch of no rows was divided");
        return out;
    }
    if (node.axis == plan::Axis::models) {
        check_merge(node);
        out.merge = node.merge;
        out.weights = node.weights;
    } else if (node.shares.size() != node.children.size()) {
        fail(Code::invalid_argument, node.shares.size(), " shares for ", node.children.size(), " replicas");
    } else {
        (void)plan::whole_shares(node.shares, 1);  // they can be dealt by
        out.shares = node.shares;
    }
    for (const plan::Node& child : node.children)
        out.children.push_back(branch(maker, child, rows));
    return out;
}

std::uint32_t reversed(std::uint32_t bits) {
    std::uint32_t out = 0;
    for (int bit = 0; bit < 32; ++bit)
        out |= (bits >> bit & 1U) << (31 - bit);
    return out;
}

// Replicas inside a replica see only some turns; this spreads those evenly again: the place of the turn within the
// range that chose the outer replica becomes a turn of its own.
std::uint32_t inner_turn(const std::vector<double>& shares, std::uint32_t turn, std::size_t chosen) {
    double total = 0, before = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
        total += shares[i];
        before += i < chosen ? shares[i] : 0;
    }
    const double place = (std::ldexp(static_cast<double>(reversed(turn)), -32) * total - before) / shares[chosen];
    const double most = std::ldexp(1.0, 32) - 1;
    return reversed(static_cast<std::uint32_t>(std::clamp(std::floor(std::ldexp(place, 32)), 0.0, most)));
}

Answer deal_pipeline(const Branch& branch, std::uint32_t turn, Dealt& out) {
    for (const Gate& gate : branch.gates)
        out.stages.push_back(gate.chosen(turn));
    for (const auto& entry : branch.entries) {
        const std::size_t choice = wire::choose_replica(entry.gate.shares, turn);
        out.feeds.push_back({entry.gate.stages[choice], turn, entry.parts[choice]});
    }
    Answer answer;
    answer.merge = plan::Merge::concatenate;
    for (const auto& exit : branch.exits) {
        Answer part;
        part.outputs = exit.outputs[wire::choose_replica(exit.gate.shares, turn)];
        out.awaited.insert(out.awaited.end(), part.outputs.begin(), part.outputs.end());
        answer.children.push_back(std::move(part));
    }
    return answer.children.size() == 1 ? Answer(answer.children[0]) : answer;
}

Answer deal_branch(const Branch& branch, std::uint32_t turn, Dealt& out) {
    if (branch.children.empty()) return deal_pipeline(branch, turn, out);
    if (branch.axis == plan::Axis::requests) {
        const std::size_t choice = wire::choose_replica(branch.shares, turn);
        return deal_branch(branch.children[choice], inner_turn(branch.shares, turn, choice), out);
    }
    Answer answer{branch.merge, branch.weights, {}, {}};
    for (const Branch& child : branch.children)
        answer.children.push_back(deal_branch(child, turn, out));
    return answer.children.size() == 1 && branch.merge == plan::Merge::concatenate ? Answer(answer.children[0])
                                                                                   : answer;
}

void collect_fed(const Branch& branch, std::vector<std::uint32_t>& out) {
    for (const auto& entry : branch.entries)
        out.insert(out.end(), entry.gate.stages.begin(), entry.gate.stages.end());
    for (const Branch& child : branch.children)
        collect_fed(child, out);
}

}  // namespace

struct Layout::State {
    std::vector<LayoutStage> stages;
    std::vector<std::uint32_t> fed;
    Branch root;
};

Layout::Layout(const LayoutRequest& request) : state_(std::make_unique<State>()) {
    StageMaker maker(request);
    state_->root = branch(maker, request.plan.root, std::nullopt);
    state_->stages = maker.take();
    collect_fed(state_->root, state_->fed);
    std::sort(state_->fed.begin(), state_->fed.end());
}
Layout::Layout(Layout&&) noexcept = default;
Layout& Layout::operator=(Layout&&) noexcept = default;
Layout::~Layout() = default;

const std::vector<LayoutStage>& Layout::stages() const noexcept {
    return state_->stages;
}

const std::vector<std::uint32_t>& Layout::fed_stages() const noexcept {
    return state_->fed;
}

Dealt Layout::deal(std::uint32_t turn) const {
    Dealt out;
    out.answer = deal_branch(state_->root, turn, out);
    std::sort(out.stages.begin(), out.stages.end());
    std::sort(out.awaited.begin(), out.awaited.end());
    out.awaited.erase(std::unique(out.awaited.begin(), out.awaited.end()), out.awaited.end());
    return out;
}

Tensor take(const Tensor& tensor, const InputSlice& part) {
    if (part.axis < 0) return tensor;
    const auto& shape = tensor.shape();
    if (part.axis >= shape.rank() || part.begin < 0 || part.begin > part.end || part.end > shape[part.axis])
        fail(Code::invalid_argument, "[", part.begin, ", ", part.end, ") of axis ", part.axis, " of ", tensor.type());
    if (part.begin == 0 && part.end == shape[part.axis]) return tensor;
    const tensor::Type type{tensor.element(), shape.with(part.axis, part.end - part.begin)};
    const std::int64_t outer = shape.count(0, part.axis), inner = shape.count(part.axis + 1, shape.rank());
    if (tensor::is_nibble(type.element) &&
        (inner * part.begin % 2 != 0 || inner * part.end % 2 != 0 || inner * shape[part.axis] % 2 != 0))
        fail(Code::unsupported, "a part of ", tensor.type(), " that begins within a byte");
    const auto bytes = [&](std::int64_t rows) { return tensor::storage_bytes(type.element, rows * inner); };
    const std::size_t from = bytes(part.begin), count = bytes(part.end - part.begin), step = bytes(shape[part.axis]);
    if (outer == 1) return {type, tensor.shared_bytes().slice(from, count)};
    Tensor out(type);
    auto rest = out.edit();
    for (std::int64_t i = 0; i < outer && count > 0; ++i, rest = rest.subspan(count))
        std::memcpy(rest.data(), tensor.bytes().data() + static_cast<std::size_t>(i) * step + from, count);
    return out;
}

std::vector<Tensor> assemble(const Answer& answer, const std::function<const Tensor&(const StagePort&)>& result) {
    if (answer.children.empty()) {
        std::vector<Tensor> out;
        for (const auto& port : answer.outputs)
            out.push_back(result(port));
        return out;
    }
    std::vector<std::vector<Tensor>> children;
    for (const Answer& child : answer.children)
        children.push_back(assemble(child, result));
    return merge_outputs(answer.merge, children, answer.weights);
}

}  // namespace shoal::hub
