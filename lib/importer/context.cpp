#include "importer/context.hpp"

#include <algorithm>
#include <unordered_map>

#include "importer/tensor_data.hpp"

namespace shoal::importer {

using base::Code;
using base::fail;

bool Context::has(int i) const noexcept {
    return i >= 0 && i < input_count() && !place_.inputs[static_cast<std::size_t>(i)].absent();
}

ValueId Context::in(int i) const {
    if (!has(i)) invalid("input ", i, " is left out");
    const Slot& slot = place_.inputs[static_cast<std::size_t>(i)];
    if (slot.sequence) invalid("input ", i, " is a sequence, must be a tensor");
    return slot.id;
}

bool Context::wants(int i) const noexcept {
    return i < output_count() && !place_.op.outputs[static_cast<std::size_t>(i)].empty();
}

std::optional<Tensor> Context::known(ValueId id) const {
    return constant_value(builder_, id, limits_.table_elements);
}

Tensor Context::value(int i) const {
    if (auto out = known(in(i))) return *out;
    throw NeedsValues{{in(i)}, {}};
}

Ints Context::ints(int i) const {
    const Tensor out = value(i);
    if (tensor::is_floating(out.element())) invalid("input ", i, " is ", out.type(), ", must be of integers");
    return tensor::to_ints(out);
}

std::vector<double> Context::reals(int i) const {
    return tensor::to_doubles(value(i));
}

std::int64_t Context::integer(int i) const {
    const Ints out = ints(i);
    if (out.size() != 1) invalid("input ", i, " is ", type(i), ", must be one integer");
    return out[0];
}

double Context::real(int i) const {
    const Tensor out = value(i);
    if (out.count() != 1) invalid("input ", i, " is ", out.type(), ", must be one number");
    return tensor::element_as_double(out, 0);
}

bool Context::truth(int i) const {
    const Tensor out = value(i);
    if (out.count() != 1) invalid("input ", i, " is ", out.type(), ", must be one boolean");
    return tensor::element_as_double(out, 0) != 0;
}

Values Context::on_host(const std::vector<int>& inputs, HostFunction function) {
    if (place_.on_host) return *place_.on_host;
    std::vector<ValueId> ids;
    std::vector<Tensor> values;
    for (const int i : inputs) {
        ids.push_back(in(i));
        if (auto constant = known(in(i))) values.push_back(std::move(*constant));
    }
    if (values.size() != inputs.size()) throw NeedsValues{std::move(ids), std::move(function)};
    Values out;
    for (Tensor& result : function(values))
        out.push_back(builder_.constant(std::move(result)));
    return out;
}

const AttributeValue* Context::find(std::string_view name) const {
    const auto found = place_.op.attributes.find(name);
    if (found == place_.op.attributes.end()) return nullptr;
    const auto* reference = std::get_if<AttributeReference>(&found->second);
    if (reference == nullptr) return &found->second;
    if (place_.caller == nullptr)
        invalid("attribute '", name, "' refers to '", reference->name, "' outside of a function");
    const auto given = place_.caller->find(reference->name);
    return given == place_.caller->end() ? nullptr : &given->second;
}

template <class T>
const T* Context::get(std::string_view name) const {
    const auto* found = find(name);
    if (found == nullptr) return nullptr;
    const auto* out = std::get_if<T>(found);
    if (out == nullptr)
        invalid("attribute '", name, "' is ", kind_of(*found), ", must be ", kind_of(AttributeValue(T{})));
    return out;
}

template <class T>
const T& Context::need(std::string_view name) const {
    const auto* out = get<T>(name);
    if (out == nullptr) invalid("attribute '", name, "' is missing");
    return *out;
}

bool Context::has_attribute(std::string_view name) const {
    return find(name) != nullptr;
}
std::int64_t Context::integer(std::string_view name) const {
    return need<std::int64_t>(name);
}
std::int64_t Context::integer(std::string_view name, std::int64_t otherwise) const {
    const auto* out = get<std::int64_t>(name);
    return out != nullptr ? *out : otherwise;
}
double Context::real(std::string_view name) const {
    return need<double>(name);
}
double Context::real(std::string_view name, double otherwise) const {
    const auto* out = get<double>(name);
    return out != nullptr ? *out : otherwise;
}
double Context::number(std::string_view name, double otherwise) const {
    const auto* found = find(name);
    const auto* whole = found != nullptr ? std::get_if<std::int64_t>(found) : nullptr;
    return whole != nullptr ? static_cast<double>(*whole) : real(name, otherwise);
}
std::string Context::text(std::string_view name) const {
    return need<std::string>(name);
}
std::string Context::text(std::string_view name, std::string_view otherwise) const {
    const auto* out = get<std::string>(name);
    return out != nullptr ? *out : std::string(otherwise);
}
Ints Context::ints(std::string_view name) const {
    return need<Ints>(name);
}
Ints Context::ints(std::string_view name, Ints otherwise) const {
    const auto* out = get<Ints>(name);
    return out != nullptr ? *out : otherwise;
}
std::vector<double> Context::reals(std::string_view name, std::vector<double> otherwise) const {
    const auto* found = find(name);
    if (found == nullptr) return otherwise;
    const auto* empty = std::get_if<Ints>(found);  // an empty list may come without its kind
    if (empty != nullptr && empty->empty()) return {};
    return *get<std::vector<double>>(name);
}
std::vector<std::string> Context::texts(std::string_view name) const {
    const auto* out = get<std::vector<std::string>>(name);
    return out != nullptr ? *out : std::vector<std::string>();
}
Tensor Context::tensor(std::string_view name) const {
    return need<SourceTensor>(name).tensor();
}

std::shared_ptr<const SourceBody> Context::body(std::string_view name) const {
    return need<std::shared_ptr<const SourceBody>>(name);
}

ElementType Context::element_type(std::string_view name, ElementType otherwise) const {
    const auto* number = get<std::int64_t>(name);
    if (number == nullptr) return otherwise;
    const auto out = importer::element_type(*number);
    if (!out) unsupported("elements of type ", onnx_type_name(*number), " are not supported");
    return *out;
}

std::optional<Ints> Context::ints_from(int input, std::string_view attribute) const {
    if (has(input)) return ints(input);
    if (has_attribute(attribute)) return ints(attribute);
    return std::nullopt;
}

int Context::axis(std::int64_t axis, int rank) const {
    if (axis < -rank || axis >= rank) invalid("axis ", axis, " of ", rank, " axes");
    return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<int> Context::axes(const Ints& axes, int rank) const {
    std::vector<int> out;
    for (const auto axis : axes)
        out.push_back(this->axis(axis, rank));
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

Values Context::as(std::string_view type, std::int64_t opset, const Values& inputs) const {
    const Row* row = find_row("", type, opset);
    base::ensure(row != nullptr && row->lower != nullptr, "no lowering of ", type, " to build on");
    std::vector<Slot> slots;
    for (const ValueId id : inputs)
        slots.push_back(Slot::of(id));
    Context inner(builder_, {place_.op, *row, opset, std::move(slots), place_.caller, place_.on_host}, limits_);
    return row->lower(inner);
}

void Context::expect_operators(std::int64_t count) const {
    if (count > static_cast<std::int64_t>(limits_.operators))
        unsupported("it would become ", count, " operators, the most are ", limits_.operators);
}

void Context::expect_table(std::int64_t elements) const {
    if (elements > limits_.table_elements) {
        unsupported("it needs a table of ", elements, " elements, the most are ", limits_.table_elements);
    }
}

namespace {

// More than this is left to the device: the references are plain loops.
constexpr double kMostWork = 1e9;

// The operators that lead to a value that depends on no input, in order.
std::vector<const graph::Op*> constant_cone(const graph::Graph& graph, ValueId id) {
    std::vector<bool> needed(graph.values.size(), false);
    needed[id] = true;
    std::vector<const graph::Op*> out;
    for (std::size_t i = graph.ops.size(); i-- > 0;) {
        const auto& op = graph.ops[i];
        if (std::none_of(op.outputs.begin(), op.outputs.end(), [&](ValueId made) { return needed[made]; })) continue;
        for (const auto read : op.inputs) {
            if (read != kNoValue) needed[read] = true;
        }
        out.push_back(&op);
    }
    std::reverse(out.begin(), out.end());
    return out;
}

// Operations and elements of a cone; nothing when they are more than `most` elements.
std::optional<double> work_of(const graph::Graph& graph, const std::vector<const graph::Op*>& cone, std::int64_t most) {
    double flops = 0;
    std::int64_t elements = 0;
    for (const auto* op : cone) {
        flops += op->card->flops(graph::signature(graph, *op));
        for (const auto made : op->outputs) {
            const std::int64_t count = graph.type(made).shape.count();
            if (count > most - elements) return std::nullopt;
            elements += count;
        }
    }
    return flops + static_cast<double>(elements);
}

}  // namespace

std::optional<Tensor> constant_value(Builder& builder, ValueId id, std::int64_t most) {
    if (builder.is_constant(id)) return builder.value_of(id);
    if (builder.depends_on_inputs(id)) return std::nullopt;
    const graph::Graph& graph = builder.graph();
    std::unordered_map<ValueId, Tensor> values;
    const auto cone = constant_cone(graph, id);
    const auto work = work_of(graph, cone, most);
    if (!work || *work > kMostWork || !builder.afford(*work + static_cast<double>(graph.ops.size())))
        return std::nullopt;
    for (const auto* op : cone) {
        std::vector<const Tensor*> inputs;
        for (const auto read : op->inputs) {
            if (read != kNoValue && graph.is_constant(read)) values.emplace(read, graph.constant(read));
            inputs.push_back(read == kNoValue ? nullptr : &values.at(read));
        }
        std::vector<Tensor> outputs;
        for (const auto made : op->outputs)
            outputs.emplace_back(graph.type(made));
        op->card->evaluate(graph::signature(graph, *op), inputs, outputs);
        for (std::size_t i = 0; i < outputs.size(); ++i)
            values.emplace(op->outputs[i], std::move(outputs[i]));
    }
    const auto found = values.find(id);
    return found == values.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace shoal::importer
