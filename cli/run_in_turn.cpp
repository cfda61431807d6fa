#include "cli/run_in_turn.hpp"

#include <algorithm>

#include "cli/run_on_hub.hpp"
#include "hub/aggregator.hpp"

namespace shoal::cli {
namespace {

// What the first run gets for state that no file gives a value for, where --shape says its type.
session::Inputs first_state(const importer::Bindings& bindings, const SessionFlags& flags,
                            const std::vector<InputValue>& inputs) {
    session::Inputs out;
    for (const auto& name : state_inputs(flags)) {
        const auto given =
            std::find_if(inputs.begin(), inputs.end(), [&](const InputValue& input) { return input.name == name; });
        const auto bound = bindings.inputs.find(name);
        if (given != inputs.end()) {
            out.emplace(name, given->tensor);
        } else if (bound != bindings.inputs.end()) {
            if (const auto* type = std::get_if<tensor::Type>(&bound->second)) out.emplace(name, tensor::Tensor(*type));
        }
    }
    return out;
}

// One number a run is a row of one.
tensor::Tensor rows_together(const std::string& output, std::vector<tensor::Tensor> parts) {
    for (auto& part : parts) {
        if (part.shape().rank() == 0) part = part.reshaped(tensor::Shape{1});
    }
    try {
        return hub::concatenate(parts);
    } catch (const base::Error& error) {
        base::fail(error.code(), "--each: output '", output, "': ", error.what());
    }
}

}  // namespace

std::vector<session::Inputs> runs_of(const std::vector<InputValue>& given, const importer::Bindings& bindings,
                                     const SessionFlags& flags, const Turns& turns) {
    const auto state = state_inputs(flags);
    std::vector<std::string> names;
    std::vector<tensor::Tensor> inputs;
    std::vector<bool> whole;
    for (const auto& input : given) {
        if (std::find(state.begin(), state.end(), input.name) != state.end()) continue;
        names.push_back(input.name);
        inputs.push_back(input.tensor);
        whole.push_back(input.whole);
    }
    std::vector<session::Inputs> out;
    for (const auto& row : turns.each ? rows_of(inputs, whole) : std::vector<std::vector<tensor::Tensor>>{inputs}) {
        out.emplace_back();
        for (std::size_t i = 0; i < names.size(); ++i)
            out.back().emplace(names[i], row[i]);
    }
    if (!turns.each) out.resize(static_cast<std::size_t>(state.empty() ? 1 : turns.repeat), out.front());
    for (auto& [name, tensor] : first_state(bindings, flags, given))
        out.front().emplace(name, tensor);
    return out;
}

session::Outputs run_in_turn(session::Session& session, const std::vector<session::Inputs>& runs, const Turns& turns,
                             Times& times) {
    if (runs.size() == 1) return timed_runs(session, runs[0], turns.repeat, times);
    session::Outputs out;
    std::vector<std::vector<tensor::Tensor>> parts;
    for (const auto& values : runs) {
        out = timed_runs(session, values, 1, times);
        parts.resize(out.size());
        for (std::size_t i = 0; i < out.size(); ++i)
            parts[i].push_back(out[i].second);
    }
    for (std::size_t i = 0; turns.each && i < out.size(); ++i)
        out[i].second = rows_together(out[i].first, parts[i]);
    return out;
}

}  // namespace shoal::cli
