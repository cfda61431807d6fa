// The stages of a layout in the making: what each one runs, and who hands what to whom. Internal to the layout.
#pragma once

#include <optional>
#include <vector>

#include "hub/layout.hpp"
#include "plan/chain.hpp"
#include "wire/data_messages.hpp"

namespace shoal::hub {

/// Rows [begin, end) of the batch; nothing: all of it.
using BatchRows = std::optional<graph::InputSlice>;

/// Stages of which one takes each request, as its turn says.
struct Gate {
    BatchRows rows{};
    std::vector<std::uint32_t> stages{};
    std::vector<double> shares{};

    /// The stage, when it is this request's turn.
    [[nodiscard]] std::uint32_t chosen(std::uint32_t turn) const { return stages[wire::choose_replica(shares, turn)]; }
};

/// Stages that are joined to each other: kernels [first, last) of a model.
struct Segment {
    std::uint32_t model = 0, first = 0, last = 0;
    std::vector<Gate> entries{};  ///< what takes its inputs, and what needs none
    std::vector<Gate> exits{};    ///< what gives its outputs, by rising rows
    std::vector<Gate> gates{};    ///< all
    bool deals = false;           ///< some gate behind the first has a choice
};

/// Makes stages; the leaves must come from left to right.
class StageMaker {
public:
    explicit StageMaker(const LayoutRequest& request);

    [[nodiscard]] const plan::Chain& chain(std::uint32_t model) const { return chains_.at(model); }
    [[nodiscard]] const graph::Graph& graph(std::uint32_t model) const { return models_.at(model); }
    [[nodiscard]] std::int64_t batch_extent(const plan::Node& node) const;

    /// A leaf or a split of some of a model's kernels. Throws unsupported or invalid_argument.
    [[nodiscard]] Segment segment(const plan::Node& node, const BatchRows& rows);
    /// A leaf that gets nothing to do is passed over.
    void skip(const plan::Node& node);

    /// Joins a whole model to the hub.
    void join_to_hub(const Segment& segment);
    /// What the hub sends to a stage, and where it finds the model's outputs there.
    [[nodiscard]] std::vector<FeedPart> feed(std::uint32_t stage) const;
    [[nodiscard]] std::vector<StagePort> outputs(std::uint32_t stage) const;

    [[nodiscard]] std::vector<LayoutStage> take() { return std::move(stages_); }

private:
    // What a stage reads and writes, as values of its model.
    struct Ends {
        std::vector<graph::ValueId> inputs, outputs;
        std::vector<graph::InputSlice> needs;  // which part of each input
    };

    void check(const plan::Work& work) const;
    [[nodiscard]] std::uint64_t memory_of(const plan::Work& work, std::uint32_t leaf) const;
    Segment stage(const plan::Work& work, const BatchRows& rows);
    Segment chained(const plan::Node& node, const BatchRows& rows);
    Segment replicated(const plan::Node& node, const BatchRows& rows);
    Segment divided(const plan::Node& node, const BatchRows& rows);
    void join(const Segment& left, const Segment& right);
    void join(const Gate& from, const Gate& to, std::uint32_t port);

    const LayoutRequest& request_;
    std::vector<plan::Work> leaves_;
    std::vector<graph::Graph> models_;  // without the constants' bytes
    std::vector<plan::Chain> chains_;
    std::vector<LayoutStage> stages_;
    std::vector<Ends> ends_;  // by stage
    std::uint32_t leaf_ = 0;
};

/// The rows of each child of a batch split, of `extent` in all; within `rows` when that is a part already.
[[nodiscard]] std::vector<BatchRows> child_rows(const plan::Node& node, std::int64_t extent, const BatchRows& rows);

}  // namespace shoal::hub
