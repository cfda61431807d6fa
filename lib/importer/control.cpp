// If, Loop and Scan: which body is lowered next, and what its names stand for.
#include <utility>

#include "base/error.hpp"
#include "importer/compose.hpp"
#include "importer/machine.hpp"

namespace shoal::importer {

void Lowering::Machine::control(Context& context) {
    switch (context.row().control) {
        case Control::branch: return start_branch(context);
        case Control::loop: return start_loop(context);
        case Control::scan: return start_scan(context);
        case Control::none: break;
    }
    base::fail(base::Code::internal, "an operator without a lowering");
}

void Lowering::Machine::start_branch(Context& context) {
    Frame frame;
    frame.body = context.body(context.truth(0) ? "then_branch" : "else_branch");
    context.expect(frame.body->inputs.empty(), "its branch has inputs");
    frame.opsets = frames_.back().opsets;
    frame.caller = frames_.back().caller;
    push(std::move(frame));
}

void Lowering::Machine::start_loop(Context& context) {
    Repetition loop;
    loop.kind = Control::loop;
    if (context.has(0)) loop.count = std::max<std::int64_t>(context.integer(0), 0);
    if (context.has(1) && !context.truth(1)) loop.count = 0;
    Frame frame;
    frame.body = context.body("body");
    for (int i = 2; i < static_cast<int>(frame.body->inputs.size()); ++i) {
        context.expect(!context.slot(i).absent(), "its body takes ", frame.body->inputs.size() - 2,
                       " values from iteration to iteration, input ", i, " is left out");
        loop.carried.push_back(context.slot(i));
    }
    const std::size_t fixed = 1 + loop.carried.size();
    context.expect(frame.body->inputs.size() >= 2 && frame.body->outputs.size() >= fixed, "its body has ",
                   frame.body->inputs.size(), " inputs and ", frame.body->outputs.size(), " outputs");
    loop.stacked.resize(frame.body->outputs.size() - fixed);
    loop.stack_axes.assign(loop.stacked.size(), 0);
    loop.stack_backwards.assign(loop.stacked.size(), false);
    frame.opsets = frames_.back().opsets;
    frame.caller = frames_.back().caller;
    frame.repetition = std::move(loop);
    push(std::move(frame));
    start_iteration();
}

void Lowering::Machine::start_scan(Context& context) {
    Repetition scan;
    scan.kind = Control::scan;
    const bool in_batches = context.opset() < 9;
    const int first = in_batches ? 1 : 0;  // input 0 of version 8 tells how long the entries are
    const std::int64_t scanned = context.integer("num_scan_inputs"),
                       inputs = std::max(context.input_count() - first, 0);
    Frame frame;
    frame.body = context.body("body");
    context.expect(scanned >= 1 && scanned <= inputs && static_cast<std::int64_t>(frame.body->inputs.size()) == inputs,
                   "it scans ", scanned, " of ", inputs, " inputs with a body of ", frame.body->inputs.size());
    const auto states = static_cast<std::size_t>(inputs - scanned);
    context.expect(frame.body->outputs.size() >= states, "its body returns ", frame.body->outputs.size(), " of ",
                   states, " states");
    for (int i = 0; i < inputs; ++i)
        (i < inputs - scanned ? scan.carried : scan.scanned).push_back(Slot::of(context.in(i + first)));
    scan.stacked.resize(frame.body->outputs.size() - states);
    if (in_batches)
        scan_batch(context, scan);
    else
        scan_axes(context, scan);
    frame.opsets = frames_.back().opsets;
    frame.caller = frames_.back().caller;
    frame.repetition = std::move(scan);
    push(std::move(frame));
    if (in_batches) start_entry();
    start_iteration();
}

namespace {

Ints one_each(const Context& context, const char* name, std::size_t count) {
    const Ints list = context.ints(name, Ints(count, 0));
    context.expect(list.size() == count, name, " has ", list.size(), " entries for ", count);
    return list;
}

}  // namespace

void Lowering::Machine::scan_axes(Context& context, Repetition& scan) {
    const Ints axes = one_each(context, "scan_input_axes", scan.scanned.size());
    const Ints directions = one_each(context, "scan_input_directions", scan.scanned.size());
    for (std::size_t i = 0; i < scan.scanned.size(); ++i) {
        const Shape& shape = builder_.shape(scan.scanned[i].id);
        scan.scan_axes.push_back(context.axis(axes[i], shape.rank()));
        scan.scan_backwards.push_back(directions[i] != 0);
        const std::int64_t extent = shape[scan.scan_axes.back()];
        context.expect(!scan.count || *scan.count == extent, "it scans ", *scan.count, " and ", extent,
                       " elements at once");
        scan.count = extent;
    }
    for (const auto axis : one_each(context, "scan_output_axes", scan.stacked.size()))
        scan.stack_axes.push_back(static_cast<int>(axis));
    for (const auto direction : one_each(context, "scan_output_directions", scan.stacked.size()))
        scan.stack_backwards.push_back(direction != 0);
}

// Version 8: the batch is axis 0 of states and of what is scanned, which happens along axis 1.
void Lowering::Machine::scan_batch(Context& context, Repetition& scan) {
    for (const auto direction : one_each(context, "directions", scan.scanned.size()))
        scan.scan_backwards.push_back(direction != 0);
    scan.scan_axes.assign(scan.scanned.size(), 0);
    scan.stack_axes.assign(scan.stacked.size(), 0);
    scan.stack_backwards.assign(scan.stacked.size(), false);
    Batch batch;
    batch.carried = std::exchange(scan.carried, {});
    batch.scanned = std::exchange(scan.scanned, {});
    const Shape shape = builder_.shape(batch.scanned[0].id);
    context.expect(shape.rank() >= 2 && shape[0] > 0, "it scans ", shape, ", must be [batch, sequence, ..]");
    for (const Slot& slot : batch.scanned) {
        const Shape own = builder_.shape(slot.id);
        context.expect(own.rank() >= 2 && own[0] == shape[0] && own[1] == shape[1], "it scans ", shape, " and ", own,
                       " at once");
    }
    for (const Slot& slot : batch.carried) {
        const Shape own = builder_.shape(slot.id);
        context.expect(own.rank() >= 1 && own[0] == shape[0], "a state of shape ", own, " for ", shape[0], " entries");
    }
    context.expect_operators(shape[0]);
    batch.longest = shape[1];
    batch.lengths = context.has(0) ? context.ints(0) : Ints(static_cast<std::size_t>(shape[0]), shape[1]);
    context.expect(static_cast<std::int64_t>(batch.lengths.size()) == shape[0], batch.lengths.size(),
                   " sequence lengths for ", shape[0], " entries");
    for (const auto length : batch.lengths)
        context.expect(length >= 0 && length <= shape[1], "a sequence of ", length, " of ", shape[1], " elements");
    scan.batch = std::move(batch);
}

// Takes the next entry of the batch out of what all entries gave.
void Lowering::Machine::start_entry() {
    Repetition& scan = *frames_.back().repetition;
    const std::size_t entry = scan.batch->results.size();
    const auto own = [&](const std::vector<Slot>& all) {
        std::vector<Slot> out;
        for (const Slot& slot : all) {
            const ValueId part = builder_.slice_axis(slot.id, 0, static_cast<std::int64_t>(entry), 1);
            out.push_back(Slot::of(squeeze(builder_, part, {0})));
        }
        return out;
    };
    scan.carried = own(scan.batch->carried);
    scan.scanned = own(scan.batch->scanned);
    for (auto& parts : scan.stacked)
        parts.clear();
    scan.done = 0;
    scan.count = scan.batch->lengths[entry];
}

// Binds the body's inputs for the next iteration, or ends the repetition when there is none.
void Lowering::Machine::start_iteration() {
    Frame& frame = frames_.back();
    Repetition& loop = *frame.repetition;
    while (loop.count && loop.done >= *loop.count) {
        auto results = finish_repetition();
        if (!loop.batch) return pop(results);
        loop.batch->results.push_back(std::move(results));
        if (loop.batch->results.size() == loop.batch->lengths.size()) {
            results = finish_batch();
            return pop(results);
        }
        start_entry();
    }
    frame.values.clear();
    frame.next = 0;
    const auto& inputs = frame.body->inputs;
    const auto scalar_of = [](const ValueInfo& declared) {
        return declared.dims && declared.dims->size() == 1 ? Shape{1} : Shape{};
    };
    std::size_t at = 0;
    if (loop.kind == Control::loop) {
        frame.values[inputs[0].name] =
            Slot::of(builder_.constant(Tensor::of<std::int64_t>(scalar_of(inputs[0]), {loop.done})));
        frame.values[inputs[1].name] =
            Slot::of(builder_.constant(Tensor::of<tensor::Bool>(scalar_of(inputs[1]), {tensor::Bool{1}})));
        at = 2;
    }
    for (const Slot& slot : loop.carried)
        frame.values[inputs[at++].name] = slot;
    for (std::size_t i = 0; i < loop.scanned.size(); ++i) {
        const int axis = loop.scan_axes[i];
        const std::int64_t index = loop.scan_backwards[i] ? *loop.count - 1 - loop.done : loop.done;
        const ValueId part = builder_.slice_axis(loop.scanned[i].id, axis, index, 1);
        frame.values[inputs[at++].name] = Slot::of(squeeze(builder_, part, {axis}));
    }
}

void Lowering::Machine::finish_iteration() {
    Frame& frame = frames_.back();
    const auto made = results();
    std::size_t at = 0;
    bool go_on = true;
    if (frame.repetition->kind == Control::loop) {
        if (made[0].id == kNoValue) base::fail(base::Code::invalid_model, "its body's condition is no tensor");
        const auto condition = constant_value(builder_, made[at++].id, limits_.table_elements);
        if (!condition) throw NeedsValues{{made[0].id}, {}};
        if (condition->count() != 1)
            base::fail(base::Code::invalid_model, "its body's condition is ", condition->type(),
                       ", must be one boolean");
        go_on = tensor::element_as_int(*condition, 0) != 0;
    }
    Repetition& loop = *frame.repetition;
    for (Slot& slot : loop.carried)
        slot = made[at++];
    for (auto& parts : loop.stacked)
        parts.push_back(made[at++]);
    ++loop.done;
    if (loop.done * static_cast<std::int64_t>(loop.stacked.size()) > limits_.operators)
        base::fail(base::Code::unsupported, "it stacks more than ", limits_.operators, " values");
    if (!go_on) loop.count = loop.done;
    start_iteration();
}

std::vector<Slot> Lowering::Machine::finish_repetition() {
    const Repetition& loop = *frames_.back().repetition;
    std::vector<Slot> out = loop.carried;
    const std::size_t first = loop.carried.size() + (loop.kind == Control::loop ? 1 : 0);
    for (std::size_t i = 0; i < loop.stacked.size(); ++i) {
        out.push_back(stack(loop.stacked[i], loop.stack_axes[i], loop.stack_backwards[i],
                            frames_.back().body->outputs[first + i]));
    }
    return out;
}

// The entries' results, what is stacked filled up to the longest sequence, side by side along axis 0.
std::vector<Slot> Lowering::Machine::finish_batch() {
    const Repetition& scan = *frames_.back().repetition;
    const Batch& batch = *scan.batch;
    std::vector<Slot> out;
    for (std::size_t k = 0; k < batch.results[0].size(); ++k) {
        std::vector<Slot> parts;
        for (const auto& results : batch.results) {
            ValueId id = results[k].id;
            if (id != kNoValue && k >= scan.carried.size()) {
                const Shape shape = builder_.shape(id);
                Ints before(shape.extents().size(), 0), after = before;
                after[0] = batch.longest - shape[0];
                id = builder_.pad(id, before, after);
            }
            parts.push_back(Slot::of(id));
        }
        out.push_back(stack(parts, 0, false, frames_.back().body->outputs[k]));
    }
    return out;
}

// One tensor of all iterations' values along a new axis.
Slot Lowering::Machine::stack(const std::vector<Slot>& parts, int axis, bool backwards, const ValueInfo& declared) {
    if (parts.empty()) {
        // Nothing ran, so only the declaration knows the shape; what it leaves open counts as 0.
        if (!declared.element || !declared.dims)
            base::fail(base::Code::unsupported, "no iteration ran, and the type of '", declared.name,
                       "' is not declared");
        Ints extents;
        for (const Dim& dim : *declared.dims)
            extents.push_back(dim.known() ? dim.size : 0);
        const int at = tensor::normal_axis(axis, static_cast<int>(extents.size()) + 1);
        extents.insert(extents.begin() + at, 0);
        return Slot::of(builder_.constant(Tensor(Type{*declared.element, Shape(std::move(extents))})));
    }
    std::vector<ValueId> ids;
    for (const Slot& part : parts) {
        if (part.id == kNoValue) base::fail(base::Code::unsupported, "it stacks values that are no tensors");
        const int at = tensor::normal_axis(axis, builder_.shape(part.id).rank() + 1);
        ids.push_back(unsqueeze(builder_, part.id, {at}));
        axis = at;
    }
    if (backwards) std::reverse(ids.begin(), ids.end());
    return Slot::of(builder_.concat(std::move(ids), axis));
}

}  // namespace shoal::importer
