// A plan flattened: what each board is told to run and where it hands its results, and what the hub itself does for
// each request. A pure function of the plan, the models and the boards; no sockets, no clock.
//
// A part of a plan that is a pipeline becomes stages that hand on by themselves; the hub feeds the first and hears from
// the last. Everything else (replicas of whole models, parts of a batch, ensembles) is the hub's: it deals the request
// out, and puts together what comes back (Answer). Immutable once made and safe to read from several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "plan/plan.hpp"
#include "tensor/tensor.hpp"
#include "wire/board_messages.hpp"

namespace shoal::hub {

using tensor::Tensor;

/// What a board of the planner's cluster is in truth: a device of a board that joined.
struct Place {
    std::string board;               ///< as it registered
    std::uint32_t device = 0;        ///< index among the devices that it registered
    std::uint64_t memory_bytes = 0;  ///< what the plan was allowed there (plan::Board::memory_bytes)
};

struct LayoutRequest {
    std::uint64_t deployment = 0;
    std::uint32_t epoch = 0;
    plan::Plan plan{};
    /// The graphs that the plan is for, in its order, every constant with its digest (wire::address_constants). Bytes
    /// of constants are not needed and not taken over.
    std::vector<std::shared_ptr<const graph::Graph>> models{};
    std::vector<Place> places{};  ///< by the plan's board indices
    std::vector<wire::Named> settings{};
};

struct LayoutStage {
    wire::Deploy deploy{};  ///< its `stage` is this stage's place in Layout::stages
    std::string board;      ///< whom to send it to
    plan::Work work{};
    std::uint32_t leaf = 0;    ///< its place among plan::leaves and in Prediction::stages
    graph::InputSlice rows{};  ///< of the batch, when that is divided
};

/// One tensor that the hub sends: (a part of) an input of the request for a port of a stage.
struct FeedPart {
    std::uint32_t port = 0;
    std::uint16_t source = 0;  ///< wire::Part::source
    std::uint32_t input = 0;   ///< index among the model's inputs
    graph::InputSlice part{};  ///< which part of that input; take(tensor, part) is what to send
    bool operator==(const FeedPart&) const = default;
};
/// One Activation from the hub. A stage that needs no input gets one without parts.
struct Feed {
    std::uint32_t stage = 0;
    std::uint32_t turn = 0;  ///< for wire::Activation::turn; another than the request's where replicas are nested
    std::vector<FeedPart> parts{};
    bool operator==(const Feed&) const = default;
};

/// An output port of a stage, as Results name it.
struct StagePort {
    std::uint32_t stage = 0, port = 0;
    auto operator<=>(const StagePort&) const = default;
};

/// How Results become the answer: a tree whose leaves are what stages sent.
struct Answer {
    plan::Merge merge = plan::Merge::hand_over;
    std::vector<double> weights{};
    std::vector<Answer> children{};    ///< none at a leaf
    std::vector<StagePort> outputs{};  ///< of a leaf: one for each output of the model
    bool operator==(const Answer&) const = default;
};

/// What one request causes.
struct Dealt {
    std::vector<Feed> feeds{};
    std::vector<StagePort> awaited{};     ///< all that `answer` reads, sorted, each once
    std::vector<std::uint32_t> stages{};  ///< that the request passes through, rising: whom to cancel it at
    Answer answer{};
};

class Layout {
public:
    /// Throws invalid_argument when plan, models and places do not belong together, unsupported for plans that nobody
    /// makes (replicas inside a replicated stage, a stage inside an ensemble that is one itself, ...).
    explicit Layout(const LayoutRequest& request);
    Layout(Layout&&) noexcept;
    Layout& operator=(Layout&&) noexcept;
    ~Layout();

    [[nodiscard]] const std::vector<LayoutStage>& stages() const noexcept;
    /// Stages that Feeds go to, rising: whose credits the hub needs.
    [[nodiscard]] const std::vector<std::uint32_t>& fed_stages() const noexcept;

    /// For the request that is dealt as the `turn`-th: pass 0, 1, 2, ... and every replica gets its share. Any turn is
    /// right; whoever skips turns, because a replica has no room, changes nothing but the shares.
    [[nodiscard]] Dealt deal(std::uint32_t turn) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The part of a tensor that `part` says; the bytes are shared when it is along axis 0.
[[nodiscard]] Tensor take(const Tensor& tensor, const graph::InputSlice& part);

/// The answer's outputs from what the stages sent; `result` is asked once for each port that the answer reads. Throws
/// what the aggregator throws.
[[nodiscard]] std::vector<Tensor> assemble(const Answer& answer,
                                           const std::function<const Tensor&(const StagePort&)>& result);

}  // namespace shoal::hub
