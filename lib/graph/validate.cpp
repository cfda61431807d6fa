#include <string>
#include <vector>

#include "graph/graph.hpp"

namespace shoal::graph {

using base::Code;
using base::fail;

namespace {

bool has_kind(const AttrValue& value, char kind) {
    switch (kind) {
        case 'i': return std::holds_alternative<std::int64_t>(value);
        case 'f': return std::holds_alternative<double>(value);
        case 's': return std::holds_alternative<std::string>(value);
        case 'I': return std::holds_alternative<Ints>(value);
        case 'F': return std::holds_alternative<std::vector<double>>(value);
        default: return false;
    }
}

void check_attributes(const Op& op) {
    for (const auto& [name, value] : op.attrs.all()) {
        bool known = false;
        for (const auto& [wanted, kind] : op.card->attributes) {
            known = known || (wanted == name && has_kind(value, kind[0]));
        }
        if (!known)
            fail(Code::invalid_model, "operator '", op.name, "': ", op.card->name, " has no attribute '", name,
                 "' of that kind");
    }
    for (const auto& [wanted, kind] : op.card->attributes) {
        if (kind.back() != '?' && !op.attrs.has(wanted)) {
            fail(Code::invalid_model, "operator '", op.name, "': ", op.card->name, " lacks its attribute '", wanted,
                 "'");
        }
    }
}

void check_arity(const Op& op) {
    const auto count = static_cast<int>(op.inputs.size());
    if (count < op.card->min_inputs || (op.card->max_inputs >= 0 && count > op.card->max_inputs)) {
        fail(Code::invalid_model, "operator '", op.name, "': ", op.card->name, " takes ", op.card->min_inputs, " to ",
             op.card->max_inputs, " inputs, got ", count);
    }
    for (int i = 0; i < op.card->min_inputs; ++i) {
        if (op.inputs[static_cast<std::size_t>(i)] == kNoValue) {
            fail(Code::invalid_model, "operator '", op.name, "': input ", i, " of ", op.card->name, " is missing");
        }
    }
}

class Validator {
public:
    explicit Validator(const Graph& graph) : graph_(graph), defined_(graph.values.size(), false) {}

    void run() {
        for (std::size_t id = 0; id < graph_.values.size(); ++id)
            defined_[id] = graph_.values[id].constant.has_value();
        for (const auto& port : graph_.inputs)
            define(port.value, base::text("input '", port.name, "'"));
        for (std::size_t i = 0; i < graph_.ops.size(); ++i) {
            if (i > 0 && graph_.ops[i].group < graph_.ops[i - 1].group) {
                fail(Code::invalid_model, "operator '", graph_.ops[i].name, "': kernel group ", graph_.ops[i].group,
                     " after ", graph_.ops[i - 1].group);
            }
            check(graph_.ops[i]);
        }
        for (const auto& port : graph_.outputs)
            expect_defined(port.value, base::text("output '", port.name, "'"));
    }

private:
    void check(const Op& op) {
        if (op.card == nullptr) fail(Code::invalid_model, "operator '", op.name, "' has no card");
        check_arity(op);
        check_attributes(op);
        for (const auto id : op.inputs) {
            if (id != kNoValue) expect_defined(id, base::text("operator '", op.name, "'"));
        }
        for (const auto id : op.outputs) {
            if (id >= graph_.values.size())
                fail(Code::invalid_model, "operator '", op.name, "' defines value ", id, " of ", graph_.values.size());
        }
        check_types(op);
        for (const auto id : op.outputs)
            define(id, base::text("operator '", op.name, "'"));
    }

    void check_types(const Op& op) {
        Signature given = signature(graph_, op);
        given.outputs.clear();
        const auto inferred = op.card->infer(given);
        if (inferred.size() != op.outputs.size()) {
            fail(Code::invalid_model, "operator '", op.name, "': ", op.card->name, " has ", inferred.size(),
                 " outputs, got ", op.outputs.size());
        }
        for (std::size_t i = 0; i < inferred.size(); ++i) {
            const Type& declared = graph_.type(op.outputs[i]);
            if (inferred[i] != declared) {
                fail(Code::invalid_model, "operator '", op.name, "': output ", i, " of ", op.card->name, " is ",
                     inferred[i], ", declared as ", declared);
            }
        }
    }

    void expect_defined(ValueId id, const std::string& who) const {
        if (id >= defined_.size()) fail(Code::invalid_model, who, " reads value ", id, " of ", defined_.size());
        if (!defined_[id]) fail(Code::invalid_model, who, " reads value ", id, " before it is made");
    }

    void define(ValueId id, const std::string& who) {
        if (id >= defined_.size()) fail(Code::invalid_model, who, " defines value ", id, " of ", defined_.size());
        if (defined_[id]) fail(Code::invalid_model, who, " makes value ", id, ", which is made already");
        defined_[id] = true;
    }

    const Graph& graph_;
    std::vector<bool> defined_;
};

}  // namespace

void validate(const Graph& graph) {
    Validator(graph).run();
}

}  // namespace shoal::graph
