// shoal inspect: what a model file says, and what Shoal would make of it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/draw_graph.hpp"
#include "cli/messages.hpp"
#include "cli/model_flags.hpp"
#include "cli/output.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "graph/liveness.hpp"
#include "importer/lowering.hpp"
#include "importer/operators.hpp"
#include "optimize/optimize.hpp"
#include "runtime/backend.hpp"

namespace shoal::cli {
namespace {

using base::format_bytes;
using base::text;
using graph::Graph;
using importer::Model;
using Json = nlohmann::ordered_json;

constexpr const char* kDetails =
    "Shows a model's inputs, outputs, operators and parameters, what of it is not supported and why, and, once its "
    "sizes are bound, the work, kernels and memory of a run; of a model whose sizes depend on its data, up to there. "
    "Needs no device. Sizes that stand first in a shape, the batch, are 1 unless given.";
constexpr const char* kExamples =
    "shoal inspect resnet18.onnx\n"
    "shoal inspect bert.onnx --dim seq=128 --svg bert.svg\n"
    "shoal inspect model.onnx --json | jq .unsupported";

struct InspectFlags {
    ModelFlags model;
    std::string svg;
    bool json = false;
};

// A model with bound sizes: what it takes to run it once.
struct Bound {
    std::map<std::string, tensor::Type> inputs{};
    Graph graph{};  // optimised
    std::size_t lowered_ops = 0, kernels = 0;
    double flops = 0;
    runtime::MemoryUse memory{};
    std::map<std::string, int> core{};
    std::vector<std::string> waits_for{};  // values on which the rest of a run depends: this is its beginning then
};

struct Inspection {
    Model model;
    std::optional<Bound> bound{};
    std::string why_not{};  // where bound is absent
};

std::uint64_t bytes_of(const Graph& graph, const std::vector<graph::Port>& ports) {
    std::uint64_t out = 0;
    for (const auto& port : ports)
        out += graph.type(port.value).size_bytes();
    return out;
}

Bound bind(const Model& model, const importer::Bindings& bindings) {
    Bound out;
    out.inputs = importer::input_types(model, bindings);
    auto segment = importer::Lowering(model, bindings).advance();
    // Ports carry names for the machine; the values are named as in the file. What is wanted may also be an input.
    const auto& ports = segment.graph.outputs;
    for (const auto& name : segment.wanted) {
        const auto port = std::find_if(ports.begin(), ports.end(), [&](const auto& own) { return own.name == name; });
        out.waits_for.push_back(port == ports.end() ? name : segment.graph.value(port->value).name);
    }
    const Graph lowered = std::move(segment.graph);
    out.lowered_ops = lowered.ops.size();
    out.graph = optimize::optimize(lowered);
    for (const auto& op : out.graph.ops) {
        out.flops += graph::cost(out.graph, op).flops;
        ++out.core[std::string(op.card->name)];
    }
    out.kernels = graph::groups(out.graph).size();
    out.memory.weights = graph::constant_bytes(out.graph);
    out.memory.activations = graph::peak_live_bytes(out.graph);
    out.memory.results = bytes_of(out.graph, out.graph.inputs) + bytes_of(out.graph, out.graph.outputs);
    return out;
}

Inspection inspect_model(const InspectFlags& flags) {
    Inspection out{load_model(flags.model.path)};
    const auto bindings = bindings_of(out.model, flags.model);  // wrong names are an error whatever the model is
    if (!out.model.unsupported().empty()) {
        out.why_not = "some operators are not supported";
        return out;
    }
    const Progress progress("lowering");
    try {
        out.bound = bind(out.model, bindings);
    } catch (const base::Error& error) {
        out.why_not = error.what();
    }
    return out;
}

std::string domain_text(const std::string& domain) {
    return domain.empty() ? "ai.onnx" : domain;
}

std::string opsets_text(const Model& model) {
    std::vector<std::string> out;
    for (const auto& [domain, version] : model.opsets())
        out.push_back(text(domain_text(domain), " ", version));
    return joined(out);
}

// Old exporters list every weight among the inputs: beyond a few, those that may be left out are only counted.
std::string ports_text(const std::vector<importer::ValueInfo>& ports) {
    constexpr std::ptrdiff_t kMostNamed = 8;
    const auto defaults = std::count_if(ports.begin(), ports.end(), [](const auto& port) { return port.has_default; });
    std::string out;
    for (const auto& port : ports) {
        if (port.has_default && defaults > kMostNamed) continue;
        out += text(port.name, ' ', to_string(port), port.has_default ? " (may be left out)" : "", '\n');
    }
    if (defaults > kMostNamed) out += text("and ", defaults, " that the file has values for\n");
    return out.empty() ? "none" : out.substr(0, out.size() - 1);
}

std::string producer_text(const Model& model) {
    return model.producer().empty() ? "a producer that does not say its name" : model.producer();
}

void print_operators(const Model& model) {
    Table table({{"operator", Column::Fit::name},
                 {"domain", Column::Fit::name},
                 {"opset", Column::Fit::number},
                 {"count", Column::Fit::number},
                 {"nested", Column::Fit::number},
                 {""}});
    for (const auto& entry : model.operators()) {
        const bool known = importer::is_supported(entry.domain, entry.name, entry.opset);
        table.add({entry.name, domain_text(entry.domain), entry.opset > 0 ? std::to_string(entry.opset) : "-",
                   std::to_string(entry.count), entry.nested > 0 ? std::to_string(entry.nested) : "",
                   known ? "" : "not supported"});
        if (known) continue;
        const auto why = importer::reason_of_refusal(entry.domain, entry.name);
        table.add_note(text("  ", why.empty() ? "Shoal does not know it" : why));
    }
    print(table.empty() ? "\nNo operators.\n" : "\n" + table.text());
}

void print_bound(const Bound& bound) {
    std::vector<std::string> inputs, core;
    for (const auto& [name, type] : bound.inputs)
        inputs.push_back(text(name, ' ', type));
    for (const auto& [name, count] : bound.core)
        core.push_back(text(name, ' ', count));
    Facts facts(10, 2);
    const bool whole = bound.waits_for.empty();
    facts.add("work", text(whole ? "" : "at least ", number(bound.flops / 1e9, 4), " GFLOP"));
    facts.add("core",
              text(counted(static_cast<long long>(bound.graph.ops.size()), "operator"), " of the core language (",
                   bound.lowered_ops, " before optimising)", core.empty() ? "" : ": " + joined(core)));
    facts.add("kernels", std::to_string(bound.kernels));
    facts.add("memory", text("weights ", format_bytes(bound.memory.weights), ", activations at the peak ",
                             format_bytes(bound.memory.activations), ", inputs and outputs ",
                             format_bytes(bound.memory.results)));
    if (!whole)
        facts.add("then", "what follows depends on the data, on " + joined(bound.waits_for) +
                              ": it is made while the model runs, and not counted here");
    print("\n" + wrapped(printable("A run with " + (inputs.empty() ? "no inputs" : joined(inputs))), 0) + facts.text());
}

void print_inspection(const Inspection& seen, const std::string& path) {
    const Model& model = seen.model;
    Facts facts(10);
    facts.add("model", text(path, model.name().empty() ? "" : " '" + model.name() + "'"));
    facts.add("made by", text(producer_text(model), ", ONNX IR version ", model.ir_version()));
    facts.add("opsets", opsets_text(model));
    std::string body = facts.text();
    Facts ends(10);
    print(body);
    // Names may hold anything but must not wrap into each other: a line each.
    for (const auto& [title, ports] : {std::pair{"inputs", &model.inputs()}, {"outputs", &model.outputs()}}) {
        std::string_view head = title;
        for (const auto& line : split(ports_text(*ports), "\n")) {
            Facts one(10);
            one.add(head, line);
            print(one.text());
            head = "";
        }
    }
    const auto symbols = symbol_names(model);
    if (!symbols.empty())
        ends.add("sizes", joined(symbols) + ": bound by the inputs, or by --dim " + symbols[0] + "=...");
    ends.add("parameters", text(model.parameter_count(), " in ", format_bytes(model.parameter_bytes())));
    print(ends.text());
    print_operators(model);
    if (seen.bound)
        print_bound(*seen.bound);
    else
        print("\n" + wrapped("Work and memory are not known: " + printable(seen.why_not, true), 0));
}

Json ports_json(const std::vector<importer::ValueInfo>& ports) {
    Json out = Json::array();
    for (const auto& port : ports) {
        Json dims;
        if (port.dims) {
            dims = Json::array();
            for (const auto& dim : *port.dims)
                dims.push_back(dim.known() ? Json(dim.size) : dim.symbol.empty() ? Json() : Json(dim.symbol));
        }
        out.push_back({{"name", port.name},
                       {"kind", port.kind},
                       {"element", port.element ? Json(tensor::name(*port.element)) : Json()},
                       {"shape", dims},
                       {"may_be_left_out", port.has_default}});
    }
    return out;
}

Json operators_json(const std::vector<importer::OperatorCount>& operators, bool reasons) {
    Json out = Json::array();
    for (const auto& entry : operators) {
        Json row{{"name", entry.name},
                 {"domain", domain_text(entry.domain)},
                 {"opset", entry.opset},
                 {"count", entry.count},
                 {"nested", entry.nested}};
        if (reasons) row["reason"] = importer::reason_of_refusal(entry.domain, entry.name);
        out.push_back(std::move(row));
    }
    return out;
}

Json inspection_json(const Inspection& seen, const std::string& path) {
    const Model& model = seen.model;
    Json opsets = Json::object();
    for (const auto& [domain, version] : model.opsets())
        opsets[domain_text(domain)] = version;
    Json out{{"model", path},
             {"name", model.name()},
             {"producer", model.producer()},
             {"ir_version", model.ir_version()},
             {"opsets", opsets},
             {"inputs", ports_json(model.inputs())},
             {"outputs", ports_json(model.outputs())},
             {"symbols", symbol_names(model)},
             {"parameters", model.parameter_count()},
             {"parameter_bytes", model.parameter_bytes()},
             {"operators", operators_json(model.operators(), false)},
             {"unsupported", operators_json(model.unsupported(), true)},
             {"bound", Json()}};
    if (!seen.bound) {
        out["not_bound_because"] = seen.why_not;
        return out;
    }
    Json inputs = Json::object();
    for (const auto& [name, type] : seen.bound->inputs)
        inputs[name] = {{"element", tensor::name(type.element)}, {"shape", type.shape.extents()}};
    out["bound"] = {{"inputs", inputs},
                    {"flops", seen.bound->flops},
                    {"core_operators", seen.bound->graph.ops.size()},
                    {"core_operators_before_optimising", seen.bound->lowered_ops},
                    {"core_operators_by_kind", seen.bound->core},
                    {"kernels", seen.bound->kernels},
                    {"weight_bytes", seen.bound->memory.weights},
                    {"peak_activation_bytes", seen.bound->memory.activations},
                    {"input_output_bytes", seen.bound->memory.results},
                    {"rest_depends_on", seen.bound->waits_for}};
    return out;
}

Exit inspect(const InspectFlags& flags) {
    const Inspection seen = inspect_model(flags);
    if (flags.json)
        print_json(inspection_json(seen, flags.model.path));
    else
        print_inspection(seen, flags.model.path);
    if (flags.svg.empty()) return Exit::ok;
    if (!seen.bound) base::fail(base::Code::unsupported, "--svg: the model cannot be drawn: ", seen.why_not);
    write_drawing(seen.bound->graph, flags.svg);
    return Exit::ok;
}

}  // namespace

void add_inspect_command(Frame& frame) {
    const auto flags = std::make_shared<InspectFlags>();
    auto& command = frame.add({"inspect", "Show what a model is made of", kDetails, kExamples},
                              [flags] { return inspect(*flags); });
    add_model_argument(command, flags->model);
    command.add_flag("--json", flags->json, "Print everything as JSON")->group("Report");
    command.add_option("--svg", flags->svg, "Draw the kernels and what flows between them into a file")
        ->option_text("FILE")
        ->group("Report");
    add_size_flags(command, flags->model);
}

}  // namespace shoal::cli
