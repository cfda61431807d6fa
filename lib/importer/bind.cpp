#include "importer/bind.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace shoal::importer {
namespace {

using base::Code;
using base::fail;

bool agrees(const ValueInfo& declared, const Type& given) {
    if (declared.element && *declared.element != given.element) return false;
    if (!declared.dims) return true;
    if (static_cast<int>(declared.dims->size()) != given.shape.rank()) return false;
    for (int axis = 0; axis < given.shape.rank(); ++axis) {
        const Dim& dim = (*declared.dims)[static_cast<std::size_t>(axis)];
        if (dim.known() && dim.size != given.shape[axis]) return false;
    }
    return true;
}

void expect_agreement(const ValueInfo& declared, const Type& given) {
    if (!agrees(declared, given))
        fail(Code::invalid_argument, "input '", declared.name, "' is declared ", to_string(declared), ", given ",
             given);
}

// Sizes of symbols: those that are given, and those that follow from given inputs.
std::map<std::string, std::int64_t> known_symbols(const SourceBody& body, const Bindings& bindings) {
    auto out = bindings.symbols;
    for (const auto& input : body.inputs) {
        const auto given = bindings.inputs.find(input.name);
        if (given == bindings.inputs.end() || !input.dims) continue;
        const auto* type = std::get_if<Type>(&given->second);
        const Shape& shape = type != nullptr ? type->shape : std::get<Tensor>(given->second).shape();
        for (int axis = 0; axis < std::min<int>(shape.rank(), static_cast<int>(input.dims->size())); ++axis) {
            const auto& symbol = (*input.dims)[static_cast<std::size_t>(axis)].symbol;
            if (!symbol.empty()) out.emplace(symbol, shape[axis]);
        }
    }
    return out;
}

Type declared_type(const ValueInfo& input, const std::map<std::string, std::int64_t>& symbols) {
    const auto hint = [&] { return base::text("; give its shape, e.g. --shape ", input.name, "=1x3x224x224"); };
    if (!input.element) {
        fail(input.kind == "tensor" ? Code::invalid_argument : Code::unsupported, "input '", input.name, "' is ",
             input.kind == "tensor" ? "of no declared type" : "a " + input.kind, ", which cannot be bound");
    }
    if (!input.dims) fail(Code::invalid_argument, "input '", input.name, "' declares no shape", hint());
    std::vector<std::int64_t> extents;
    for (std::size_t axis = 0; axis < input.dims->size(); ++axis) {
        const Dim& dim = (*input.dims)[axis];
        const auto bound = dim.symbol.empty() ? symbols.end() : symbols.find(dim.symbol);
        if (dim.known()) {
            extents.push_back(dim.size);
        } else if (bound != symbols.end()) {
            extents.push_back(bound->second);
        } else if (axis == 0) {
            extents.push_back(1);  // the batch
        } else if (dim.symbol.empty()) {
            fail(Code::invalid_argument, "input '", input.name, "' ", to_string(input), ": axis ", axis, " is unknown",
                 hint());
        } else {
            fail(Code::invalid_argument, "input '", input.name, "' ", to_string(input), ": size '", dim.symbol,
                 "' is not bound; give it, e.g. --dim ", dim.symbol, "=16");
        }
    }
    return {*input.element, Shape(std::move(extents))};
}

template <class Map>
void expect_known_names(const Map& given, const std::vector<std::string>& known, const char* what) {
    for (const auto& [name, value] : given) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        std::string list;
        for (const auto& other : known)
            list += (list.empty() ? "" : ", ") + other;
        fail(Code::invalid_argument, "the model has no ", what, " '", name,
             "'; it has: ", list.empty() ? "none" : list);
    }
}

void expect_known(const SourceBody& body, const Bindings& bindings) {
    std::vector<std::string> inputs, symbols;
    for (const auto& input : body.inputs) {
        inputs.push_back(input.name);
        for (const Dim& dim : input.dims.value_or(std::vector<Dim>()))
            if (!dim.symbol.empty()) symbols.push_back(dim.symbol);
    }
    expect_known_names(bindings.inputs, inputs, "input");
    expect_known_names(bindings.symbols, symbols, "symbolic size");
    for (const auto& [symbol, size] : bindings.symbols)
        if (size < 0) fail(Code::invalid_argument, "symbolic size '", symbol, "' cannot be ", size);
}

}  // namespace

std::vector<BoundInput> bind_inputs(const SourceBody& body, const Bindings& bindings) {
    expect_known(body, bindings);
    const auto symbols = known_symbols(body, bindings);
    std::vector<BoundInput> out;
    for (const auto& input : body.inputs) {
        const auto given = bindings.inputs.find(input.name);
        if (given == bindings.inputs.end()) {
            if (input.has_default)
                out.emplace_back();
            else
                out.emplace_back(declared_type(input, symbols));
        } else if (const auto* type = std::get_if<Type>(&given->second)) {
            expect_agreement(input, *type);
            out.emplace_back(*type);
        } else {
            expect_agreement(input, std::get<Tensor>(given->second).type());
            out.emplace_back(std::get<Tensor>(given->second));
        }
    }
    return out;
}

std::map<std::string, Type> input_types(const Model& model, const Bindings& bindings) {
    const auto bound = bind_inputs(model.source()->body, bindings);
    std::map<std::string, Type> out;
    for (std::size_t i = 0; i < bound.size(); ++i) {
        if (const auto* type = std::get_if<Type>(&bound[i])) out.emplace(model.inputs()[i].name, *type);
    }
    return out;
}

}  // namespace shoal::importer
