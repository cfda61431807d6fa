#include "session/carried_state.hpp"

#include <algorithm>

namespace shoal::session {

using base::Code;
using base::fail;
using importer::ValueInfo;
using runtime::BufferPtr;

namespace {

const ValueInfo* find_in(const std::vector<ValueInfo>& list, std::string_view wanted) {
    for (const auto& info : list) {
        if (info.name == wanted) return &info;
    }
    return nullptr;
}

// What the first run starts from where it is given nothing: zeros, with an open batch of 1.
tensor::Type declared_type(const ValueInfo& info) {
    std::vector<std::int64_t> extents;
    bool known = info.element && info.dims;
    for (std::size_t k = 0; known && k < info.dims->size(); ++k) {
        const auto& dim = (*info.dims)[k];
        known = dim.known() || k == 0;
        extents.push_back(dim.known() ? dim.size : 1);
    }
    if (!known) {
        fail(Code::invalid_argument, "state '", info.name, "' is declared as ", to_string(info),
             "; give it a value in the first run");
    }
    return {*info.element, tensor::Shape(std::move(extents))};
}

}  // namespace

CarriedState::CarriedState(const importer::Model& model, std::vector<StateLink> links)
    : inputs_(model.inputs()), links_(std::move(links)) {
    for (const auto& link : links_) {
        if (find_in(model.outputs(), link.output) == nullptr)
            fail(Code::invalid_argument, "state: the model has no output '", link.output, "'");
        const auto *output = find_in(model.outputs(), link.output), *input = find_in(inputs_, link.input);
        if (input == nullptr) fail(Code::invalid_argument, "state: the model has no input '", link.input, "'");
        const auto sources =
            std::count_if(links_.begin(), links_.end(), [&](const auto& other) { return other.input == link.input; });
        if (sources > 1)
            fail(Code::invalid_argument, "state: input '", link.input, "' is to come from ", sources, " outputs");
        if (output->element && input->element && *output->element != *input->element)
            fail(Code::invalid_argument, "state: output '", link.output, "' is ", to_string(*output),
                 ", the next run's '", link.input, "' must be ", to_string(*input));
    }
}

bool CarriedState::is_output(std::string_view name) const noexcept {
    return std::any_of(links_.begin(), links_.end(), [&](const auto& link) { return link.output == name; });
}

bool CarriedState::is_input(std::string_view name) const noexcept {
    return std::any_of(links_.begin(), links_.end(), [&](const auto& link) { return link.input == name; });
}

void CarriedState::add_types(Types& types) const {
    for (const auto& link : links_) {
        if (types.count(link.input) != 0) continue;
        const auto* info = find_in(inputs_, link.input);
        if (const auto buffer = find(link.input))
            types.emplace(link.input, buffer->type());
        else if (!info->has_default)
            types.emplace(link.input, declared_type(*info));
    }
}

void CarriedState::add_values(const Types& types, Buffers& values, runtime::Backend& backend,
                              const runtime::RunOptions& options) const {
    for (const auto& link : links_) {
        const auto type = types.find(link.input);
        if (type == types.end() || values.count(link.input) != 0) continue;
        const auto buffer = find(link.input);
        values.emplace(link.input, buffer ? buffer : backend.upload(tensor::Tensor(type->second), options));
    }
}

// A result that the next run could not take is the first run's failure.
void CarriedState::expect_fits(const StateLink& link, const tensor::Type& made) const {
    const auto* input = find_in(inputs_, link.input);
    bool fits = !input->element || *input->element == made.element;
    if (input->dims) {
        fits = fits && static_cast<int>(input->dims->size()) == made.shape.rank();
        for (std::size_t k = 0; fits && k < input->dims->size(); ++k) {
            const auto& dim = (*input->dims)[k];
            fits = !dim.known() || dim.size == made.shape[static_cast<int>(k)];
        }
    }
    if (!fits)
        fail(Code::invalid_argument, "state: output '", link.output, "' is ", made, ", the next run's '", link.input,
             "' must be ", to_string(*input));
}

void CarriedState::keep(const std::vector<std::string>& outputs, const std::vector<BufferPtr>& results) {
    std::map<std::string, BufferPtr> next;  // all of one run, or none
    for (const auto& link : links_) {
        const auto at = std::find(outputs.begin(), outputs.end(), link.output);
        base::ensure(at != outputs.end(), "state '", link.output, "' is no result");
        const auto& result = results[static_cast<std::size_t>(at - outputs.begin())];
        expect_fits(link, result->type());
        next[link.input] = result;
    }
    carried_.swap(next);
}

BufferPtr CarriedState::find(std::string_view input) const {
    const auto at = carried_.find(std::string(input));
    return at == carried_.end() ? nullptr : at->second;
}

}  // namespace shoal::session
