// shoal run: a model, once or several times, on one device of this machine.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/explain.hpp"
#include "cli/input_values.hpp"
#include "cli/messages.hpp"
#include "cli/model_flags.hpp"
#include "cli/output.hpp"
#include "cli/output_files.hpp"
#include "cli/summary.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "cli/timing.hpp"

namespace shoal::cli {
namespace {

using base::format_ms;
using base::text;
using Json = nlohmann::ordered_json;

constexpr const char* kDetails =
    "Runs a model on one device of this machine, without a hub and without sockets. With --output every output becomes "
    "a .npy file; without it a summary is printed.\n\n"
    "A PNG or JPEG input is fitted to the model's input: channels and layout come from the model's shape, the size by "
    "--fit, the values by --range, --mean and --std. What was done is printed.";
constexpr const char* kExamples =
    "shoal run resnet18.onnx --input photo.jpg --resize 256 \\\n"
    "    --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --labels imagenet.txt\n"
    "shoal run model.onnx -i ids=ids.npy -i mask=mask.npy --output results/\n"
    "shoal run model.onnx -i x.npy --device gpu --repeat 20 --explain";

struct RunFlags {
    ModelFlags model;
    DeviceFlags device;
    InputFlags input;
    std::string output, labels;
    int repeat = 1;
    bool explain = false, json = false;
};

struct Report {
    std::vector<InputValue> inputs{};
    Times times{};
    runtime::MemoryUse memory{};
    session::Outputs outputs{};
    std::vector<OutputFolder::Written> files{};  // as many as outputs, or none
    std::vector<std::string> labels{};
    std::vector<ExplainedKernel> kernels{};
    device::Rates rates{};
};

std::vector<std::string> output_names(const importer::Model& model) {
    std::vector<std::string> out;
    for (const auto& output : model.outputs())
        out.push_back(output.name);
    return out;
}

void print_inputs(const Report& report) {
    for (const auto& input : report.inputs) {
        print(wrapped(printable(text("input ", input.name, ' ', input.tensor.type(), " from ", input.file)), 0));
        if (!input.notes.empty()) print(wrapped(printable(joined(input.notes, "; ")), 2));
    }
}

void print_outputs(const Report& report) {
    for (std::size_t i = 0; i < report.outputs.size(); ++i) {
        const auto& [name, tensor] = report.outputs[i];
        if (report.files.empty()) {
            print(text("output ", summary_text(name, tensor, report.labels)));
            continue;
        }
        const auto& [file, note] = report.files[i];
        print(wrapped(printable(text("output ", name, ' ', tensor.type(), " -> ", file.string(),
                                     note.empty() ? "" : " (" + note + ")")),
                      0));
    }
}

std::string times_text(const Times& times) {
    std::string out = text("loaded in ", format_ms(times.load_ms), ", compiled in ", format_ms(times.compile_ms),
                           ", ran in ", format_ms(times.first_ms()));
    if (times.run_ms.size() > 1) {
        out += text(", then ", times.run_ms.size() - 1, " times: median ", format_ms(times.percentile_ms(50)),
                    ", least ", format_ms(times.percentile_ms(0)));
    }
    return out;
}

void print_report(const Report& report, const ChosenDevice& device) {
    print_inputs(report);
    print_outputs(report);
    Facts facts(6);
    facts.add("device", device.text());
    facts.add("time", times_text(report.times));
    facts.add("memory", memory_text(report.memory) + "; planned before the run, and used");
    print(facts.text());
    if (!report.kernels.empty()) print("\n" + explain_text(report.kernels, report.rates));
}

Json report_json(const Report& report, const ChosenDevice& device, const std::string& path) {
    Json out{{"model", path}, {"device", device_json(device)}};
    for (const auto& input : report.inputs) {
        out["inputs"].push_back({{"name", input.name},
                                 {"file", input.file},
                                 {"element", tensor::name(input.tensor.element())},
                                 {"shape", input.tensor.shape().extents()},
                                 {"notes", input.notes}});
    }
    for (std::size_t i = 0; i < report.outputs.size(); ++i) {
        Json output = summary_json(report.outputs[i].first, report.outputs[i].second, report.labels);
        if (!report.files.empty()) output["file"] = report.files[i].file.string();
        out["outputs"].push_back(std::move(output));
    }
    out["load_ms"] = report.times.load_ms;
    out["compile_ms"] = report.times.compile_ms;
    out["run_ms"] = report.times.run_ms;
    out["memory"] = memory_json(report.memory);
    if (!report.kernels.empty()) out["kernels"] = explain_json(report.kernels, report.rates);
    return out;
}

void warn_of_labels(const Report& report) {
    for (const auto& [name, tensor] : report.outputs) {
        const auto count = static_cast<std::int64_t>(report.labels.size());
        if (count > 0 && !best_classes(tensor, 1).empty() && tensor.count() != count)
            say_warning(text("--labels has ", count, " lines, output '", name, "' has ", tensor.count(), " classes"));
    }
}

Exit run(const RunFlags& flags) {
    Report report;
    if (!flags.labels.empty()) report.labels = read_labels(flags.labels);
    std::optional<importer::Model> model;
    report.times.load_ms = timed_ms([&] { model = load_model(flags.model.path); });
    model->check_supported();
    std::optional<OutputFolder> folder;
    if (!flags.output.empty()) folder.emplace(flags.output, output_names(*model));
    report.inputs = read_inputs(*model, flags.input, bindings_of(*model, flags.model));

    const ChosenDevice device = open_device(flags.device);
    session::Session session(*model, device.backend);
    session::Inputs values;
    std::map<std::string, tensor::Type> types;
    for (const auto& input : report.inputs) {
        values.emplace(input.name, input.tensor);
        types.emplace(input.name, input.tensor.type());
    }
    {
        const Progress progress("compiling for " + device.info().name);
        report.times.compile_ms = timed_ms([&] { session.prepare(types); });
    }
    report.outputs = timed_runs(session, values, flags.repeat, report.times);
    report.memory = session.memory();
    if (folder) report.files = folder->write(report.outputs);
    if (flags.explain) {
        const Progress progress("measuring kernels");
        report.rates = device.rates();
        report.kernels = explain(session.last_run(), std::max(flags.repeat, 3));
    }
    warn_of_labels(report);
    if (flags.json)
        print_json(report_json(report, device, flags.model.path));
    else
        print_report(report, device);
    return Exit::ok;
}

}  // namespace

void add_run_command(Frame& frame) {
    const auto flags = std::make_shared<RunFlags>();
    auto& command =
        frame.add({"run", "Run a model on this machine", kDetails, kExamples}, [flags] { return run(*flags); });
    add_model_argument(command, flags->model);
    add_input_flags(command, flags->input);
    command
        .add_option("-o,--output", flags->output, "Write each output to DIR/NAME.npy; the folder is made if need be")
        ->option_text("DIR")
        ->group("Input and output");
    command.add_option("--labels", flags->labels, "Names of classes, one a line, for the summary")
        ->option_text("FILE")
        ->group("Input and output");
    command.add_flag("--json", flags->json, "Print the report as JSON")->group("Input and output");
    add_size_flags(command, flags->model);
    add_device_flags(command, flags->device);
    command.add_option("-n,--repeat", flags->repeat, "Run N times; the outputs are those of the last")
        ->option_text("N")
        ->check(CLI::Range(1, 1'000'000))
        ->group("Measuring");
    command.add_flag("--explain", flags->explain, "Show the kernels that ran, what each fused and what it took")
        ->group("Measuring");
}

}  // namespace shoal::cli
