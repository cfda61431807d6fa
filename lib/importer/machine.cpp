#include "importer/machine.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <new>

#include "base/error.hpp"

namespace shoal::importer {

using base::Code;
using base::fail;

namespace {

// A file may be rewritten (transposed, widened, ..) a few times: what lowering may hold and do grows with it.
constexpr std::uint64_t kTimesTheFile = 4;
// Constants are looked through for unnamed ones from here on.
constexpr std::size_t kTidyBytes = std::size_t{64} << 20, kTidyValues = std::size_t{1} << 16;
constexpr std::size_t kMostItems = std::size_t{1} << 16;  // of a sequence
constexpr double kItemsCopiedAtOnce = 8;                  // in the time of one operation

std::size_t in_memory(std::uint64_t bytes) {
    return static_cast<std::size_t>(std::min<std::uint64_t>(bytes, std::numeric_limits<std::size_t>::max()));
}

std::string clipped(const std::string& text) {
    constexpr std::size_t kMost = 200;  // names of hostile files need not fit a terminal
    std::string out = text.substr(0, kMost);
    if (out.size() < text.size()) out.append("...");
    return out;
}

// Failures inside of `work` name the operator.
template <class Work>
void naming(const SourceOp& op, Work&& work) {
    try {
        work();
    } catch (const base::Error& error) {
        // What a card calls a wrong argument is a wrong model here.
        const Code code = error.code() == Code::invalid_argument ? Code::invalid_model : error.code();
        fail(code, clipped(describe(op)), ": ", error.what());
    } catch (const std::bad_alloc&) {
        fail(Code::out_of_memory, clipped(describe(op)), ": no memory to lower it");
    } catch (const std::exception& error) {
        fail(Code::invalid_model, clipped(describe(op)), ": its inputs or attributes do not fit (", error.what(), ")");
    }
}

// What is no operator's failure: only base::Error leaves a lowering.
template <class Work>
auto guarded(Work&& work) {
    try {
        return work();
    } catch (const base::Error&) {
        throw;
    } catch (const std::bad_alloc&) {
        fail(Code::out_of_memory, "no memory to lower the model");
    } catch (const std::exception& error) {
        fail(Code::invalid_model, "the model does not hold together (", error.what(), ")");
    }
}

}  // namespace

Lowering::Machine::Machine(std::shared_ptr<const SourceModel> source, const Bindings& bindings, const Limits& limits)
    : source_(std::move(source)),
      limits_(limits),
      most_constant_bytes_(in_memory(limits.constant_bytes + kTimesTheFile * source_->tensor_bytes)),
      work_left_(static_cast<double>(limits.work) + static_cast<double>(kTimesTheFile * source_->tensor_bytes)) {
    Frame main;
    main.body = {source_, &source_->body};
    main.opsets = source_->opsets;
    main.closed = true;
    frames_.push_back(std::move(main));
    for (const auto& [name, value] : bindings.inputs) {
        if (const auto* tensor = std::get_if<Tensor>(&value))
            most_constant_bytes_ = in_memory(most_constant_bytes_ + kTimesTheFile * tensor->bytes().size());
    }
    start_segment();
    bind(bindings);
}

void Lowering::Machine::start_segment() {
    builder_ = graph::Builder(
        source_->called,
        {.operators = static_cast<std::size_t>(std::max<std::int64_t>(limits_.operators - operators_, 0)),
         .elements = limits_.elements,
         .constant_bytes = most_constant_bytes_,
         .work = work_left_});
    stored_.clear();
    constants_.clear();
    tidy_bytes_ = tidy_values_ = 0;
}

void Lowering::Machine::bind(const Bindings& bindings) {
    const auto bound = bind_inputs(source_->body, bindings);
    for (std::size_t i = 0; i < bound.size(); ++i) {
        const std::string& name = source_->body.inputs[i].name;
        Slot& slot = frames_[0].values[name];
        if (const auto* type = std::get_if<Type>(&bound[i])) {
            slot = Slot::of(builder_.input(name, *type));
            stored_.emplace(slot.id, name);
        } else if (const auto* tensor = std::get_if<Tensor>(&bound[i])) {
            slot = Slot::of(builder_.constant(*tensor, name));
        } else {
            frames_[0].values.erase(name);  // the initialiser of that name is found instead
        }
    }
}

Segment Lowering::Machine::advance(const StillWanted& still_wanted) {
    if (finished_ || waiting_) fail(Code::invalid_argument, "advance() of a lowering that is finished or not resolved");
    try {
        run(still_wanted);
    } catch (NeedsValues& needs) {
        return end_segment(std::move(needs));
    }
    return last_segment();
}

void Lowering::Machine::run(const StillWanted& still_wanted) {
    while (!finished_) {
        if (still_wanted) still_wanted();
        forget_unnamed();
        if (++steps_ > limits_.steps)
            fail(Code::unsupported, "the model takes more than ", limits_.steps, " steps; is a loop's count sane?");
        if (frames_.back().next < frames_.back().body->ops.size())
            step();
        else
            finish_frame();
    }
}

// What iterations leave behind. Looks for it when there is twice as much as the last time, or half of the room is gone.
void Lowering::Machine::forget_unnamed() {
    if (builder_.constant_bytes() < tidy_bytes_ && builder_.value_count() < tidy_values_) return;
    if (tidy_values_ != 0) {
        auto named = live_values();
        for (const auto& [source, id] : constants_)
            named.push_back(id);
        if (on_host_) named.insert(named.end(), on_host_->begin(), on_host_->end());
        builder_.forget_constants(named);
    }
    const auto next = [](std::size_t now, std::size_t least, std::size_t most) {
        return std::min(std::max(least, 2 * now), now / 2 + most / 2 + 1);
    };
    tidy_bytes_ = next(builder_.constant_bytes(), kTidyBytes, most_constant_bytes_);
    tidy_values_ = next(builder_.value_count(), kTidyValues, builder_.most_values());
}

void Lowering::Machine::step() {
    const SourceOp& op = frames_.back().body->ops[frames_.back().next];
    naming(op, [&] {
        if (const auto* function = source_->find_function(op)) return call(op, *function);
        const auto import = frames_.back().opsets.find(op.domain);
        const std::int64_t opset = import == frames_.back().opsets.end() ? 0 : import->second;
        const Row* row = find_row(op.domain, op.type, opset);
        if (row == nullptr || !row->refusal.empty())
            fail(Code::unsupported, "no lowering in version ", opset, " of its domain");
        lower(op, *row, opset);
    });
}

Context Lowering::Machine::context(const SourceOp& op, const Row& row, std::int64_t opset) {
    std::vector<Slot> inputs;
    for (const auto& name : op.inputs)
        inputs.push_back(name.empty() ? Slot() : look_up(name));
    std::size_t items = 0;
    for (const Slot& slot : inputs)
        items += slot.items.size();
    if (items > 0 && !builder_.afford(static_cast<double>(items) / kItemsCopiedAtOnce))
        fail(Code::unsupported, "its sequences take more work than ", limits_.work, " operations");
    while (!inputs.empty() && inputs.back().absent())
        inputs.pop_back();
    return {builder_, {op, row, opset, std::move(inputs), frames_.back().caller.get(), on_host_}, limits_};
}

void Lowering::Machine::lower(const SourceOp& op, const Row& row, std::int64_t opset) {
    Context own = context(op, row, opset);
    builder_.set_origin(op.name);
    if (row.control != Control::none) return control(own);
    std::vector<Slot> outputs;
    if (row.lower_slots != nullptr) {
        outputs = row.lower_slots(own);
    } else {
        for (const ValueId id : row.lower(own))
            outputs.push_back(Slot::of(id));
    }
    on_host_.reset();
    bind_outputs(op, outputs);
    ++frames_.back().next;
}

void Lowering::Machine::bind_outputs(const SourceOp& op, const std::vector<Slot>& slots) {
    for (std::size_t i = 0; i < op.outputs.size(); ++i) {
        if (op.outputs[i].empty()) continue;
        if (i >= slots.size() || (slots[i].absent() && !slots[i].optional))
            fail(Code::unsupported, "its output ", i, " is not supported");
        if (slots[i].items.size() > kMostItems)
            fail(Code::unsupported, "a sequence of more than ", kMostItems, " tensors");
        frames_.back().values[op.outputs[i]] = slots[i];
        if (slots[i].id != kNoValue && builder_.graph().value(slots[i].id).name.empty())
            builder_.set_name(slots[i].id, op.outputs[i]);
    }
}

Slot Lowering::Machine::look_up(const std::string& name) {
    for (std::size_t i = frames_.size(); i-- > 0;) {
        Frame& frame = frames_[i];
        const auto value = frame.values.find(name);
        if (value != frame.values.end()) return value->second;
        const auto initialiser = frame.body->initialisers.find(name);
        if (initialiser != frame.body->initialisers.end()) return Slot::of(constant(initialiser->second, name));
        if (frame.closed) break;
    }
    fail(Code::invalid_model, "nothing makes '", clipped(name), "'");
}

ValueId Lowering::Machine::constant(const SourceTensor& source, const std::string& name) {
    const auto made = constants_.find(&source);
    if (made != constants_.end()) return made->second;
    return constants_.emplace(&source, builder_.constant(source.tensor(), name)).first->second;
}

void Lowering::Machine::push(Frame frame) {
    if (static_cast<int>(frames_.size()) > limits_.nesting)
        fail(Code::unsupported, "nested more than ", limits_.nesting, " functions and subgraphs deep");
    frames_.push_back(std::move(frame));
}

void Lowering::Machine::call(const SourceOp& op, const SourceFunction& function) {
    Frame frame;
    frame.body = {source_, &function.body};
    frame.opsets = function.opsets;
    for (const auto& [domain, version] : source_->opsets)
        frame.opsets.emplace(domain, version);
    frame.closed = true;
    Attributes given = function.defaults;
    for (const auto& [name, value] : op.attributes) {
        const auto* reference = std::get_if<AttributeReference>(&value);
        if (reference == nullptr) {
            given.insert_or_assign(name, value);
        } else if (frames_.back().caller != nullptr) {
            const auto found = frames_.back().caller->find(reference->name);
            if (found != frames_.back().caller->end()) given.insert_or_assign(name, found->second);
        }
    }
    frame.caller = std::make_shared<const Attributes>(std::move(given));
    const auto& parameters = function.body.inputs;
    if (op.inputs.size() > parameters.size())
        fail(Code::invalid_model, op.inputs.size(), " inputs for a function that takes ", parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const bool given_here = i < op.inputs.size() && !op.inputs[i].empty();
        frame.values.emplace(parameters[i].name, given_here ? look_up(op.inputs[i]) : Slot());
    }
    push(std::move(frame));
}

std::vector<Slot> Lowering::Machine::results() {
    std::vector<Slot> out;
    for (const auto& output : frames_.back().body->outputs)
        out.push_back(look_up(output.name));
    return out;
}

void Lowering::Machine::finish_frame() {
    if (frames_.size() == 1) {
        finished_ = true;
        return;
    }
    const Frame& below = frames_[frames_.size() - 2];
    const SourceOp& op = below.body->ops[below.next];
    naming(op, [&] {
        if (frames_.back().repetition)
            finish_iteration();
        else
            pop(results());
    });
}

// The frame's results become the outputs of the operator that it was pushed for.
void Lowering::Machine::pop(const std::vector<Slot>& results) {
    frames_.pop_back();
    Frame& frame = frames_.back();
    const SourceOp& op = frame.body->ops[frame.next];
    if (results.size() < op.outputs.size()) {
        fail(Code::invalid_model, "it has ", op.outputs.size(), " outputs, its body returns ", results.size());
    }
    bind_outputs(op, results);
    ++frame.next;
}

Lowering::Lowering(const Model& model, Bindings bindings, Limits limits) {
    model.check_supported();
    machine_ = std::make_unique<Machine>(model.source(), bindings, limits);
}
Lowering::~Lowering() = default;
Lowering::Lowering(const Lowering& other) : machine_(std::make_unique<Machine>(*other.machine_)) {}
Lowering& Lowering::operator=(const Lowering& other) {
    if (this != &other) machine_ = std::make_unique<Machine>(*other.machine_);
    return *this;
}
Lowering::Lowering(Lowering&&) noexcept = default;
Lowering& Lowering::operator=(Lowering&&) noexcept = default;

Segment Lowering::advance(const StillWanted& still_wanted) {
    return guarded([&] { return machine_->advance(still_wanted); });
}
std::map<std::string, Tensor> Lowering::resolve(std::vector<Tensor> values) {
    return guarded([&] { return machine_->resolve(std::move(values)); });
}
std::set<std::string> Lowering::needed() const {
    return machine_->needed();
}
const std::string& Lowering::key() const noexcept {
    return machine_->key();
}

}  // namespace shoal::importer
