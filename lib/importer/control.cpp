// If, Loop and Scan: which body is lowered next, and what its names stand for.
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
    const std::int64_t scanned = context.integer("num_scan_inputs"), inputs = context.input_count();
    Frame frame;
    frame.body = context.body("body");
    context.expect(scanned >= 1 && scanned <= inputs && static_cast<std::int64_t>(frame.body->inputs.size()) == inputs,
                   "it scans ", scanned, " of ", inputs, " inputs with a body of ", frame.body->inputs.size());
    const auto states = static_cast<std::size_t>(inputs - scanned);
    context.expect(frame.body->outputs.size() >= states, "its body returns ", frame.body->outputs.size(), " of ",
                   states, " states");
    for (int i = 0; i < inputs; ++i)
        (i < inputs - scanned ? scan.carried : scan.scanned).push_back(Slot::of(context.in(i)));
    scan.stacked.resize(frame.body->outputs.size() - states);

    const auto one_each = [&](const char* name, std::size_t count) {
        const Ints list = context.ints(name, Ints(count, 0));
        context.expect(list.size() == count, name, " has ", list.size(), " entries for ", count);
        return list;
    };
    const Ints axes = one_each("scan_input_axes", scan.scanned.size());
    const Ints directions = one_each("scan_input_directions", scan.scanned.size());
    for (std::size_t i = 0; i < scan.scanned.size(); ++i) {
        const Shape& shape = builder_.shape(scan.scanned[i].id);
        scan.scan_axes.push_back(context.axis(axes[i], shape.rank()));
        scan.scan_backwards.push_back(directions[i] != 0);
        const std::int64_t extent = shape[scan.scan_axes.back()];
        context.expect(!scan.count || *scan.count == extent, "it scans ", *scan.count, " and ", extent,
                       " elements at once");
        scan.count = extent;
    }
    for (const auto axis : one_each("scan_output_axes", scan.stacked.size()))
        scan.stack_axes.push_back(static_cast<int>(axis));
    for (const auto direction : one_each("scan_output_directions", scan.stacked.size()))
        scan.stack_backwards.push_back(direction != 0);
    frame.opsets = frames_.back().opsets;
    frame.caller = frames_.back().caller;
    frame.repetition = std::move(scan);
    push(std::move(frame));
    start_iteration();
}

// Binds the body's inputs for the next iteration, or ends the repetition when there is none.
void Lowering::Machine::start_iteration() {
    Frame& frame = frames_.back();
    Repetition& loop = *frame.repetition;
    if (loop.count && loop.done >= *loop.count) {
        auto results = finish_repetition();
        return pop(results);
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
