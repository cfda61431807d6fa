// How a lowering proceeds: a stack of bodies, each walked operator by operator, into the builder of the current
// segment.
//
// Branches, loop bodies and function calls push a frame; when it has run, its results are bound in the frame below.
// Everything is plain data, so the whole state can be copied at any point and nothing recurses with the model's
// nesting. An operator that needs a value throws NeedsValues before it changes anything; it is tried again in the next
// segment.
#pragma once

#include <optional>
#include <unordered_map>

#include "importer/bind.hpp"
#include "importer/context.hpp"

namespace shoal::importer {

/// Scan of version 8 runs its body once for every entry of a batch, which is axis 0 of all that goes in and comes out.
struct Batch {
    std::vector<Slot> carried, scanned;      ///< of all entries
    std::vector<std::int64_t> lengths;       ///< iterations of each entry
    std::int64_t longest = 0;                ///< what is stacked is filled up to this with zeros
    std::vector<std::vector<Slot>> results;  ///< of the entries that are done
};

/// A body that runs over and over: Loop or Scan.
struct Repetition {
    Control kind = Control::loop;
    std::optional<std::int64_t> count;       ///< iterations at most; a Loop without a count has only its condition
    std::int64_t done = 0;                   ///< iterations so far
    std::vector<Slot> carried;               ///< from iteration to iteration
    std::vector<std::vector<Slot>> stacked;  ///< for every scan output one value an iteration
    // Scan only:
    std::vector<Slot> scanned;
    std::vector<int> scan_axes, stack_axes;
    std::vector<bool> scan_backwards, stack_backwards;
    std::optional<Batch> batch;
};

struct Frame {
    std::shared_ptr<const SourceBody> body;
    std::size_t next = 0;  ///< the operator that comes next
    std::unordered_map<std::string, Slot> values;
    Opsets opsets;
    std::shared_ptr<const Attributes> caller;  ///< attributes of the function call, in functions
    bool closed = false;                       ///< names are not looked up in frames below
    std::optional<Repetition> repetition;
};

class Lowering::Machine {
public:
    Machine(std::shared_ptr<const SourceModel> source, const Bindings& bindings, const Limits& limits);

    Segment advance(const StillWanted& still_wanted);
    std::map<std::string, Tensor> resolve(std::vector<Tensor> values);
    [[nodiscard]] std::set<std::string> needed() const;
    [[nodiscard]] const std::string& key() const noexcept { return key_; }

private:
    // machine.cpp: walking.
    void bind(const Bindings& bindings);
    void start_segment();
    void run(const StillWanted& still_wanted);
    void step();
    void forget_unnamed();
    void lower(const SourceOp& op, const Row& row, std::int64_t opset);
    void call(const SourceOp& op, const SourceFunction& function);
    void finish_frame();
    Slot look_up(const std::string& name);
    ValueId constant(const SourceTensor& source, const std::string& name);
    void push(Frame frame);
    void bind_outputs(const SourceOp& op, const std::vector<Slot>& slots);
    void pop(const std::vector<Slot>& results);
    [[nodiscard]] std::vector<Slot> results();
    [[nodiscard]] Context context(const SourceOp& op, const Row& row, std::int64_t opset);

    // control.cpp: branches and repetitions.
    void control(Context& context);
    void start_branch(Context& context);
    void start_loop(Context& context);
    void start_scan(Context& context);
    void scan_axes(Context& context, Repetition& scan);
    void scan_batch(Context& context, Repetition& scan);
    void start_entry();
    [[nodiscard]] std::vector<Slot> finish_batch();
    void start_iteration();
    void finish_iteration();
    [[nodiscard]] std::vector<Slot> finish_repetition();
    Slot stack(const std::vector<Slot>& parts, int axis, bool backwards, const ValueInfo& declared);

    // segments.cpp: ending a segment and starting the next one.
    Segment end_segment(NeedsValues needs);
    Segment last_segment();
    [[nodiscard]] std::vector<ValueId> live_values();
    static void keep_live(Frame& frame);
    [[nodiscard]] std::string store_name();
    template <class Visit>
    void for_each_slot(Visit&& visit);
    struct Waiting;
    [[nodiscard]] static std::vector<Tensor> merge(const Waiting& waiting, std::vector<Tensor> values);
    void carry_over(const Waiting& waiting);

    // A value that goes over into the next segment.
    struct Carried {
        Type type;
        std::string name;  // in the store of the run; empty for constants
        std::optional<Tensor> constant;
    };
    struct Waiting {
        NeedsValues needs;
        std::vector<std::optional<Tensor>> known;  // beside needs.ids: those that were constant all along
        std::unordered_map<ValueId, Carried> carried;
    };

    std::shared_ptr<const SourceModel> source_;
    Limits limits_;
    graph::Builder builder_;
    std::vector<Frame> frames_;
    std::unordered_map<const SourceTensor*, ValueId> constants_;  // initialisers that the current segment reads
    std::unordered_map<ValueId, std::string> stored_;  // inputs of the current segment: their names in the store
    std::optional<Waiting> waiting_;
    std::optional<Values> on_host_;  // what the host made for the operator that comes next
    std::string key_;
    std::int64_t steps_ = 0, operators_ = 0;
    std::size_t most_constant_bytes_;
    double work_left_;                              // for the next segment
    std::size_t tidy_bytes_ = 0, tidy_values_ = 0;  // when to look for constants that nothing names; 0 at first
    int names_ = 0;
    bool finished_ = false;
};

}  // namespace shoal::importer
