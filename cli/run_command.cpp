// shoal run: a model, once or several times, on one device of this machine, on several that share it, or through a hub;
// several models are an ensemble.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.hpp"
#include "cli/messages.hpp"
#include "cli/model_flags.hpp"
#include "cli/output.hpp"
#include "cli/run_in_turn.hpp"
#include "cli/run_on_hub.hpp"
#include "cli/run_report.hpp"
#include "cli/session_flags.hpp"
#include "cli/summary.hpp"
#include "cli/text.hpp"
#include "hub/aggregator.hpp"
#include "local/shared_devices.hpp"

namespace shoal::cli {
namespace {

using base::text;

constexpr const char* kDetails =
    "Runs a model on one device of this machine, without a hub and without sockets; with --hub it runs on the boards "
    "of a cluster. With --output every output becomes a .npy file; without it a summary is printed.\n\n"
    "Several devices (--device repeated, all, or cpu/2 for a CPU in two parts) share the work as a cluster's boards "
    "do, without sockets: its kernels are timed on each, and a batch is divided by what they are worth, or the rows of "
    "--each are dealt out. Devices that only share the same cores are found out, and all but one left out.\n\n"
    "Several models are an ensemble: all of them see the same inputs, and --merge makes one answer of theirs. On a "
    "cluster each runs where the plan puts it, on different boards where that is better.\n\n"
    "A PNG or JPEG input is fitted to the model's input: channels and layout come from the model's shape, the size by "
    "--fit, the values by --range, --mean and --std. What was done is printed.";
constexpr const char* kExamples =
    "shoal run resnet18.onnx --input photo.jpg --resize 256 \\\n"
    "    --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --labels imagenet.txt\n"
    "shoal run model.onnx -i ids=ids.npy -i mask=mask.npy --output results/\n"
    "shoal run model.onnx -i x.npy --device gpu --repeat 20 --explain\n"
    "shoal run model.onnx -i batch.npy --device gpu --device cpu\n"
    "shoal run model.onnx -i photos.npy --each --device cpu/2\n"
    "shoal run vad.onnx -i input=frames.npy --each --state stateN=state\n"
    "shoal run a.onnx b.onnx -i x.npy --merge mean --weights 0.7,0.3\n"
    "shoal run model.onnx -i photos.npy --each --hub 192.168.1.10 \\\n"
    "    --key me --hub-key hub.pub";

using Typed = std::function<bool(const std::string&)>;

struct RunFlags {
    EnsembleFlags ensemble;
    ModelFlags sizes;
    HubRunFlags hub;
    DeviceFlags device;
    std::vector<std::string> devices;  // wishes
    InputFlags input;
    SessionFlags session;
    std::string output, labels;
    int repeat = 1;
    bool explain = false, json = false;

