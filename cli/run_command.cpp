// shoal run: a model, once or several times, on one device of this machine or through a hub; several are an ensemble.
#include <CLI/CLI.hpp>
#include <functional>
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
#include "cli/plan_text.hpp"
#include "cli/run_in_turn.hpp"
#include "cli/run_on_hub.hpp"
#include "cli/session_flags.hpp"
#include "cli/summary.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "cli/timing.hpp"
#include "hub/aggregator.hpp"

namespace shoal::cli {
namespace {

using base::format_ms;
using base::text;
using Json = nlohmann::ordered_json;

constexpr const char* kDetails =
    "Runs a model on one device of this machine, without a hub and without sockets; with --hub it runs on the boards "
    "of a cluster. With --output every output becomes a .npy file; without it a summary is printed.\n\n"
    "Several models are an ensemble: all of them see the same inputs, and --merge makes one answer of theirs. On a "
    "cluster each runs where the plan puts it, on different boards where that is better.\n\n"
    "A PNG or JPEG input is fitted to the model's input: channels and layout come from the model's shape, the size by "
    "--fit, the values by --range, --mean and --std. What was done is printed.";
constexpr const char* kExamples =
    "shoal run resnet18.onnx --input photo.jpg --resize 256 \\\n"
    "    --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --labels imagenet.txt\n"
    "shoal run model.onnx -i ids=ids.npy -i mask=mask.npy --output results/\n"
    "shoal run model.onnx -i x.npy --device gpu --repeat 20 --explain\n"
    "shoal run vad.onnx -i input=frames.npy --each --state stateN=state\n"
    "shoal run a.onnx b.onnx -i x.npy --merge mean --weights 0.7,0.3\n"
    "shoal run model.onnx -i photos.npy --each --hub 192.168.1.10 \\\n"
    "    --key me --hub-key hub.pub";

struct RunFlags {
    EnsembleFlags ensemble;
    ModelFlags sizes;
    HubRunFlags hub;
    DeviceFlags device;
    InputFlags input;
    SessionFlags session;
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
    std::optional<HubRun> hub{};  // where a hub ran it
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
        if (!report.labels.empty()) print(text("output ", summary_text(name, tensor, report.labels)));
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

std::string boards_text(const HubRun& run) {
    std::vector<std::string> out;
    for (const auto& work : plan::leaves(run.plan.root))
        out.push_back(work.board < run.boards.size() ? run.boards[work.board] : "?");
    return joined(out);
}

void print_hub_run(const HubRun& run) {
    Facts facts(6);
    facts.add("hub", text(run.hub, ", stages on ", boards_text(run)));
    std::string times = text("model ready in ", format_ms(run.open_ms), ", ");
    if (run.answers.size() == 1) {
        times += "answered in " + format_ms(run.request_ms[0]);
    } else {
        times += text(run.answers.size(), " requests in ", format_ms(run.seconds * 1e3), ", ",
                      number(static_cast<double>(run.answers.size()) / run.seconds), " a second; each median ",
                      format_ms(percentile(run.request_ms, 50)), ", p99 ", format_ms(percentile(run.request_ms, 99)));
    }
    facts.add("time", times);
    if (run.repeated > 0)
        facts.add("again", text(counted(static_cast<long long>(run.repeated), "request"),
                                " ran again as the plan changed under them, each was answered once"));
    print(facts.text());
}

void print_report(const Report& report, const ChosenDevice& device) {
    print_inputs(report);
    print_outputs(report);
    if (report.hub) return print_hub_run(*report.hub);
    Facts facts(6);
    facts.add("device", device.text());
    facts.add("time", times_text(report.times));
    facts.add("memory", memory_text(report.memory) + "; planned before the run, and used");
    print(facts.text());
    if (!report.kernels.empty()) print("\n" + explain_text(report.kernels, report.rates));
}

Json hub_json(const HubRun& run) {
    return {{"hub", run.hub},
            {"plan", plan_json(run.plan, run.boards)},
            {"requests", run.answers.size()},
            {"open_ms", run.open_ms},
            {"seconds", run.seconds},
            {"requests_per_s", static_cast<double>(run.answers.size()) / run.seconds},
            {"request_ms", run.request_ms},
            {"repeated", run.repeated}};
}

Json report_json(const Report& report, const ChosenDevice& device, const std::vector<std::string>& paths) {
    Json out;
    if (paths.size() == 1)
        out["model"] = paths[0];
    else
        out["models"] = paths;
    if (!report.hub) out["device"] = device_json(device);
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
    if (report.hub) {
        out["cluster"] = hub_json(*report.hub);
        return out;
    }
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

// The models, checked, with what their sizes are bound to.
struct Loaded {
    std::vector<importer::Model> models{};
    std::vector<importer::Bindings> bindings{};
};

Loaded load(const RunFlags& flags, Report& report) {
    Loaded out;
    for (const auto& path : flags.ensemble.models) {
        std::optional<importer::Model> model;
        report.times.load_ms += timed_ms([&] { model = load_model(path); });
        model->check_supported();
        out.bindings.push_back(bindings_of(*model, flags.sizes));
        // A session does this by itself; a hub's boards get the graph as it is.
        if (!flags.hub.hub.hub.empty()) model = session::with_precision(*model, precision_of(flags.session));
        out.models.push_back(std::move(*model));
    }
    return out;
}

// Each model by itself, one after the other, and then as one.
void run_here(const Loaded& loaded, const RunFlags& flags, const ChosenDevice& device, Report& report) {
    const auto runs = runs_of(report.inputs, loaded.bindings.front(), flags.session, {flags.repeat, flags.hub.each});
    std::map<std::string, tensor::Type> types;
    for (const auto& [name, tensor] : runs.front())
        types.emplace(name, tensor.type());
    std::vector<std::vector<tensor::Tensor>> answers;
    for (const auto& model : loaded.models) {
        session::Session session(model, device.backend, session_options(model, flags.session));
        {
            const Progress progress("compiling for " + device.info().name);
            report.times.compile_ms += timed_ms([&] { session.prepare(types); });
        }
        Times times;
        report.outputs = run_in_turn(session, runs, {flags.repeat, flags.hub.each}, times);
        report.times.run_ms.resize(times.run_ms.size());
        for (std::size_t i = 0; i < times.run_ms.size(); ++i)
            report.times.run_ms[i] += times.run_ms[i];
        const auto memory = session.memory();
        report.memory.weights += memory.weights;
        report.memory.activations = std::max(report.memory.activations, memory.activations);
        report.memory.results = std::max(report.memory.results, memory.results);
        if (flags.explain) {
            const Progress progress("measuring kernels");
            report.rates = device.rates();
            for (auto& kernel : explain(session.last_run(), std::max(flags.repeat, 3)))
                report.kernels.push_back(std::move(kernel));
        }
        answers.emplace_back();
        for (const auto& [name, tensor] : report.outputs)
            answers.back().push_back(tensor);
    }
    if (answers.size() < 2) return;
    const auto merged = hub::merge_outputs(merge_of(flags.ensemble), answers, weights_of(flags.ensemble));
    for (std::size_t i = 0; i < merged.size(); ++i)
        report.outputs[i].second = merged[i];
}

void run_there(Loaded& loaded, const RunFlags& flags, Report& report) {
    std::vector<tensor::Tensor> inputs;
    for (const auto& input : report.inputs)
        inputs.push_back(input.tensor);
    std::vector<std::vector<tensor::Tensor>> requests;
    if (flags.hub.each)
        requests = rows_of(inputs);
    else
        requests.assign(static_cast<std::size_t>(flags.repeat), inputs);
    for (auto& bindings : loaded.bindings) {
        for (std::size_t i = 0; i < inputs.size(); ++i)
            bindings.inputs.insert_or_assign(report.inputs[i].name, requests[0][i].type());
    }
    const auto graphs = graphs_of(loaded.models, flags.ensemble.models, loaded.bindings);
    auto run = run_on_hub(graphs, requests, flags.ensemble, flags.hub);
    const auto& ports = graphs.front().graph->outputs;
    for (std::size_t i = 0; i < ports.size(); ++i) {
        std::vector<tensor::Tensor> parts;
        if (flags.hub.each) {
            for (const auto& answer : run.answers)
                parts.push_back(answer.at(i));
        } else {
            parts.push_back(run.answers.back().at(i));
        }
        report.outputs.emplace_back(ports[i].name, hub::concatenate(parts));
    }
    report.hub = std::move(run);
}

void check(const RunFlags& flags) {
    (void)merge_of(flags.ensemble);
    (void)weights_of(flags.ensemble);
    const bool there = !flags.hub.hub.hub.empty();
    const bool stateful = !flags.session.state.empty();
    if (flags.hub.each && !there && !stateful)
        throw UsageError("--each is for --hub and --state; on this machine give the model the whole batch");
    if (there && stateful) throw UsageError("--state is for this machine; a hub's answers may come from any board");
    if (there && precision_of(flags.session) == session::Precision::fp16)
        throw UsageError("--precision fp16 is for this machine; a hub's boards compute in the model's own precision");
    if (flags.hub.each && flags.repeat > 1) throw UsageError("--each and --repeat do not go together");
    if (there && flags.explain) throw UsageError("--explain is for this machine; 'shoal status' shows a hub's stages");
    if (!there && mode_of(flags.ensemble) != plan::Mode::best) throw UsageError("--mode is for --hub");
    if (!there && (!flags.hub.hub.keys.key.empty() || !flags.hub.hub.hub_key.empty()))
        throw UsageError("--key and --hub-key are for --hub");
}

using Typed = std::function<bool(const std::string&)>;

// A flag that would do nothing is a misunderstanding.
void check_place(const RunFlags& flags, const Typed& typed) {
    const bool there = !flags.hub.hub.hub.empty();
    for (const char* flag : {"--device", "--threads", "--compact", "--kernel-class", "--patience", "--kernels"}) {
        if (there && typed(flag))
            throw UsageError(text(flag,
                                  " is for this machine; with --hub the boards compute, and 'shoal node' of each "
                                  "takes it"));
    }
    for (const char* flag : {"--in-flight", "--deadline", "--open-timeout", "--connect-timeout", "--objective"}) {
        if (!there && typed(flag)) throw UsageError(text(flag, " is for --hub"));
    }
}

void check_pictures(const std::vector<InputValue>& inputs, const Typed& typed) {
    for (const auto& input : inputs) {
        if (input.picture) return;
    }
    for (const char* flag : {"--mean", "--std", "--range", "--fit", "--resize", "--layout", "--bgr"}) {
        if (typed(flag))
            throw UsageError(text(flag,
                                  " is for pictures, and no input is one; what a .npy file holds is taken as it "
                                  "is"));
    }
}

Exit run(const RunFlags& flags, const Typed& typed) {
    check(flags);
    check_place(flags, typed);
    Report report;
    if (!flags.labels.empty()) report.labels = read_labels(flags.labels);
    auto loaded = load(flags, report);
    std::optional<OutputFolder> folder;
    if (!flags.output.empty()) folder.emplace(flags.output, output_names(loaded.models.front()));
    InputFlags input = flags.input;
    input.each = flags.hub.each;
    input.optional = state_inputs(flags.session);
    report.inputs = read_inputs(loaded.models.front(), input, loaded.bindings.front());
    check_pictures(report.inputs, typed);
    ChosenDevice device;
    if (flags.hub.hub.hub.empty()) {
        device = open_device(flags.device);
        run_here(loaded, flags, device, report);
    } else {
        run_there(loaded, flags, report);
    }
    if (folder) report.files = folder->write(report.outputs);
    warn_of_labels(report);
    if (flags.json)
        print_json(report_json(report, device, flags.ensemble.models));
    else
        print_report(report, device);
    return Exit::ok;
}

}  // namespace

void add_run_command(Frame& frame) {
    const auto flags = std::make_shared<RunFlags>();
    auto& command = frame.add(
        {"run", "Run a model on this machine or a cluster", kDetails, kExamples},
        [flags, &frame] { return run(*flags, [&frame](const std::string& flag) { return frame.typed(flag); }); });
    command.add_option("MODEL", flags->ensemble.models, "An ONNX file; several are an ensemble")
        ->required()
        ->expected(1, CLI::detail::expected_max_vector_size);
    add_input_flags(command, flags->input);
    command
        .add_option("-o,--output", flags->output, "Write each output to DIR/NAME.npy; the folder is made if need be")
        ->option_text("DIR")
        ->group("Input and output");
    command.add_option("--labels", flags->labels, "Names of classes, one a line, for the summary")
        ->option_text("FILE")
        ->group("Input and output");
    command.add_flag("--json", flags->json, "Print the report as JSON")->group("Input and output");
    add_state_flag(command, flags->session);
    add_size_flags(command, flags->sizes);
    add_precision_flag(command, flags->session);
    add_device_flags(command, flags->device);
    add_kernels_flag(command, flags->device);
    command.add_option("-n,--repeat", flags->repeat, "Run N times; the outputs are those of the last")
        ->option_text("N")
        ->check(CLI::Range(1, 1'000'000))
        ->group("Measuring");
    command.add_flag("--explain", flags->explain, "Show the kernels that ran, what each fused and what it took")
        ->group("Measuring");
    add_hub_run_flags(command, flags->hub);
    add_objective_flag(command, flags->ensemble);
    add_mode_flag(command, flags->ensemble);
    add_merge_flags(command, flags->ensemble);
}

}  // namespace shoal::cli
