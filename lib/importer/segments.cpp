// Where one segment ends and the next begins: which values go over, under which names, and what became constant.
#include <algorithm>
#include <unordered_set>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "importer/machine.hpp"

namespace shoal::importer {

using base::Code;
using base::fail;

template <class Visit>
void Lowering::Machine::for_each_slot(Visit&& visit) {
    for (Frame& frame : frames_) {
        for (auto& [name, slot] : frame.values)
            visit(slot);
        if (!frame.repetition) continue;
        const auto visit_all = [&](std::vector<Slot>& slots) { std::for_each(slots.begin(), slots.end(), visit); };
        const auto visit_each = [&](auto& lists) { std::for_each(lists.begin(), lists.end(), visit_all); };
        visit_all(frame.repetition->carried);
        visit_all(frame.repetition->scanned);
        visit_each(frame.repetition->stacked);
        if (!frame.repetition->batch) continue;
        visit_all(frame.repetition->batch->carried);
        visit_all(frame.repetition->batch->scanned);
        visit_each(frame.repetition->batch->results);
    }
}

std::string Lowering::Machine::store_name() {
    const auto taken = [&](const std::string& name) {
        const auto& inputs = source_->body.inputs;
        return std::any_of(inputs.begin(), inputs.end(), [&](const auto& input) { return input.name == name; });
    };
    std::string name;
    do {
        name = "%" + std::to_string(names_++);
    } while (taken(name));
    return name;
}

// Forgets the names that nothing in the frame reads any more. The operator that comes next counts whole: a body of it
// may be running above, or run again.
void Lowering::Machine::keep_live(Frame& frame) {
    std::unordered_set<std::string_view> read;
    for (std::size_t i = frame.next; i < frame.body->ops.size(); ++i) {
        for (const auto name : names_read(frame.body->ops[i]))
            read.insert(name);
    }
    for (const auto& output : frame.body->outputs)
        read.insert(output.name);
    std::erase_if(frame.values, [&](const auto& entry) { return read.count(entry.first) == 0; });
}

std::vector<ValueId> Lowering::Machine::live_values() {
    for (Frame& frame : frames_)
        keep_live(frame);
    std::vector<ValueId> out;
    for_each_slot([&](const Slot& slot) {
        if (slot.id != kNoValue) out.push_back(slot.id);
        out.insert(out.end(), slot.items.begin(), slot.items.end());
    });
    std::sort(out.begin(), out.end());  // the same order in every run
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

Segment Lowering::Machine::end_segment(NeedsValues needs) {
    Segment out;
    Waiting waiting;
    const auto carry = [&](ValueId id) -> const Carried& {
        const auto [at, fresh] = waiting.carried.emplace(id, Carried{builder_.type(id), {}, {}});
        if (!fresh) return at->second;
        const auto stored = stored_.find(id);
        if (builder_.is_constant(id)) {
            at->second.constant = builder_.value_of(id);
        } else if (stored != stored_.end()) {
            at->second.name = stored->second;
        } else {
            at->second.name = store_name();
            builder_.output(at->second.name, id);
        }
        return at->second;
    };
    const auto live = live_values();
    for (const ValueId id : needs.ids) {
        // Only what has a name is found again in the next segment.
        waiting.known.push_back(constant_value(builder_, id, limits_.table_elements));
        if (!waiting.known.back() && !std::binary_search(live.begin(), live.end(), id))
            fail(Code::unsupported, "the shape of a fused operator depends on a value inside of it");
        if (!waiting.known.back()) out.wanted.push_back(carry(id).name);
    }
    for (const ValueId id : live)
        (void)carry(id);
    operators_ += static_cast<std::int64_t>(builder_.graph().ops.size());
    work_left_ = builder_.work_left();
    out.graph = builder_.finish();
    waiting.needs = std::move(needs);
    waiting_ = std::move(waiting);
    return out;
}

Segment Lowering::Machine::last_segment() {
    Segment out;
    out.last = true;
    const auto& outputs = source_->body.outputs;
    const auto made = results();
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (made[i].id == kNoValue) fail(Code::unsupported, "output '", outputs[i].name, "' is no tensor");
        builder_.output(outputs[i].name, made[i].id);
    }
    out.graph = builder_.finish();
    return out;
}

// Puts what is wanted and was handed in beside what was known all along.
std::vector<Tensor> Lowering::Machine::merge(const Waiting& waiting, std::vector<Tensor> values) {
    std::vector<Tensor> out;
    std::size_t next = 0;
    for (std::size_t i = 0; i < waiting.known.size(); ++i) {
        if (waiting.known[i]) {
            out.push_back(*waiting.known[i]);
            continue;
        }
        const Type& type = waiting.carried.at(waiting.needs.ids[i]).type;
        if (next >= values.size())
            fail(Code::invalid_argument, "resolve() with ", values.size(), " values, it wants more");
        if (values[next].type() != type)
            fail(Code::invalid_argument, "resolve(): value ", next, " is ", values[next].type(), ", must be ", type);
        out.push_back(std::move(values[next++]));
    }
    return out;
}

std::map<std::string, Tensor> Lowering::Machine::resolve(std::vector<Tensor> values) {
    if (!waiting_) fail(Code::invalid_argument, "resolve() of a lowering that wants no values");
    const auto wanted = merge(*waiting_, std::move(values));
    Waiting waiting = std::move(*waiting_);
    waiting_.reset();
    start_segment();

    std::map<std::string, Tensor> given;
    if (waiting.needs.on_host) {
        on_host_.emplace();
        for (Tensor& result : waiting.needs.on_host(wanted)) {
            const std::string name = store_name();
            on_host_->push_back(builder_.input(name, result.type()));
            stored_.emplace(on_host_->back(), name);
            key_ += to_string(result.type()) + ';';
            given.emplace(name, std::move(result));
        }
    } else {
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            if (waiting.known[i]) continue;
            waiting.carried.at(waiting.needs.ids[i]).constant = wanted[i];
            key_ += base::Digest::of(wanted[i].bytes()).hex() + ';';
        }
    }
    carry_over(waiting);
    return given;
}

std::set<std::string> Lowering::Machine::needed() const {
    std::set<std::string> out;
    for (const auto& [id, name] : stored_)
        out.insert(name);
    return out;
}

// Renumbers every value that is still named for the new builder.
void Lowering::Machine::carry_over(const Waiting& waiting) {
    std::unordered_map<ValueId, ValueId> renumbered;
    const auto move = [&](ValueId& id) {
        if (id == kNoValue) return;
        const auto [at, fresh] = renumbered.emplace(id, kNoValue);
        if (fresh) {
            const Carried& value = waiting.carried.at(id);
            at->second = value.constant ? builder_.constant(*value.constant) : builder_.input(value.name, value.type);
            if (!value.constant) stored_.emplace(at->second, value.name);
        }
        id = at->second;
    };
    for_each_slot([&](Slot& slot) {
        move(slot.id);
        for (ValueId& item : slot.items)
            move(item);
    });
}

}  // namespace shoal::importer