    [[nodiscard]] bool on_hub() const { return !hub.hub.hub.empty(); }
    [[nodiscard]] bool on_several_devices() const { return are_several(devices); }
    /// Somebody makes a plan, and graphs of one piece are what it is made for.
    [[nodiscard]] bool planned() const { return on_hub() || on_several_devices(); }
};

std::vector<std::string> output_names(const importer::Model& model) {
    std::vector<std::string> out;
    for (const auto& output : model.outputs())
        out.push_back(output.name);
    return out;
}

// The models, checked, with what their sizes are bound to.
struct Loaded {
    std::vector<importer::Model> models{};
    std::vector<importer::Bindings> bindings{};
};

Loaded load(const RunFlags& flags, RunReport& report) {
    Loaded out;
    for (const auto& path : flags.ensemble.models) {
        std::optional<importer::Model> model;
        report.times.load_ms += timed_ms([&] { model = load_model(path); });
        model->check_supported();
        out.bindings.push_back(bindings_of(*model, flags.sizes));
        // A session does this by itself; who plans gets the graph as it is.
        if (flags.planned()) model = session::with_precision(*model, precision_of(flags.session));
        out.models.push_back(std::move(*model));
    }
    return out;
}

// Each model by itself, one after the other, and then as one.
void run_here(const Loaded& loaded, const RunFlags& flags, RunReport& report) {
    const ChosenDevice& device = report.devices.at(0);
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

// A stream is planned for throughput where nobody says what matters: on one machine answers come back soon anyway.
EnsembleFlags wishes_of(const RunFlags& flags, const Typed& typed) {
    EnsembleFlags out = flags.ensemble;
    if (!flags.on_hub() && flags.hub.each && !typed("--objective")) out.objective = "throughput";
    return out;
}

using Requests = std::vector<std::vector<tensor::Tensor>>;

// A model by itself may be several graphs, one after the other; those of an ensemble are one each.
HubRun answered(const std::shared_ptr<client::Client>& client, const Loaded& loaded, const Requests& requests,
                const EnsembleFlags& wishes, const HubRunFlags& flags, const RunReport& report) {
    if (loaded.models.size() > 1)
        return run_on_hub(*client, graphs_of(loaded.models, wishes.models, loaded.bindings), requests, wishes, flags);
    if (auto graph = session::whole_graph(loaded.models[0], loaded.bindings[0])) {
        const auto name = std::filesystem::path(wishes.models[0]).stem().string();
        return run_on_hub(*client, {{name, std::make_shared<graph::Graph>(std::move(*graph))}}, requests, wishes,
                          flags);
    }
    std::vector<session::Inputs> named;
    for (const auto& request : requests) {
        named.emplace_back();
        for (std::size_t i = 0; i < request.size(); ++i)
            named.back().emplace(report.inputs[i].name, request[i]);
    }
    return run_segments_on_hub(client, loaded.models[0], named, wishes, flags);
}

void run_planned(Loaded& loaded, const RunFlags& flags, const Typed& typed, RunReport& report) {
    std::vector<tensor::Tensor> inputs;
    std::vector<bool> whole;
    for (const auto& input : report.inputs) {
        inputs.push_back(input.tensor);
        whole.push_back(input.whole);
    }
    Requests requests;
    if (flags.hub.each)
        requests = rows_of(inputs, whole);
    else
        requests.assign(static_cast<std::size_t>(flags.repeat), inputs);
    for (auto& bindings : loaded.bindings) {
        for (std::size_t i = 0; i < inputs.size(); ++i)
            bindings.inputs.insert_or_assign(report.inputs[i].name, requests[0][i].type());
    }
    const std::shared_ptr<client::Client> client =
        flags.on_hub() ? connect(flags.hub.hub, "shoal run") : share(report.devices);
    auto run = answered(client, loaded, requests, wishes_of(flags, typed), flags.hub, report);
    const std::string prefix = text(local::kBoard, ':');
    for (auto& [plan, boards] : run.placed) {
        for (auto& board : boards) {
            if (!flags.on_hub() && board.rfind(prefix, 0) == 0) board.erase(0, prefix.size());
            if (!flags.on_hub() && report.devices.size() == 1) board = report.devices[0].info().id;
        }
    }
    const auto ports = output_names(loaded.models.front());
    for (std::size_t i = 0; i < ports.size(); ++i) {
        std::vector<tensor::Tensor> parts;
        if (flags.hub.each) {
            for (const auto& answer : run.answers)
                parts.push_back(answer.at(i));
        } else {
            parts.push_back(run.answers.back().at(i));
        }
        report.outputs.emplace_back(ports[i], hub::concatenate(parts));
    }
    report.hub = std::move(run);
}

void check(const RunFlags& flags) {
    (void)merge_of(flags.ensemble);
    (void)weights_of(flags.ensemble);
    const bool there = flags.on_hub(), planned = flags.planned();
    const char* where = there ? "a hub's boards compute" : "devices that share a model compute";
    const bool stateful = !flags.session.state.empty();
    if (flags.hub.each && !planned && !stateful)
        throw UsageError(
            "--each is for --hub, several devices and --state; on one device give the model the whole batch");
    if (there && stateful) throw UsageError("--state is for this machine; a hub's answers may come from any board");
    if (planned && stateful) throw UsageError("--state is for one device; answers may come from any of several");
    if (planned && precision_of(flags.session) == session::Precision::fp16)
        throw UsageError(
            text("--precision fp16 is for one device of this machine; ", where, " in the model's own precision"));
    if (flags.hub.each && flags.repeat > 1) throw UsageError("--each and --repeat do not go together");
    if (there && flags.explain) throw UsageError("--explain is for this machine; 'shoal status' shows a hub's stages");
    if (planned && flags.explain)
        throw UsageError(
            "--explain is for one device; 'shoal plan MODEL --device ...' shows what each of several does");
    if (!planned && mode_of(flags.ensemble) != plan::Mode::best)
        throw UsageError("--mode is for --hub and for several devices");
    if (!there && (!flags.hub.hub.keys.key.empty() || !flags.hub.hub.hub_key.empty()))
        throw UsageError("--key and --hub-key are for --hub");
}

// A flag that would do nothing is a misunderstanding.
void check_place(const RunFlags& flags, const Typed& typed) {
    const bool there = flags.on_hub();
    for (const char* flag : {"--device", "--threads", "--compact", "--kernel-class", "--patience", "--kernels"}) {
        if (there && typed(flag))
            throw UsageError(text(flag,
                                  " is for this machine; with --hub the boards compute, and 'shoal node' of each "
                                  "takes it"));
    }
    if (!there && typed("--connect-timeout")) throw UsageError("--connect-timeout is for --hub");
    for (const char* flag : {"--in-flight", "--deadline", "--open-timeout", "--objective"}) {
        if (!flags.planned() && typed(flag)) throw UsageError(text(flag, " is for --hub and for several devices"));
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
    RunReport report;
    if (!flags.labels.empty()) report.labels = read_labels(flags.labels);
    auto loaded = load(flags, report);
    std::optional<OutputFolder> folder;
    if (!flags.output.empty()) folder.emplace(flags.output, output_names(loaded.models.front()));
    InputFlags input = flags.input;
    input.each = flags.hub.each;
    input.state = state_inputs(flags.session);
    report.inputs = read_inputs(loaded.models.front(), input, loaded.bindings.front());
    check_pictures(report.inputs, typed);
    if (!flags.on_hub()) report.devices = open_devices(flags.device, flags.devices);
    if (flags.planned())
        run_planned(loaded, flags, typed, report);
    else
        run_here(loaded, flags, report);
    if (folder) report.files = folder->write(report.outputs);
    warn_of_labels(report);
    if (flags.json)
        print_json(report_json(report, flags.ensemble.models));
    else
        print_report(report);
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
    add_devices_flags(command, flags->device, flags->devices, "Where to run");
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
